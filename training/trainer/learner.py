"""What is optimised: the network with everything that exists for training alone beside it.

A ``Learner`` turns a ``Batch`` into a loss. What only training needs (caption decoder, contrastive projections, the
memory of RGCL, an image tower in the loop) lives here and never in ``MemeFier``, so it can never be exported.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from model.network.caption import CaptionDecoder, caption_loss
from model.network.fusion import FusedMeme
from model.network.memefier import MemeFier
from training.data.batch import Batch, Inputs
from training.data.examples import Examples
from training.data.modalities import BOTH, Modalities
from training.losses.config import LossConfig
from training.losses.contrastive import PooledView, projected_contrastive_loss
from training.losses.margin import with_margin
from training.losses.multi_task import multi_task_loss
from training.losses.retrieval import RetrievalMemory, retrieval_loss

__all__ = ["Learner", "LossConfig", "evaluating"]

_MEMORY_BATCH = 64


class _Seen(NamedTuple):
    """What the network makes of a batch."""

    inputs: Inputs
    fused: FusedMeme
    logits: tuple[Tensor, ...]


class Learner(nn.Module):
    """A network and the losses it is trained with.

    ``image_tower`` maps pixels [B, 3, S, S] to image_embeds [B, Di] and patch_tokens [B, P, Dp], for batches that bring
    pixels in place of features. Raises ``ValueError`` for losses that this network cannot be trained with.

    ``state_dict`` holds all that is learnt. The memory of RGCL is no part of it: ``begin_epoch`` makes it anew from the
    weights and the training set alone, so a run that resumes where an epoch begins goes on as if unbroken.
    """

    def __init__(self, network: MemeFier, losses: LossConfig, image_tower: nn.Module | None = None) -> None:
        super().__init__()
        self.network = network
        self.losses = losses
        self.image_tower = image_tower
        self.caption_decoder = _caption_decoder(network, losses) if losses.caption_weight else None
        self.projections = _projections(network, losses) if losses.contrastive_weight else None
        self._rgcl_place = _rgcl_place(network, losses) if losses.rgcl_weight else None
        self._memory: RetrievalMemory | None = None

    def with_losses(self, losses: LossConfig) -> "Learner":
        """The same network trained with other ``losses``; what only these need has fresh weights."""
        return self if losses == self.losses else Learner(self.network, losses, self.image_tower)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """``loss``, the scalar to minimise, and beside it by name the weighted terms that it is the sum of (detached).

        In evaluation mode RGCL is left out: its memory is about the training set.
        """
        seen = self._see(batch)
        views = self._views(batch, seen) if self.projections is not None else {}
        # Half precision is for the network; losses add up many small numbers.
        with torch.autocast(seen.fused.cls.device.type, enabled=False):
            terms = self._terms(batch, seen, views)
        return {"loss": torch.stack(list(terms.values())).sum()} | {name: term.detach() for name, term in terms.items()}

    def logits(self, batch: Batch) -> tuple[Tensor, ...]:
        """float32 [B, n_logits] a task, in taxonomy order, as the exported head gives them: without margin."""
        return tuple(task_logits.float() for task_logits in self.network(*self._inputs(batch)))

    def begin_epoch(self, train: Examples, modalities: Modalities = BOTH, device: torch.device | str = "cpu") -> None:
        """What must be made anew before each epoch: RGCL's memory of ``train``. Touches no mode and no random state."""
        if self._rgcl_place is None:
            return
        order = np.argsort([len(sample.text) for sample in train.samples], kind="stable")
        chunks = [order[at : at + _MEMORY_BATCH].tolist() for at in range(0, len(order), _MEMORY_BATCH)]
        with evaluating(self), torch.no_grad():
            fused = [self._see(train.batch(chunk, modalities).to(device)).fused.cls.float() for chunk in chunks]
        back = torch.from_numpy(np.argsort(order, kind="stable"))
        labels = torch.from_numpy(train.labels(self._rgcl_place)).to(device)
        self._memory = RetrievalMemory.of(torch.cat(fused)[back.to(device)], labels)

    def _see(self, batch: Batch) -> _Seen:
        inputs = self._inputs(batch)
        fused = self.network.fuse(*inputs)
        return _Seen(inputs, fused, tuple(task_logits.float() for task_logits in self.network.heads(fused.cls)))

    def _inputs(self, batch: Batch) -> Inputs:
        """The batch's inputs, with pixels turned into features and placeholders as wide as the network wants them."""
        embeds, patches, *rest = batch.inputs
        if batch.pixels is not None:
            if self.image_tower is None:
                raise ValueError("this batch brings pixels: give the Learner an image_tower, or train on its features")
            embeds, patches = self.image_tower(batch.pixels)
        elif embeds.shape[1] == 0:
            widths = self.network.widths
            embeds = embeds.new_zeros(len(embeds), widths.image)
            patches = patches.new_zeros(len(patches), 1, widths.patch)
        return cast(Inputs, (embeds, patches, *rest))

    def _views(self, batch: Batch, seen: _Seen) -> dict[str, PooledView]:
        """Each view's pooled vector as the network projects it; the text tower reads captions too.

        Not the towers' own vectors: with frozen towers, a contrast between those would teach the network nothing.
        """
        found = {
            "image": self._pooled("image", seen.inputs[0], seen.inputs[2] > 0),
            "text": self._pooled("text", seen.fused.text_embeds, seen.inputs[4].any(dim=1)),
        }
        if "caption" in self.losses.contrastive_views:
            embeds, present = torch.zeros_like(seen.fused.text_embeds), torch.zeros_like(found["text"].present)
            if batch.captions is not None:
                embeds, _ = self.network.text_tower(*batch.captions)
                present = batch.captions[1].any(dim=1)
            found["caption"] = self._pooled("text", embeds, present)
        return {view: found[view] for view in self.losses.contrastive_views}

    def _pooled(self, modality: Literal["image", "text"], embeds: Tensor, present: Tensor) -> PooledView:
        fusion = self.network.fusion
        projection = fusion.pooled_image if modality == "image" else fusion.pooled_text
        return PooledView(cast(nn.Module, projection)(embeds, present), present)

    def _terms(self, batch: Batch, seen: _Seen, views: dict[str, PooledView]) -> dict[str, Tensor]:
        """Each loss that is on, times its weight; float32 scalars."""
        losses, fused = self.losses, seen.fused
        terms = {"classification": (1 - losses.rgcl_weight) * self._classification(batch, seen.logits)}
        if self.caption_decoder is not None:
            terms["caption"] = losses.caption_weight * self._caption(self.caption_decoder, batch, fused)
        if self.projections is not None:
            term = projected_contrastive_loss(self.projections, views, losses.contrastive_temperature)
            terms["contrastive"] = losses.contrastive_weight * term
        if self._rgcl_place is not None and self.training:
            terms["rgcl"] = losses.rgcl_weight * self._rgcl(self._rgcl_place, batch, fused)
        return terms

    def _classification(self, batch: Batch, logits: tuple[Tensor, ...]) -> Tensor:
        config = self.network.config
        if config.margin:
            offset = config.scale * config.margin
            logits = with_margin(logits, batch.labels, config.task_list, offset, batch.label_sets)
        return multi_task_loss(
            logits,
            batch.labels,
            config.task_list,
            label_sets=batch.label_sets,
            label_smoothing=self.losses.label_smoothing,
            soft_labels=batch.soft_labels,
            distillation_weight=self.losses.distillation_weight,
            weights=batch.weights,
            label_noise=batch.label_noise,
        )

    def _caption(self, decoder: CaptionDecoder, batch: Batch, fused: FusedMeme) -> Tensor:
        """The surprise at the captions of the pictures that are shown."""
        if batch.captions is None:
            return fused.cls.new_zeros((), dtype=torch.float32)
        ids, mask = (tokens[:, : self.losses.caption_max_tokens] for tokens in batch.captions)
        shown = mask * batch.inputs[2][:, None]
        logits: Tensor = decoder(fused.patches.float(), fused.patch_mask, ids)
        return caption_loss(logits, ids, shown)

    def _rgcl(self, index: int, batch: Batch, fused: FusedMeme) -> Tensor:
        if self._memory is None:
            raise RuntimeError("RGCL has no memory yet: call begin_epoch before the first step of an epoch")
        return retrieval_loss(
            fused.cls.float(),
            batch.labels[:, index],
            batch.rows,
            self._memory,
            n_positives=self.losses.rgcl_positives,
            n_hard_negatives=self.losses.rgcl_hard_negatives,
            temperature=self.losses.rgcl_temperature,
        )


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; every part then has the mode that it had."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, was_training in modes:
            part.training = was_training


def _caption_decoder(network: MemeFier, losses: LossConfig) -> CaptionDecoder:
    vocab_size = getattr(network.text_tower, "vocab_size", 0)
    if not vocab_size:
        raise ValueError(
            "caption_weight is above 0, but this text tower does not say how many tokens it knows: "
            "set its vocab_size, or caption_weight to 0"
        )
    return CaptionDecoder(losses.caption_decoder, network.config.width, vocab_size, losses.caption_max_tokens)


def _projections(network: MemeFier, losses: LossConfig) -> nn.ModuleDict:
    """A Linear for each view, from the network's pooled vectors to ``contrastive_width``."""
    if network.fusion.pooled_image is None:
        raise ValueError(
            "contrastive_weight is above 0, but this network has no pooled vectors to contrast: "
            "switch on stage1, pooled_product or pooled_concat, or set contrastive_weight to 0"
        )
    width = network.config.width
    return nn.ModuleDict({view: nn.Linear(width, losses.contrastive_width) for view in losses.contrastive_views})


def _rgcl_place(network: MemeFier, losses: LossConfig) -> int:
    """Place of ``rgcl_task`` among the network's tasks."""
    tasks = {task.name: index for index, task in enumerate(network.config.task_list) if task.kind == "binary"}
    if losses.rgcl_task not in tasks:
        raise ValueError(
            f"rgcl_weight is above 0, but {losses.rgcl_task!r} is no binary task of this network: set rgcl_task to one "
            f"of {', '.join(tasks) or 'them (it has none)'}, or rgcl_weight to 0"
        )
    return tasks[losses.rgcl_task]

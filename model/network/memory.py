"""A memory of labelled memes whose votes are added to the logits: a kernel machine over what the frozen towers see.

Small sets are noisy, and there a kernel machine on frozen features is a strong learner that a network does not replace
but completes: the two err on different memes. The idea of a vote beside the classifier is that of retrieval-guided
models (RGCL, Mei et al. 2024); here every remembered meme votes, with the weight that ridge regression gave it
(``training/memory.py``). It is part of the exported graph.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from model.network.memefier import MemeFier

View = Literal["image", "text"]


class MemoryView(nn.Module):
    """Likeness of a meme to each remembered one, as one tower sees them: a Gaussian kernel of unit vectors, rescaled.

    Symbols: B memes, M remembered memes, D width of the feature.
    """

    def __init__(self, supports: Tensor, mean: Tensor, deviation: Tensor) -> None:
        """``supports`` [M, D] are scaled already; ``mean`` and ``deviation`` [D] scale unit vectors as they were."""
        super().__init__()
        # A parameter, though never trained: export packs parameters to int8, and this is the memory's bulk.
        self.supports = nn.Parameter(supports, requires_grad=False)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, features: Tensor) -> Tensor:
        """``features`` [B, D] -> [B, M] in (0, 1]; 1 where both are the same."""
        unit = features / features.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        scaled = (unit - self.mean) / self.deviation
        squared = (scaled**2).sum(1, keepdim=True) + (self.supports**2).sum(1) - 2 * scaled @ self.supports.T
        # Rounding can bring the distance of equals a little below zero.
        return torch.exp(-squared.clamp(min=0) / (2 * scaled.shape[1]))


class KernelMemory(nn.Module):
    """Sums the kernels of its views and lets each remembered meme vote, for every task, with its weight."""

    def __init__(self, views: Mapping[View, MemoryView], weights: Tensor) -> None:
        """``weights`` [M, n_tasks], in units of logits; a column of zeros for a task that it has no say in."""
        super().__init__()
        self.views = nn.ModuleDict(dict(views.items()))
        self.weights = nn.Parameter(weights, requires_grad=False)

    def forward(self, features: Mapping[View, Tensor], present: Mapping[View, Tensor]) -> Tensor:
        """Votes [B, n_tasks]; zeros for a meme that lacks a view: it is like nothing that is remembered.

        ``features`` [B, D] and ``present`` [B] bool by view; views that the memory does not have are not read.
        """
        names: list[View] = [name for name in features if name in self.views]
        likeness = torch.stack([self.views[name](features[name]) for name in names]).sum(0)
        whole = torch.stack([present[name] for name in names]).all(0)
        votes: Tensor = likeness @ self.weights
        return votes * whole[:, None]


class Remembering(MemeFier):
    """``network`` with a memory's votes on its logits; shares every weight with it. All its tasks must be binary.

    The image view is the first patch token, which is the class token in CLIP's towers: before CLIP's projection, it
    tells memes apart better than the pooled embedding does.
    """

    def __init__(self, network: MemeFier, memory: KernelMemory) -> None:
        # Not MemeFier's own: the parts are there already.
        nn.Module.__init__(self)
        others = [task.name for task in network.config.task_list if task.kind != "binary"]
        if others:
            raise ValueError(f"a memory votes on binary tasks only, and {others[0]!r} is none: leave the memory out")
        self.config, self.widths = network.config, network.widths
        self.text_tower, self.fusion, self.heads = network.text_tower, network.fusion, network.heads
        self.memory = memory

    def forward(
        self,
        image_embeds: Tensor,
        patch_tokens: Tensor,
        image_mask: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        tag_ids: Tensor,
        tag_mask: Tensor,
    ) -> tuple[Tensor, ...]:
        """See ``MemeFier.forward``; P must count every patch of the picture, the class token first."""
        fused = self.fuse(image_embeds, patch_tokens, image_mask, input_ids, attention_mask, tag_ids, tag_mask)
        votes = self.memory(
            {"image": patch_tokens[:, 0], "text": fused.text_embeds},
            {"image": image_mask > 0, "text": (attention_mask > 0).any(dim=1)},
        )
        logits: tuple[Tensor, ...] = self.heads(fused.cls)
        return tuple(task_logits + votes[:, at : at + 1] for at, task_logits in enumerate(logits))

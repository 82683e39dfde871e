"""A memory of labelled memes whose votes are added to the logits: a kernel machine over what the frozen towers see.

Small sets are noisy, and there a kernel machine on frozen features is a strong learner that a network does not replace
but completes: the two err on different memes. The idea of a vote beside the classifier is that of retrieval-guided
models (RGCL, Mei et al. 2024); here every remembered meme votes, with the weight that ridge regression gave it
(``training/kernel/memory.py``). It is part of the exported graph.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from model.network.fusion import TowerFeatures
from model.network.memefier import HeadInputs, MemeNetwork
from model.network.text_tower import TextTower
from model.taxonomy import Task

#: ``image`` is the class token of CLIP's towers before their projection, which tells memes apart better than what is
#: pooled; ``pooled_image`` is for towers without a class token.
View = Literal["image", "pooled_image", "text"]


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
    """Sums the kernels of its views and lets each remembered meme vote, for every binary task, with its weight."""

    def __init__(self, views: Mapping[View, MemoryView], weights: Tensor) -> None:
        """``weights`` [M, T], in units of logits, for the T binary tasks in the network's order.

        A column of zeros is of a task that it has no say in.
        """
        super().__init__()
        self.views = nn.ModuleDict(dict(views.items()))
        self.weights = nn.Parameter(weights, requires_grad=False)

    def with_weights(self, weights: Tensor) -> "KernelMemory":
        """A memory of the same memes, which it shares, that vote with other ``weights`` [M, T]."""
        return KernelMemory(cast(Mapping[View, MemoryView], self.views), weights)

    def forward(self, features: Mapping[View, Tensor], present: Mapping[View, Tensor]) -> Tensor:
        """Votes [B, T]; zeros for a meme that lacks a view: it is like nothing that is remembered.

        ``features`` [B, D] and ``present`` [B] bool by view; views that the memory does not have are not read.
        """
        names: list[View] = [name for name in features if name in self.views]
        likeness = torch.stack([self.views[name](features[name]) for name in names]).sum(0)
        whole = torch.stack([present[name] for name in names]).all(0)
        votes: Tensor = likeness @ self.weights
        return votes * whole[:, None]


class NetworkWithMemory(MemeNetwork):
    """``network`` with a memory's votes on the logits of its binary tasks; shares every weight with it.

    It leaves the logits of the other tasks alone, and has no view of what ``network`` hides, as a twin does: nobody
    could be like what it remembers.
    """

    def __init__(self, network: MemeNetwork, memory: KernelMemory) -> None:
        super().__init__(network.parts)
        self._votes_on = binary_tasks(network.config.task_list)
        if memory.weights.shape[1] != len(self._votes_on):
            raise ValueError(
                f"a memory votes on binary tasks only: this one on {memory.weights.shape[1]}, and the network has "
                f"{len(self._votes_on)}; leave the memory out, or make it anew"
            )
        self.memory = memory

    def on_tower(self, text_tower: TextTower) -> MemeNetwork:
        """See ``MemeNetwork.on_tower``; with the same memory."""
        return NetworkWithMemory(super().on_tower(text_tower), self.memory)

    def judge(self, inputs: HeadInputs, features: TowerFeatures) -> tuple[Tensor, ...]:
        """See ``MemeNetwork.judge``; P must count every patch of the picture, the class token first."""
        votes = self.memory(
            {
                "image": inputs.patch_tokens[:, 0],
                "pooled_image": inputs.image_embeds,
                "text": features.text_embeds,
            },
            {
                "image": inputs.image_mask > 0,
                "pooled_image": inputs.image_mask > 0,
                "text": (inputs.attention_mask > 0).any(dim=1),
            },
        )
        logits = super().judge(inputs, features)
        columns = dict(zip(self._votes_on, votes.split(1, dim=1), strict=True))
        return tuple(one + columns[at] if at in columns else one for at, one in enumerate(logits))


def binary_tasks(tasks: Sequence[Task]) -> list[int]:
    """Places of the tasks that a memory votes on."""
    return [place for place, task in enumerate(tasks) if task.kind == "binary"]

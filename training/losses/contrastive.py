"""The N-modal contrastive loss (Theisen & Scheirer): CLIP's loss over any number of modalities.

The similarity of one vector from each modality is the sum over places of their product, which for two is the dot
product. A batch gives a hyper-grid of them, B to the power of N cells, whose diagonal holds the memes themselves.
Along each axis every meme must find its own diagonal cell among all cells of its slice; for N = 2 these slices are rows
and columns, and this is CLIP's symmetric loss.

Memory: B^N cells, and B^(N-1) x D products on the way to them. ``max_cells`` bounds the larger of both: a batch that
would exceed it is split evenly, and its memes are told from those of their part alone. The default, 64 MB of float32
(several times that with gradients), takes 4,096 pairs or 181 triples of 512 places at once.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_CELLS = 2**24


class PooledView(NamedTuple):
    """One modality of a batch: ``pooled`` [B, width], and ``present`` [B] bool, False for a meme that lacks it."""

    pooled: Tensor
    present: Tensor


def projected_contrastive_loss(
    projections: nn.ModuleDict, views: Mapping[str, PooledView], temperature: float | Tensor
) -> Tensor:
    """The loss over the memes that show every view, each view through its projection to the common width; a scalar."""
    whole = torch.stack([view.present for view in views.values()]).all(dim=0)
    embeds = [projections[name](view.pooled[whole].float()) for name, view in views.items()]
    return n_modal_contrastive_loss(embeds, temperature)


def n_modal_contrastive_loss(
    embeds: Sequence[Tensor], temperature: float | Tensor, *, max_cells: int = MAX_CELLS
) -> Tensor:
    """Mean cross-entropy towards the diagonal, over memes and axes; a scalar.

    ``embeds``: [B, D] for each of N >= 2 modalities, a row a meme that has all of them; they are L2-normalised here.
    Zero (with a gradient of zeros) for fewer than two memes, which leave nothing to contrast. Raises ``ValueError``
    for fewer than two modalities.
    """
    if len(embeds) < 2:
        raise ValueError(f"a contrastive loss needs two modalities or more, got {len(embeds)}")
    n_rows = len(embeds[0])
    if n_rows < 2:
        return torch.stack([embed.sum() * 0.0 for embed in embeds]).sum()
    n_parts = math.ceil(n_rows / _max_rows(len(embeds), embeds[0].shape[1], max_cells))
    parts = zip(*(F.normalize(embed, dim=-1).tensor_split(n_parts) for embed in embeds), strict=True)
    losses = [_grid_loss(hyper_grid(part) / temperature) * len(part[0]) for part in parts]
    return torch.stack(losses).sum() / n_rows


def hyper_grid(embeds: Sequence[Tensor]) -> Tensor:
    """[B, D] for each of N modalities -> [B, ..., B] (N axes): sum over d of the product over m of e_m[i_m, d]."""
    products, *middle, last = embeds
    for embed in middle:
        products = products.unsqueeze(-2) * embed
    return products @ last.T


def _grid_loss(logits: Tensor) -> Tensor:
    """[B, ..., B] -> cross-entropy towards the diagonal, the mean over axes and rows."""
    n_rows, n_axes = logits.shape[0], logits.dim()
    # The cell (i, ..., i) of the slice at i, with the slice's other axes laid flat.
    step = sum(n_rows**power for power in range(n_axes - 1))
    diagonal = torch.arange(n_rows, device=logits.device) * step
    slices = (logits.movedim(axis, 0).flatten(1) for axis in range(n_axes))
    return torch.stack([F.cross_entropy(cells, diagonal) for cells in slices]).mean()


def _max_rows(n_modalities: int, width: int, max_cells: int) -> int:
    """The most rows, at least two, whose grid and products on the way have ``max_cells`` at most."""
    by_grid = math.pow(max_cells, 1 / n_modalities)
    by_products = math.pow(max_cells / width, 1 / (n_modalities - 1))
    return max(2, math.floor(min(by_grid, by_products)))

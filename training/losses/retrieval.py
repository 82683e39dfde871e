"""Retrieval-guided contrastive learning, RGCL (Mei et al. 2024).

Memes that look alike may differ in what they mean: benign confounders. So each meme is pulled towards its nearest
neighbour of the same label in the training set (pseudo-gold positive), and pushed from its nearest neighbours of the
other label (hard negatives) and from the batch's memes of the other label.

The memory holds a fused vector of every training sample, as the network saw it when the epoch began: N x D floats,
35 MB for 8,500 samples of width 1,024. No gradient flows into it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.datasets.base import ABSENT


@dataclass(frozen=True)
class RetrievalMemory:
    """``vectors`` [N, D] of norm 1 and ``labels`` [N], 0, 1 or ``ABSENT``, in the order of the training set."""

    vectors: Tensor
    labels: Tensor

    @classmethod
    def of(cls, fused: Tensor, labels: Tensor) -> "RetrievalMemory":
        """``fused`` [N, D], of any length, and ``labels`` [N]."""
        return cls(F.normalize(fused.detach().float(), dim=-1), labels)

    def nearest(self, queries: Tensor, allowed: Tensor, n_nearest: int) -> tuple[Tensor, Tensor]:
        """Nearest allowed neighbours by cosine, nearest first.

        ``queries`` [B, D]; ``allowed`` [B, N] bool -> their vectors [B, k, D] and whether each is one [B, k] bool, with
        k = ``n_nearest``, or N if that is less.
        """
        similarities = (queries.detach() @ self.vectors.T).masked_fill(~allowed, -torch.inf)
        found = similarities.topk(min(n_nearest, len(self.vectors)), dim=1)
        return self.vectors[found.indices], found.values > -torch.inf


def retrieval_loss(
    fused: Tensor,
    labels: Tensor,
    rows: Tensor,
    memory: RetrievalMemory,
    *,
    n_positives: int = 1,
    n_hard_negatives: int = 1,
    temperature: float = 1.0,
) -> Tensor:
    """Mean over memes and their positives of -log(e^s(positive) / (e^s(positive) + sum over negatives of e^s)).

    s is the cosine over ``temperature``. ``fused`` [B, D] and ``labels`` [B] are the batch's; ``rows`` [B] says which
    place in the memory is the meme itself, which is no neighbour. Memes without a label or a positive are left out;
    zero (with a gradient of zeros) when that leaves none.
    """
    queries = F.normalize(fused, dim=-1)
    is_self = torch.arange(len(memory.labels), device=rows.device) == rows[:, None]
    same = (memory.labels == labels[:, None]) & (labels != ABSENT)[:, None]
    other = _differs(labels[:, None], memory.labels)
    positives, is_positive = memory.nearest(queries, same & ~is_self, n_positives)
    hard, is_hard = memory.nearest(queries, other, n_hard_negatives)
    negatives = torch.cat([_cosines(queries, hard), queries @ queries.T], dim=1)
    is_negative = torch.cat([is_hard, _differs(labels[:, None], labels)], dim=1)
    negatives = (negatives / temperature).masked_fill(~is_negative, -torch.inf)
    return _mean_surprise(_cosines(queries, positives) / temperature, is_positive, negatives)


def _mean_surprise(positives: Tensor, is_positive: Tensor, negatives: Tensor) -> Tensor:
    """``positives`` [B, P] against ``negatives`` [B, M] (-inf: none), the mean where ``is_positive``."""
    candidates = torch.cat([positives[:, :, None], negatives[:, None, :].expand(-1, positives.shape[1], -1)], dim=2)
    surprises = candidates.logsumexp(dim=2) - positives
    return (surprises * is_positive).sum() / is_positive.sum().clamp(min=1)


def _cosines(queries: Tensor, vectors: Tensor) -> Tensor:
    """[B, D] with [B, k, D] -> [B, k]."""
    return (vectors @ queries[:, :, None]).squeeze(2)


def _differs(labels: Tensor, others: Tensor) -> Tensor:
    """Where both labels are there and unlike; broadcasts."""
    return (labels != others) & (labels != ABSENT) & (others != ABSENT)

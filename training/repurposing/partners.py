"""Who gets whose picture: permutations under which nobody gets one of their own group.

A permutation keeps how often each picture occurs, so that a picture is as often with words that are not its own as with
its own: what pictures are there tells nothing.
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.preprocessing import normalize

from training.datasets import DatasetError

Rows = NDArray[np.int64]
#: Rows that are assigned at once: time grows with their third power, memory with their square.
_BLOCK = 1500
#: What a pair of one group costs; cosines differ by 2 at most.
_FORBIDDEN = 1e6


def random_partners(groups: Rows, rng: np.random.Generator) -> Rows:
    """int64 [N], a permutation: row i gets what belongs to row ``partners[i]``, which is of another group.

    Raises ``DatasetError`` when more than half of the rows are of one group.
    """
    _check_groups(groups)
    partners = rng.permutation(len(groups))
    clashing = np.flatnonzero(groups == groups[partners])
    while len(clashing):
        row = int(clashing[0])
        # Rows that it can exchange partners with: neither gets one of its own group.
        fitting = np.flatnonzero((groups[partners] != groups[row]) & (groups != groups[partners[row]]))
        other = int(rng.choice(fitting))
        partners[row], partners[other] = partners[other], partners[row]
        clashing = np.flatnonzero(groups == groups[partners])
    return partners.astype(np.int64)


def similar_partners(groups: Rows, features: NDArray[np.floating], rng: np.random.Generator) -> Rows:
    """The same, but of all such permutations the one whose pairs have the most similar ``features`` [N, D] by cosine.

    Rows are assigned in blocks of 1,500, drawn by the seed.
    """
    _check_groups(groups)
    unit = normalize(np.asarray(features, dtype=np.float64))
    partners = np.empty(len(groups), dtype=np.int64)
    for rows in _blocks(groups, rng):
        cost = np.where(groups[rows][:, None] == groups[rows][None, :], _FORBIDDEN, -(unit[rows] @ unit[rows].T))
        # Equal rows would be told apart by their place alone.
        own, others = linear_sum_assignment(cost + 1e-9 * rng.random(cost.shape))
        if (cost[own, others] == _FORBIDDEN).any():
            raise DatasetError("too many memes have one picture; use more data")
        partners[rows[own]] = rows[others]
    return partners


def _check_groups(groups: Rows) -> None:
    """Raises ``DatasetError`` when one group has more than half of the rows: some would have to keep what they have."""
    if len(groups) < 2:
        raise DatasetError(f"{len(groups)} memes cannot exchange anything; use more data or larger shares")
    (_, most) = Counter(groups.tolist()).most_common(1)[0]
    if 2 * most > len(groups):
        raise DatasetError(
            f"{most} of {len(groups)} memes have the same picture, so that they cannot all get another; use more data, "
            "or larger shares for dev and test"
        )


def _blocks(groups: Rows, rng: np.random.Generator) -> list[Rows]:
    """Rows in blocks of about one size, each with its share of every group."""
    shuffled = rng.permutation(len(groups))
    by_group = shuffled[np.argsort(groups[shuffled], kind="stable")]
    n_blocks = -(-len(groups) // _BLOCK)
    return [by_group[start::n_blocks] for start in range(n_blocks)]

"""Near-duplicates among many hashes: each pair that is near, and the groups that such pairs make.

Every pair is looked at, first by half of its bits: nothing is missed, whatever the hashes are like, and the memory is
bounded. 100,000 hashes take about half a minute of one core.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model.known.packed_hashes import Words, distances_to, packed

#: Hashes that one is held against at once.
_BLOCK = 1 << 16

Hashes = Sequence[bytes] | NDArray[np.uint8]


def near_pairs(hashes: Hashes, distance: int) -> Iterator[NDArray[np.int64]]:
    """Pairs of ``hashes`` (32 bytes each, or [N, 32]) that differ in at most ``distance`` bits, a block [K, 3] at a
    time: the indexes of both, the smaller first, and the distance. Each pair comes once."""
    words = packed(hashes)
    for row in range(words.shape[1]):
        for start in range(row + 1, words.shape[1], _BLOCK):
            columns, apart = _near(words[:, start : start + _BLOCK], words[:, row], distance)
            if len(columns):
                yield np.column_stack([np.full(len(columns), row), columns + start, apart]).astype(np.int64)


def near_groups(hashes: Hashes, distance: int) -> NDArray[np.int64]:
    """For each of ``hashes`` the index of the first of its group: all that a chain of near pairs connects."""
    first = np.arange(len(hashes), dtype=np.int64)
    for pairs in near_pairs(hashes, distance):
        connected = np.append(pairs[:, 1], pairs[0, 0])
        roots = [_root(first, at) for at in np.unique(first[connected]).tolist()]
        first[roots] = first[connected] = min(roots)
    while not np.array_equal(first, first[first]):
        first = first[first]
    return first


def _near(words: Words, value: Words, distance: int) -> tuple[NDArray[np.intp], NDArray[np.uint16]]:
    """Which of ``words`` [W, N] differ in at most ``distance`` bits from ``value`` [W], and in how many."""
    half = len(words) // 2
    some = distances_to(words[:half], value[:half])
    maybe = np.flatnonzero(some <= distance)
    apart = some[maybe] + distances_to(words[half:, maybe], value[half:])
    near = apart <= distance
    return maybe[near], apart[near]


def _root(first: NDArray[np.int64], at: int) -> int:
    while first[at] != at:
        at = int(first[at])
    return at

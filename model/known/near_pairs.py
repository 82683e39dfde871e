"""Near-duplicates among many hashes: each pair that is near, and the groups that such pairs make.

Every pair is looked at, in blocks, first by half of its bits: nothing is missed, whatever the hashes are like, and the
memory is bounded.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model.known.hash_index import Words, packed

_BLOCK = 1 << 14


def near_pairs(hashes: Sequence[bytes] | NDArray[np.uint8], distance: int) -> Iterator[NDArray[np.int64]]:
    """Pairs of ``hashes`` (32 bytes each, or [N, 32]) that differ in at most ``distance`` bits, a block [K, 3] at a
    time: the indexes of both, the smaller first, and the distance. Each pair comes once."""
    words = packed(hashes)
    for row in range(words.shape[1]):
        for start in range(row + 1, words.shape[1], _BLOCK):
            found = _near(words[:, start : start + _BLOCK], words[:, row], distance)
            if len(found):
                yield np.column_stack([np.full(len(found), row), found[:, 0] + start, found[:, 1]])


def near_groups(hashes: Sequence[bytes] | NDArray[np.uint8], distance: int) -> NDArray[np.int64]:
    """For each of ``hashes`` the index of the first of its group: all that a chain of near pairs connects."""
    parents = np.arange(len(hashes), dtype=np.int64)
    for pairs in near_pairs(hashes, distance):
        for one, other in pairs[:, :2].tolist():
            _join(parents, one, other)
    while not np.array_equal(parents, parents[parents]):
        parents = parents[parents]
    return parents


def _near(words: Words, value: Words, distance: int) -> NDArray[np.int64]:
    """Columns of ``words`` within ``distance`` of ``value``, and the distances [K, 2]; one half of the bits first."""
    half = len(words) // 2
    first = _bits(words[:half], value[:half])
    maybe = np.flatnonzero(first <= distance)
    both = first[maybe] + _bits(words[half:, maybe], value[half:])
    near = both <= distance
    return np.column_stack([maybe[near], both[near]]).astype(np.int64)


def _bits(words: Words, value: Words) -> NDArray[np.uint16]:
    counts = np.bitwise_count(words ^ value[:, None])
    total: NDArray[np.uint16] = counts.sum(axis=0, dtype=np.uint16)
    return total


def _join(parents: NDArray[np.int64], one: int, other: int) -> None:
    roots = sorted({_root(parents, one), _root(parents, other)})
    parents[roots[-1]] = roots[0]


def _root(parents: NDArray[np.int64], at: int) -> int:
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = int(parents[at])
    return at

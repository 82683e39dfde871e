"""Ranking by a plain scan: the rows whose vectors are nearest to one, and how far hashes are from one."""

import heapq
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.known.packed_hashes import bits_apart
from serving.index.vectors import blocks

#: Rows that are in memory as float32 at once: few enough to stay in a processor's cache.
_BLOCK = 1 << 11
#: Of reciprocal rank fusion (Cormack et al. 2009): how little the first places count more than those after them.
_FUSION = 60

#: Rows and their values, the best first; of equal values the first row first.
Ranked = list[tuple[int, float]]


class Best:
    """The best of what is shown to it, in bounded memory."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._heap: list[tuple[float, int]] = []

    def add(self, rows: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        """Look at rows with their values; of those that are not numbers nothing is kept."""
        if len(values) > self._top:
            kept = np.sort(np.argpartition(-values, self._top - 1)[: self._top])
            rows, values = rows[kept], values[kept]
        for row, value in zip(rows.tolist(), values.tolist(), strict=True):
            if value == value:  # noqa: PLR0124  only NaN differs from itself
                heapq.heappush(self._heap, (value, -row))
                if len(self._heap) > self._top:
                    heapq.heappop(self._heap)

    def ranked(self) -> Ranked:
        """What was kept."""
        return [(-row, value) for value, row in sorted(self._heap, reverse=True)]


def nearest(vectors: NDArray[np.float16], query: NDArray[np.float32], rows: NDArray[np.int64], top: int) -> Ranked:
    """Of ``rows`` (in order) those whose vectors of length one have the highest cosine with ``query``."""
    best = Best(top)
    for block in blocks(len(rows), _BLOCK):
        some = rows[block]
        best.add(some, _taken(vectors, some).astype(np.float32) @ query)
    return best.ranked()


def _taken(vectors: NDArray[np.float16], rows: NDArray[np.int64]) -> NDArray[np.float16]:
    """Vectors of rows in order; without a copy where none between them is left out."""
    first, last = int(rows[0]), int(rows[-1])
    return vectors[first : last + 1] if last - first + 1 == len(rows) else vectors[rows]


def cosines(vectors: NDArray[np.float16], query: NDArray[np.float32], rows: Sequence[int]) -> dict[int, float]:
    """The cosine of each row with ``query``."""
    found = np.asarray(vectors[list(rows)], dtype=np.float32) @ query
    return dict(zip(rows, found.tolist(), strict=True))


def distances(hashes: NDArray[np.uint8], query: bytes, rows: Sequence[int]) -> dict[int, int]:
    """In how many bits the hash of each row differs from ``query``."""
    return dict(zip(rows, bits_apart(np.asarray(hashes[list(rows)]), query).tolist(), strict=True))


def nearest_hashes(hashes: NDArray[np.uint8], query: bytes, rows: NDArray[np.int64], top: int) -> Ranked:
    """Of ``rows`` those whose hashes differ from ``query`` in the fewest bits; values are the bits, negative."""
    best = Best(top)
    for block in blocks(len(rows), _BLOCK):
        some = rows[block]
        best.add(some, -bits_apart(hashes[some], query).astype(np.float32))
    return best.ranked()


def fused(rankings: Iterable[Ranked], top: int) -> Ranked:
    """Several rankings as one (reciprocal rank fusion); their values need not be comparable."""
    totals: dict[int, float] = {}
    for ranking in rankings:
        for place, (row, _) in enumerate(ranking, start=1):
            totals[row] = totals.get(row, 0.0) + 1 / (_FUSION + place)
    return sorted(totals.items(), key=lambda one: (-one[1], one[0]))[:top]

"""Duplicates: which samples are the same: inside one split (repeats) and in two (leakage)."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.curation.gather import SplitSamples
from training.curation.report import Likeness, Match, Overlap, Repeats
from training.data.near_duplicates import Hashes, clusters, hash_array, nearest

#: A row of one split to a row of the other that is like it, with the distance of their hashes.
_Found = dict[int, tuple[int, int | None]]


def repeats(part: SplitSamples, max_distance: int | None) -> list[Repeats]:
    """Groups of samples of one split that are alike, for each way in which any are."""
    kinds: tuple[Likeness, ...] = ("id", "exact_picture", "same_text")
    groups = {kind: _equal_rows(part.keys(kind)) for kind in kinds}
    if max_distance is not None:
        groups["near_picture"] = _near_rows(part, max_distance)
    return [
        Repeats(
            split=part.name,
            kind=kind,
            n_redundant=sum(len(rows) - 1 for rows in found),
            groups=tuple(tuple(part.samples[row].id for row in rows) for rows in found),
        )
        for kind, found in groups.items()
        if found
    ]


def overlaps(
    first: SplitSamples, second: SplitSamples, max_distance: int | None, *, one_dataset: bool = True
) -> list[Overlap]:
    """What two splits share, for each way in which anything is. Ids are compared inside ``one_dataset`` only."""
    both = _alike(first, second, max_distance), _alike(second, first, max_distance)
    found = []
    for kind in both[0]:
        in_first, in_second = both[0][kind], both[1][kind]
        if in_first and (one_dataset or kind != "id"):
            found.append(_overlap(first, second, kind, in_first, len(in_second)))
    return found


def _overlap(first: SplitSamples, second: SplitSamples, kind: Likeness, found: _Found, n_first: int) -> Overlap:
    return Overlap(
        first=first.name,
        second=second.name,
        kind=kind,
        n_first=n_first,
        n_second=len(found),
        share_of_second=len(found) / len(second.samples),
        matches=tuple(
            Match(second.samples[row].id, first.samples[other].id, distance)
            for row, (other, distance) in sorted(found.items())
        ),
    )


def _alike(first: SplitSamples, second: SplitSamples, max_distance: int | None) -> dict[Likeness, _Found]:
    """The rows of ``second`` that have one like them in ``first``, by the way in which they are alike."""
    kinds: tuple[Likeness, ...] = ("id", "exact_picture", "same_text", "verbatim_text")
    found = {kind: _equal(first.keys(kind), second.keys(kind)) for kind in kinds}
    found["near_picture"] = {} if max_distance is None else _near(first, second, max_distance)
    found["any"] = found["same_text"] | found["near_picture"] | found["exact_picture"]
    return found


def _equal(first: Sequence[Hashable | None], second: Sequence[Hashable | None]) -> _Found:
    first_row = {key: row for row, key in reversed(list(enumerate(first))) if key is not None}
    return {row: (first_row[key], None) for row, key in enumerate(second) if key is not None and key in first_row}


def _equal_rows(keys: Sequence[Hashable | None]) -> list[list[int]]:
    rows: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        if key is not None:
            rows.setdefault(key, []).append(row)
    return [group for group in rows.values() if len(group) > 1]


def _near(first: SplitSamples, second: SplitSamples, max_distance: int) -> _Found:
    """Pictures of other bytes that look alike; of each row of ``second`` the nearest in ``first``."""
    numbers: dict[str, int] = {}
    rows, hashes, keys = _hashed(first, numbers)
    query_rows, query_hashes, query_keys = _hashed(second, numbers)
    indices, distances = nearest(query_hashes, hashes, query_keys=query_keys, candidate_keys=keys)
    return {
        int(query_rows[query]): (int(rows[indices[query]]), int(distances[query]))
        for query in np.flatnonzero(distances <= max_distance)
    }


def _near_rows(part: SplitSamples, max_distance: int) -> list[list[int]]:
    """Groups joined by chains of near-duplicates; copies of one file alone are no group."""
    rows, hashes, keys = _hashed(part, {})
    groups: dict[int, list[int]] = {}
    for index, cluster in enumerate(clusters(hashes, max_distance).tolist()):
        groups.setdefault(cluster, []).append(index)
    return [rows[group].tolist() for group in groups.values() if len(set(keys[group].tolist())) > 1]


def _hashed(part: SplitSamples, numbers: dict[str, int]) -> tuple[NDArray[np.int64], Hashes, NDArray[np.int64]]:
    """Rows that have perceptual hashes, the hashes, and a number for the bytes of each (shared through ``numbers``)."""
    found = [(row, item) for row, item in enumerate(part.prints) if item is not None and item.hashes is not None]
    keys = [numbers.setdefault(item.digest, len(numbers)) for _, item in found]
    hashes = hash_array([item.hashes for _, item in found if item.hashes is not None])
    return np.array([row for row, _ in found], dtype=np.int64), hashes, np.array(keys, dtype=np.int64)

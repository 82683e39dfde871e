"""Labels of memes from a table, and how often memes of a cluster have the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from serving.batch.input.batch_input import BatchInput
from serving.batch.input.items import Columns
from serving.index.errors import MemeIndexError
from serving.index.reader import MemeIndex

_AT_ONCE = 500
_NONE = -1


@dataclass(frozen=True)
class Labels:
    """``codes`` int32 [N] by the rows of the index, -1 for memes without a label; ``names`` of the codes."""

    codes: NDArray[np.int32]
    names: tuple[str, ...]


def read_labels(index: MemeIndex, address: str, label_column: str, id_column: str) -> Labels:
    """Labels of the column of a table; raises ``BatchError`` for a bad table, ``MemeIndexError`` for one of others."""
    source = BatchInput(address, Columns(id=id_column, image="", text=label_column, tags=""))
    codes = np.full(index.manifest.n_rows, _NONE, dtype=np.int32)
    names: dict[str, int] = {}
    pairs = ((item.id, item.text) for item in source.items() if item.id and item.text)
    while some := list(islice(pairs, _AT_ONCE)):
        rows = index.database.rows_of([id for id, _ in some])
        for id, label in some:
            if id in rows:
                codes[rows[id]] = names.setdefault(label, len(names))
    if not names:
        raise MemeIndexError(f"{address} has no label for any meme of {index.folder}")
    return Labels(codes, tuple(names))


def agreement(
    labels: Labels, rows: NDArray[np.int64], n_pairs: int, rng: np.random.Generator
) -> tuple[float, int] | None:
    """The share of random pairs of ``rows`` that have the same label, and how many pairs; None below two labels."""
    known = labels.codes[rows]
    known = known[known != _NONE]
    if len(known) < 2:
        return None
    first = rng.integers(0, len(known), n_pairs)
    second = (first + rng.integers(1, len(known), n_pairs)) % len(known)  # another one than the first
    return float((known[first] == known[second]).mean()), n_pairs


def agreement_within(
    labels: Labels, clusters: NDArray[np.int64], n_pairs: int, rng: np.random.Generator
) -> tuple[float, int] | None:
    """The same of pairs that share a cluster: memes are drawn at random, and beside each another of its cluster."""
    found = list(_pairs_within(labels.codes, clusters, n_pairs, rng))
    return (sum(found) / len(found), len(found)) if found else None


def _pairs_within(
    codes: NDArray[np.int32], clusters: NDArray[np.int64], n_pairs: int, rng: np.random.Generator
) -> Iterator[bool]:
    labelled = np.flatnonzero((codes != _NONE) & (clusters >= 0))
    members = {int(cluster): labelled[clusters[labelled] == cluster] for cluster in np.unique(clusters[labelled])}
    for row in rng.choice(labelled, n_pairs) if len(labelled) else ():
        others = members[int(clusters[row])]
        other = int(rng.choice(others))
        if len(others) > 1 and other != row:
            yield bool(codes[row] == codes[other])

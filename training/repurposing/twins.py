"""Labelled pairs of a pool: every meme as it is, and once with a picture or a name that is not its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from training.datasets import Sample
from training.datasets.base import label_of
from training.repurposing.names import exchange_partners, name_in, with_name
from training.repurposing.partners import Rows, random_partners, similar_partners
from training.repurposing.pool import Pool

Swap = Literal["random", "similar", "words"]
SWAPS: tuple[Swap, ...] = get_args(Swap)
TASK = "mismatch"
MATCH, MISMATCH = label_of(TASK, "match"), label_of(TASK, "mismatch")


@dataclass(frozen=True)
class Twins:
    """Samples of the task ``mismatch`` [M] with their ``splits`` [M], a true and a false one of each meme.

    ``memes`` int64 [M] is the row of the pool that a sample's words are of, ``pictures`` int64 [M] the group that its
    picture is of. ``cosine`` is the mean cosine of a picture and the one that took its place; None: none did.
    """

    samples: list[Sample]
    splits: list[str]
    memes: Rows
    pictures: Rows
    cosine: float | None

    @property
    def labels(self) -> Rows:
        """1 where picture and words do not belong together, int64 [M]."""
        return np.array([sample.labels[TASK] for sample in self.samples], dtype=np.int64)


def make_twins(pool: Pool, swap: Swap, features: NDArray[np.floating], seed: int) -> Twins:
    """Within each split, by ``swap``; ``features`` [N, D] are the tower's of the pool's pictures.

    Raises ``DatasetError`` where too few memes of a split can exchange something.
    """
    rng = np.random.default_rng(seed)
    samples: list[Sample] = []
    memes: list[int] = []
    pictures: list[int] = []
    cosines: list[float] = []
    for split in dict.fromkeys(pool.splits):
        rows = pool.of_split(split)
        for own, other in _pairs(pool, rows, swap, features, rng):
            false = _false(pool.samples[own], pool.samples[other], swap)
            samples += [_labelled(pool.samples[own], split, true=True), _labelled(false, split, true=False)]
            memes += [own, own]
            pictures += [int(pool.groups[own]), int(pool.groups[own if swap == "words" else other])]
            cosines.append(_cosine(features[own], features[other]))
    return Twins(
        samples,
        [sample.split for sample in samples],
        np.array(memes, dtype=np.int64),
        np.array(pictures, dtype=np.int64),
        None if swap == "words" else float(np.mean(cosines)),
    )


def _pairs(
    pool: Pool, rows: Rows, swap: Swap, features: NDArray[np.floating], rng: np.random.Generator
) -> Sequence[tuple[int, int]]:
    """Rows of the pool, each with the row that it gets a picture or a name of."""
    if swap == "words":
        named = [(int(row), name) for row in rows if (name := name_in(pool.samples[row].text))]
        found = exchange_partners([name for _, name in named], rng)
        return [(named[own][0], named[other][0]) for own, other in sorted(found.items())]
    groups = pool.groups[rows]
    partners = random_partners(groups, rng) if swap == "random" else similar_partners(groups, features[rows], rng)
    return list(zip(rows.tolist(), rows[partners].tolist(), strict=True))


def _false(own: Sample, other: Sample, swap: Swap) -> Sample:
    if swap != "words":
        return replace(own, image=other.image)
    old, new = name_in(own.text), name_in(other.text)
    return replace(own, text=with_name(own.text, str(old), str(new)))


def _labelled(sample: Sample, split: str, *, true: bool) -> Sample:
    labels = MATCH if true else MISMATCH
    return replace(sample, id=f"{sample.id}-{'true' if true else 'false'}", split=split, labels=labels)


def _cosine(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    return float(one @ other / max(1e-12, np.linalg.norm(one) * np.linalg.norm(other)))

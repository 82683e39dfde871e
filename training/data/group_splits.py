"""Group-aware splitting, for labelled data that comes without train, dev and test.

Memes repeat: one picture with many texts, one text on many pictures. A random split then tests what was trained on.
Here samples that share their words, their picture's bytes or a near-duplicate picture are one group, and a group goes
into one split as a whole. Groups are placed, the largest first, where they are missed most, counting samples and each
class of each task, so that splits come as close to the wanted sizes and class shares as the groups allow.
"""

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.data.image_hashes import Fingerprint
from training.data.near_duplicates import MAX_DISTANCE, clusters, hash_array
from training.datasets.base import DatasetError, Sample
from training.datasets.text_key import text_key

if TYPE_CHECKING:
    from scipy.cluster.hierarchy import DisjointSet

SPLITS = ("train", "dev", "test")


class SplitConfig(BaseModel):
    """Shares of the samples that go to dev and to test (the rest is for training), and what counts as one group.

    ``max_distance``: Hamming distance of perceptual hashes up to which two pictures are one; None: only equal bytes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dev: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    seed: int = 0
    max_distance: int | None = Field(default=MAX_DISTANCE, ge=0, le=64)

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> "SplitConfig":
        if self.dev + self.test >= 1:
            raise ValueError(
                f"dev {self.dev} and test {self.test} leave nothing to train on; their sum must be below 1"
            )
        return self

    @property
    def shares(self) -> dict[str, float]:
        """The wanted share of each split that is not empty by wish."""
        wanted = dict(zip(SPLITS, (1 - self.dev - self.test, self.dev, self.test), strict=True))
        return {split: share for split, share in wanted.items() if share > 0}


def group_samples(
    samples: Sequence[Sample], prints: Mapping[Path, Fingerprint], max_distance: int | None
) -> NDArray[np.int64]:
    """Group number of each sample, int64 [N]; samples that nothing joins are groups of one."""
    from scipy.cluster.hierarchy import DisjointSet  # noqa: PLC0415 - slow, and `--help` of the commands needs none of it

    groups = DisjointSet(range(len(samples)))
    found = [prints.get(sample.image) if sample.image else None for sample in samples]
    _join_equal(groups, (text_key(sample.text) or None for sample in samples))
    _join_equal(groups, (None if item is None else item.digest for item in found))
    hashed = [(row, item.hashes) for row, item in enumerate(found) if item is not None and item.hashes is not None]
    if max_distance is not None and hashed:
        near = dict(
            zip(
                (row for row, _ in hashed),
                clusters(hash_array([hashes for _, hashes in hashed]), max_distance).tolist(),
                strict=True,
            )
        )
        _join_equal(groups, (near.get(row) for row in range(len(samples))))
    return np.array([groups[row] for row in range(len(samples))], dtype=np.int64)


def split_groups(samples: Sequence[Sample], groups: NDArray[np.int64], config: SplitConfig) -> list[str]:
    """The split of each sample, in the samples' order. The same samples in another order get the same splits.

    Raises ``DatasetError`` when a split that was asked for would be empty.
    """
    members = _members(samples, groups, config.seed)
    shares = config.shares
    features = _features(samples)
    placed = _placed([features[rows].sum(axis=0) for rows in members], np.array(list(shares.values())))
    splits = [""] * len(samples)
    for rows, index in zip(members, placed, strict=True):
        for row in rows:
            splits[row] = list(shares)[index]
    empty = [split for split in shares if split not in splits]
    if empty:
        raise DatasetError(
            f"{empty[0]} would be empty: {len(samples)} samples make {len(members)} group(s) that share a text or a "
            "picture; use more data, ask for a larger share, or lower --max-distance if unlike pictures were joined"
        )
    return splits


def _members(samples: Sequence[Sample], groups: NDArray[np.int64], seed: int) -> list[list[int]]:
    """The rows of each group; the largest group first, groups of one size in an order drawn by the seed."""
    rows_of: dict[int, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        rows_of.setdefault(group, []).append(row)
    draws = [_draw(sample, seed) for sample in samples]
    return sorted(rows_of.values(), key=lambda rows: (-len(rows), min(draws[row] for row in rows)))


def _draw(sample: Sample, seed: int) -> bytes:
    """A random number of a sample that depends on nothing but the sample and the seed."""
    image = sample.image.name if sample.image else ""
    identity = (seed, sample.dataset, sample.split, sample.id, image, sample.text, sorted(sample.labels.items()))
    return hashlib.sha256(repr(identity).encode("utf-8", "backslashreplace")).digest()


def _features(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """[N, 1 + classes]: a one for the sample itself and for each class of each task that it is labelled with."""
    columns: dict[tuple[str, int], int] = {}
    cells = []
    for row, sample in enumerate(samples):
        for task, label in sorted(sample.labels.items()):
            for class_index in label if isinstance(label, tuple) else (label,):
                cells.append((row, columns.setdefault((task, class_index), 1 + len(columns))))
    features = np.zeros((len(samples), 1 + len(columns)))
    features[:, 0] = 1
    for row, column in cells:
        features[row, column] = 1
    return features


def _placed(groups: Sequence[NDArray[np.float64]], shares: NDArray[np.float64]) -> list[int]:
    """The split of each group, in the order given: where it brings the counts nearest to the wanted ones.

    The measure is the sum over counts of (have - wanted) squared by wanted, so that every split fills at one pace.
    """
    wanted = np.outer(shares, np.sum(groups, axis=0))
    have = np.zeros_like(wanted)
    placed = []
    for group in groups:
        gain = (group * (2 * (wanted - have) - group) / wanted).sum(axis=1)
        index = int(gain.argmax())
        have[index] += group
        placed.append(index)
    return placed


def _join_equal(groups: "DisjointSet", keys: Iterable[Hashable]) -> None:
    """Join the rows with equal keys (one key a row); None joins nothing."""
    first: dict[Hashable, int] = {}
    for row, key in enumerate(keys):
        if key is not None:
            groups.merge(row, first.setdefault(key, row))

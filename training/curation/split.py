"""``split_dataset``: a dataset on disk to a split of it on disk, with a report on what came out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model.meme import has_words
from training.curation.check import report_on
from training.curation.gather import SplitSamples, find_layout, find_splits, gather
from training.curation.report import LeftOut, Report
from training.curation.write_splits import write_splits
from training.data.group_splits import SplitConfig, group_samples, split_groups
from training.datasets.base import DatasetError, existing


def split_dataset(
    path: Path, out: Path, config: SplitConfig, *, layout: str | None = None, splits: Sequence[str] = ()
) -> Report:
    """Split what is at ``path`` by groups into ``out`` and check the result.

    ``splits`` are pooled; they must be named when there are several, for then somebody has split the data before.
    Raises ``DatasetError`` when nothing could be read, when a split would be empty, and when ``out`` is in use.
    """
    found = find_layout(existing(path), layout)
    names = find_splits(path, found, splits)
    if len(names) > 1 and not splits:
        raise DatasetError(f"{path} is split already; to pool and split anew, say --splits {','.join(names)}")
    dataset = found.dataset_name(path)
    pool = _pooled(gather(path, found, names, dataset))
    prints = {
        sample.image: item
        for sample, item in zip(pool.samples, pool.prints, strict=True)
        if sample.image is not None and item is not None
    }
    groups = group_samples(pool.samples, prints, config.max_distance)
    placed = split_groups(pool.samples, groups, config)
    sizes = np.unique(groups, return_counts=True)[1]
    about = {
        "source": str(path.resolve()),
        "layout": found.name,
        "pooled_splits": names,
        "config": config.model_dump(),
        "n_samples": len(pool.samples),
        "n_groups": len(sizes),
        "largest_group": int(sizes.max()),
        "left_out": [{"place": item.place, "reason": item.reason} for item in pool.left_out],
    }
    write_splits(out, pool.samples, placed, about)
    parts = [_part(pool, split, placed) for split in config.shares]
    return report_on(str(out), "generic", dataset, parts, [], config.max_distance)


def _pooled(parts: Sequence[SplitSamples]) -> SplitSamples:
    """All parts as one, without samples of which nothing could be judged."""
    pool = SplitSamples(
        name="pool",
        samples=[sample for part in parts for sample in part.samples],
        prints=[item for part in parts for item in part.prints],
        text_keys=[key for part in parts for key in part.text_keys],
        n_rows=sum(part.n_rows for part in parts),
        left_out=[item for part in parts for item in part.left_out],
    )
    blank = [row for row, sample in enumerate(pool.samples) if sample.image is None and not has_words(sample.text)]
    return _without(pool, frozenset(blank))


def _without(pool: SplitSamples, rows: frozenset[int]) -> SplitSamples:
    kept = [row for row in range(len(pool.samples)) if row not in rows]
    dropped = [LeftOut("pool", "row", f"id {pool.samples[row].id}", "neither a picture nor a text") for row in rows]
    return _rows(pool, "pool", kept, pool.left_out + dropped)


def _part(pool: SplitSamples, split: str, placed: Sequence[str]) -> SplitSamples:
    """One new split. What was left out belongs to none of them and is shown with the first, train."""
    rows = [row for row, its in enumerate(placed) if its == split]
    return _rows(pool, split, rows, pool.left_out if split == "train" else [])


def _rows(pool: SplitSamples, name: str, rows: Sequence[int], left_out: list[LeftOut]) -> SplitSamples:
    return SplitSamples(
        name=name,
        samples=[pool.samples[row] for row in rows],
        prints=[pool.prints[row] for row in rows],
        text_keys=[pool.text_keys[row] for row in rows],
        n_rows=len(rows),
        left_out=left_out,
    )

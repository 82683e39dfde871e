"""``check``: a dataset on disk to a ``Report``."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from training.curation import gather as gathering
from training.curation.duplicates import overlaps, repeats
from training.curation.gather import SplitSamples, find_layout, find_splits
from training.curation.labels import conflicts, count, texts_with_both_labels
from training.curation.report import Overlap, Report
from training.curation.warnings import warnings_of
from training.data.near_duplicates import MAX_DISTANCE
from training.datasets.base import existing
from training.datasets.registry import Source
from training.datasets.unnamed_pictures import unnamed_pictures


def check(
    path: Path,
    *,
    layout: str | None = None,
    splits: Sequence[str] = (),
    against: Sequence[Source] = (),
    max_distance: int | None = MAX_DISTANCE,
) -> Report:
    """Check the splits of a dataset (default: all), each alone, with each other and with other sets.

    ``against``: splits of other sets that must not be in this one, such as what a model was trained on.
    Raises ``DatasetError`` when nothing could be read.
    """
    found = find_layout(existing(path), layout)
    dataset = found.dataset_name(path)
    parts = gathering.gather(path, found, find_splits(path, found, splits), dataset)
    others = [_other(source) for source in against]
    report = report_on(str(path), found.name, dataset, parts, others, max_distance)
    if not found.has_pictures:
        return report
    unnamed = unnamed_pictures(
        path,
        found.splits(path),
        lambda split: found.read(path, split, dataset=dataset),
        {part.name: part.loaded for part in parts},
    )
    report = replace(report, unnamed=unnamed)
    return replace(report, warnings=tuple(warnings_of(report)))


def report_on(
    path: str,
    layout: str,
    dataset: str,
    parts: Sequence[SplitSamples],
    others: Sequence[SplitSamples],
    max_distance: int | None,
) -> Report:
    """The report on splits that are in memory, each alone, with each other and with ``others``."""
    report = Report(
        path=path,
        layout=layout,
        dataset=dataset,
        against=tuple(other.name for other in others),
        max_distance=max_distance,
        warnings=(),
        splits=tuple(count(part) for part in parts),
        left_out=tuple(item for part in parts for item in part.left_out),
        conflicts=tuple(conflicts(parts)),
        texts_with_both_labels=tuple(item for part in parts for item in texts_with_both_labels(part)),
        repeats=tuple(item for part in parts for item in repeats(part, max_distance)),
        overlaps=tuple(_overlaps(parts, others, max_distance)),
    )
    return replace(report, warnings=tuple(warnings_of(report)))


def _overlaps(parts: Sequence[SplitSamples], others: Sequence[SplitSamples], max_distance: int | None) -> list[Overlap]:
    inside = [item for first, second in combinations(parts, 2) for item in overlaps(first, second, max_distance)]
    outside = [
        item for other in others for part in parts for item in overlaps(other, part, max_distance, one_dataset=False)
    ]
    return inside + outside


def _other(source: Source) -> SplitSamples:
    """A split of another set, named ``dataset/split``."""
    layout = find_layout(existing(source.path), source.layout)
    dataset = source.dataset or layout.dataset_name(source.path)
    (part,) = gathering.gather(source.path, layout, [source.split], dataset)
    return replace(part, name=f"{dataset}/{source.split}")

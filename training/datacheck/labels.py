"""Labels: how many of each class, and where the same thing is labelled differently."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from model.taxonomy import TASKS
from training.datacheck.gather import Part
from training.datacheck.report import Conflict, ConflictKind, SplitCounts, TextsWithBothLabels
from training.datacheck.texts import is_blank
from training.datasets.base import Sample

_Group = list[tuple[str, Sample]]


def count(part: Part) -> SplitCounts:
    """The numbers of one split."""
    return SplitCounts(
        split=part.name,
        n_rows=part.n_rows,
        n_usable=len(part.samples),
        n_pictures=sum(sample.image is not None for sample in part.samples),
        n_empty_text=sum(is_blank(sample.text) for sample in part.samples),
        n_unlabelled=sum(not sample.labels for sample in part.samples),
        classes=_classes(part.samples),
    )


def _classes(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """Samples by task and class, in the taxonomy's order; a class of a labelled task may count 0."""
    votes: Counter[tuple[str, int]] = Counter()
    for sample in samples:
        for task, label in sample.labels.items():
            votes.update((task, index) for index in (label if isinstance(label, tuple) else (label,)))
    labelled = {task for sample in samples for task in sample.labels}
    return {
        name: {class_name: votes[name, index] for index, class_name in enumerate(task.classes)}
        for name, task in TASKS.items()
        if name in labelled
    }


def conflicts(parts: Sequence[Part]) -> list[Conflict]:
    """Samples that are the same in picture bytes and words, in bytes alone, or in words where there is no picture."""
    found: list[Conflict] = []
    for kind, keys in _conflict_keys(parts).items():
        rows = [(part.name, sample) for part in parts for sample in part.samples]
        for group in _groups(rows, keys):
            found += [
                Conflict(kind, task, tuple(f"{split}/{sample.id}" for split, sample in members))
                for task, members in _disputed(group)
            ]
    return found


def texts_with_both_labels(part: Part) -> list[TextsWithBothLabels]:
    """Texts of the split with different labels on several pictures, by task. No error: Hateful Memes has 633."""
    rows = [(part.name, sample) for sample in part.samples]
    has_picture = [item is not None for item in part.prints]
    by_kind = {
        kind: [key if there else None for key, there in zip(part.keys(kind), has_picture, strict=True)]
        for kind in ("same_text", "verbatim_text")
    }
    normalised, verbatim = ([*_disputes(rows, keys)] for keys in by_kind.values())
    return [
        TextsWithBothLabels(
            split=part.name,
            task=task,
            n_texts=sum(name == task for name, _ in normalised),
            n_samples=sum(len(members) for name, members in normalised if name == task),
            n_texts_verbatim=sum(name == task for name, _ in verbatim),
        )
        for task in TASKS
        if any(name == task for name, _ in normalised)
    ]


def _disputes(rows: _Group, keys: Sequence[Hashable | None]) -> Iterable[tuple[str, _Group]]:
    return (dispute for group in _groups(rows, keys) for dispute in _disputed(group))


def _conflict_keys(parts: Sequence[Part]) -> dict[ConflictKind, list[Hashable | None]]:
    triples = [
        (item, key, sample)
        for part in parts
        for item, key, sample in zip(part.prints, part.text_keys, part.samples, strict=True)
    ]
    return {
        "same_picture_and_text": [None if item is None else (item.digest, key) for item, key, _ in triples],
        "same_picture": [None if item is None else item.digest for item, _, _ in triples],
        "same_text_without_picture": [key or None if sample.image is None else None for _, key, sample in triples],
    }


def _groups(rows: _Group, keys: Iterable[Hashable | None]) -> list[_Group]:
    """The rows with equal keys, where there are several."""
    groups: dict[Hashable, _Group] = {}
    for row, key in zip(rows, keys, strict=True):
        if key is not None:
            groups.setdefault(key, []).append(row)
    return [group for group in groups.values() if len(group) > 1]


def _disputed(group: _Group) -> list[tuple[str, _Group]]:
    """The tasks on whose labels a group does not agree, with the labelled members."""
    disputed = []
    for task in TASKS:
        labelled = [(split, sample) for split, sample in group if task in sample.labels]
        if len({sample.labels[task] for _, sample in labelled}) > 1:
            disputed.append((task, labelled))
    return disputed

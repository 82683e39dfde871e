"""Labels: how many of each class, and where the same thing is labelled differently."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from model.meme import has_words
from model.taxonomy import TASKS
from training.curation.gather import SplitSamples
from training.curation.report import Conflict, ConflictKind, SplitCounts, TextsWithBothLabels
from training.datasets.base import Sample, named_twice


def count(part: SplitSamples) -> SplitCounts:
    """The numbers of one split."""
    return SplitCounts(
        split=part.name,
        n_rows=part.n_rows,
        n_usable=len(part.samples),
        n_pictures=sum(sample.image is not None for sample in part.samples),
        n_empty_text=sum(not has_words(sample.text) for sample in part.samples),
        n_unlabelled=sum(not sample.labels for sample in part.samples),
        classes=_classes(part.samples),
        unknown_columns=part.loaded.unknown_columns,
        n_named_twice=named_twice(part.samples),
        respelled=part.loaded.respelled,
        n_damaged=sum(item is not None and item.damage is not None for item in part.prints),
        unknown_groups=part.loaded.unknown_groups,
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


def conflicts(parts: Sequence[SplitSamples]) -> list[Conflict]:
    """Samples that are labelled differently though they are the same: each group under the one kind that fits it."""
    rows = [row for part in parts for row in _rows(part)]
    return [
        Conflict(kind, task, tuple(f"{row.split}/{row.sample.id}" for row in members))
        for kind, key in _CONFLICT_KEYS.items()
        for task, members in _disputes(rows, key)
        # Of one picture with one text "same_picture_and_text" speaks.
        if kind != "same_picture" or len({row.words for row in members}) > 1
    ]


def texts_with_both_labels(part: SplitSamples) -> list[TextsWithBothLabels]:
    """Texts of the split with different labels on several pictures, by task. No error: Hateful Memes has 633."""
    rows = [row for row in _rows(part) if row.picture is not None]
    normalised, verbatim = (
        [(task, members) for task, members in _disputes(rows, key) if len({row.picture for row in members}) > 1]
        for key in (lambda row: row.words or None, lambda row: row.sample.text.strip() if row.words else None)
    )
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


@dataclass(frozen=True)
class _Row:
    """A sample of a split with the digest of its picture (None: it has none) and its words as they are compared."""

    split: str
    sample: Sample
    picture: str | None
    words: str


def _rows(part: SplitSamples) -> list[_Row]:
    found = zip(part.samples, part.prints, part.text_keys, strict=True)
    return [_Row(part.name, sample, None if item is None else item.digest, words) for sample, item, words in found]


#: What must be equal, by kind; None is equal to nothing.
_CONFLICT_KEYS: dict[ConflictKind, Callable[[_Row], Hashable | None]] = {
    "same_picture_and_text": lambda row: None if row.picture is None else (row.picture, row.words),
    "same_picture": lambda row: row.picture,
    "same_text_without_picture": lambda row: row.words or None if row.picture is None else None,
}


def _disputes(rows: Iterable[_Row], key: Callable[[_Row], Hashable | None]) -> Iterator[tuple[str, list[_Row]]]:
    """The tasks on whose labels the rows with equal keys do not agree, with those that are labelled."""
    groups: dict[Hashable, list[_Row]] = {}
    for row in rows:
        if (value := key(row)) is not None:
            groups.setdefault(value, []).append(row)
    for group in groups.values():
        for task in TASKS:
            labelled = [row for row in group if task in row.sample.labels]
            if len({row.sample.labels[task] for row in labelled}) > 1:
                yield task, labelled

"""Findings of a check as values: the command's JSON is these, field by field. Ids stand for memes, not their words."""

from dataclasses import dataclass, field
from typing import Literal

from training.datasets.base import Respelled
from training.datasets.unnamed_pictures import UnnamedPictures

LeftOutKind = Literal["file", "row", "missing_picture", "ambiguous_picture", "unreadable_picture"]
#: Ways in which two samples are the same. ``near_picture`` is for other bytes that look alike; ``same_text`` compares
#: words without case and punctuation, ``verbatim_text`` to the letter; ``any`` is picture, near picture or words.
Likeness = Literal["id", "exact_picture", "near_picture", "same_text", "verbatim_text", "any"]
ConflictKind = Literal["same_picture_and_text", "same_picture", "same_text_without_picture"]


@dataclass(frozen=True)
class LeftOut:
    """A row (or a whole file) that cannot be used. ``place`` is "file, line n" or the sample's id."""

    split: str
    kind: LeftOutKind
    place: str
    reason: str


@dataclass(frozen=True)
class SplitCounts:
    """A split in numbers. ``n_rows`` counts what its files hold, the others what can be used.

    ``classes`` is task to class name to samples; a multilabel sample counts for each of its classes.
    ``unknown_columns`` are those of a table of one's own whose names have no meaning. ``n_named_twice`` pictures are
    named by several rows; ``respelled`` are those whose files are called otherwise than rows name them. Of
    ``n_damaged`` the files are cut off or have wrong checksums, and what can be seen of them is used.
    ``unknown_groups`` are names of attacked groups whose rows have no label of the task ``target`` for that.
    """

    split: str
    n_rows: int
    n_usable: int
    n_pictures: int
    n_empty_text: int
    n_unlabelled: int
    classes: dict[str, dict[str, int]]
    unknown_columns: tuple[str, ...] = ()
    n_named_twice: int = 0
    respelled: tuple[Respelled, ...] = ()
    n_damaged: int = 0
    unknown_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conflict:
    """Samples of all splits that are the same and have different labels. ``samples`` are "split/id"."""

    kind: ConflictKind
    task: str
    samples: tuple[str, ...]


@dataclass(frozen=True)
class TextsWithBothLabels:
    """Texts of a split that stand on several pictures with different labels: confounders, or noise.

    ``n_texts_verbatim`` compares texts to the letter.
    """

    split: str
    task: str
    n_texts: int
    n_samples: int
    n_texts_verbatim: int


@dataclass(frozen=True)
class Repeats:
    """Samples inside one split that are the same. ``n_redundant`` could go and every group would keep one."""

    split: str
    kind: Likeness
    n_redundant: int
    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Match:
    """A sample of the second split and one like it in the first. ``distance`` of near pictures in bits of 64."""

    second_id: str
    first_id: str
    distance: int | None = None


@dataclass(frozen=True)
class Overlap:
    """What two splits share: ``n_first`` samples of the first have one like them in the second, and the reverse."""

    first: str
    second: str
    kind: Likeness
    n_first: int
    n_second: int
    share_of_second: float
    matches: tuple[Match, ...]


@dataclass(frozen=True)
class Report:
    """Everything that was found in ``path``. ``max_distance`` is None when near-duplicates were not looked for."""

    path: str
    layout: str
    dataset: str
    against: tuple[str, ...]
    max_distance: int | None
    warnings: tuple[str, ...]
    splits: tuple[SplitCounts, ...]
    left_out: tuple[LeftOut, ...] = field(repr=False)
    conflicts: tuple[Conflict, ...] = field(repr=False)
    texts_with_both_labels: tuple[TextsWithBothLabels, ...] = ()
    repeats: tuple[Repeats, ...] = field(default=(), repr=False)
    overlaps: tuple[Overlap, ...] = field(default=(), repr=False)
    unnamed: tuple[UnnamedPictures, ...] = ()

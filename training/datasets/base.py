"""Samples, which every reader gives back, and what was left out with the reason."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from model.errors import MemeguardError
from model.taxonomy import TASKS

#: A task's name to the index of a class, or for a multilabel task to the ascending indices of all that apply.
Labels = dict[str, int | tuple[int, ...]]


class DatasetError(MemeguardError):
    """A dataset's files are not as its reader expects; the message says where and what was found."""


@dataclass(frozen=True)
class Sample:
    """One labelled item. ``id`` is as the file has it: unique in its split, and not always across splits.

    ``labels`` maps a task's name to the index of a class in ``model.taxonomy`` (ascending indices for a multilabel
    task); a task that is absent is not labelled here, which is not the same as its negative class. ``image`` is None
    for a text-only item. A ``text`` without words (``model.meme.has_words``) was not given.
    Samples with one ``pair`` differ in little but their label; drawn as memes they get the same picture.
    """

    id: str
    dataset: str
    split: str
    text: str = field(repr=False)
    labels: Labels
    image: Path | None = None
    tags: tuple[str, ...] = ()
    caption: str | None = field(default=None, repr=False)
    pair: str | None = None


#: A row that cannot be read, or whose picture is not there, or may be one of several files.
SkippedKind = Literal["row", "missing_picture", "ambiguous_picture"]


@dataclass(frozen=True)
class Skipped:
    """A row that was left out. ``place`` is "file, line n"; ``reason`` never holds the words of a meme."""

    place: str
    reason: str
    kind: SkippedKind = "row"


@dataclass(frozen=True)
class Respelled:
    """Rows that name their picture otherwise than its file is called: ``n`` of them, found ``by`` the same thing.

    ``example`` is one name with its file.
    """

    by: str
    n: int
    example: str

    def __str__(self) -> str:
        return f"{self.n} row(s) name their picture otherwise than its file is called ({self.by}: {self.example})"


@dataclass(frozen=True)
class Loaded:
    """What a reader found in one split: ``samples`` in the file's order, and the rows that it left out.

    ``unknown_columns`` are those of its table that no meaning is known for. ``picture_folders`` are where pictures were
    looked for, ``respelled`` those that were found otherwise than by the name that the row gives. ``unknown_groups``
    are names of attacked groups of which no class of the task ``target`` is known.
    """

    samples: list[Sample]
    skipped: list[Skipped] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()
    picture_folders: tuple[Path, ...] = ()
    respelled: tuple[Respelled, ...] = ()
    unknown_groups: tuple[str, ...] = ()

    def nonempty(self, place: str | Path) -> "Loaded":
        """Itself; raises ``DatasetError`` with the first reason when nothing was left to use."""
        if self.samples:
            return self
        if not self.skipped:
            raise DatasetError(f"{place} holds no rows")
        first = self.skipped[0]
        raise DatasetError(
            f"{place}: all {len(self.skipped)} rows were left out; the first is {first.place}: {first.reason}"
        )


def named_twice(samples: Iterable[Sample]) -> int:
    """How many pictures several samples have."""
    return sum(n > 1 for n in Counter(sample.image for sample in samples if sample.image is not None).values())


def label_of(task: str, class_name: str) -> Labels:
    """``{task: index of class_name}``, looked up in the taxonomy; of a multilabel task, of that class alone."""
    index = TASKS[task].classes.index(class_name)
    return {task: (index,) if TASKS[task].kind == "multilabel" else index}


def hateful(is_hateful: bool) -> Labels:
    """The label of the task ``hateful``."""
    return label_of("hateful", "hateful" if is_hateful else "not_hateful")


def existing(path: Path) -> Path:
    """``path`` itself; raises ``DatasetError`` when nothing is there."""
    if not path.exists():
        raise DatasetError(f"{path} is missing; see data_cards/ for the layout that this dataset has on disk")
    return path


#: Stands in a label tensor where a sample has no label for the task.
ABSENT = -1

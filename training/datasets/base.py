"""What every reader gives back."""

from dataclasses import dataclass, field
from pathlib import Path

from model.errors import MemeguardError
from model.taxonomy import TASKS


class DatasetError(MemeguardError):
    """A dataset's files are not as its reader expects; the message says where and what was found."""


@dataclass(frozen=True)
class Sample:
    """One labelled item. ``id`` is unique within its dataset.

    ``labels`` maps a task's name to the index of a class in ``model.taxonomy``; a task that is absent is not labelled
    here, which is not the same as its negative class. ``image`` is None for a text-only item.
    """

    id: str
    dataset: str
    split: str
    text: str = field(repr=False)
    labels: dict[str, int]
    image: Path | None = None
    tags: tuple[str, ...] = ()
    caption: str | None = field(default=None, repr=False)


def label_of(task: str, class_name: str) -> dict[str, int]:
    """``{task: index of class_name}``, looked up in the taxonomy."""
    return {task: TASKS[task].classes.index(class_name)}


def hateful(is_hateful: bool) -> dict[str, int]:
    """The label of the task ``hateful``."""
    return label_of("hateful", "hateful" if is_hateful else "not_hateful")


def existing(path: Path) -> Path:
    """``path`` itself; raises ``DatasetError`` when nothing is there."""
    if not path.exists():
        raise DatasetError(f"{path} is missing; see data_cards/ for the layout that this dataset has on disk")
    return path

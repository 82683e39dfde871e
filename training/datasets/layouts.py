"""Every layout that can be read, by name, and which of them a folder has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from training.datasets.base import Loaded


class Reader(Protocol):
    """Reads one split; a row that cannot be read is skipped, a file that cannot be read raises ``DatasetError``."""

    def __call__(self, root: Path, split: str, *, dataset: str) -> Loaded:
        """Samples of ``split`` below ``root``, named as of ``dataset``."""
        ...


@dataclass(frozen=True)
class Layout:
    """How a dataset lies on disk. ``root`` is its folder, or one of its files where one file is enough.

    ``tasks`` are those that it can label; ``splits(root)`` are those that are there; ``card`` is the name of its data
    card. ``is_borrowed`` says that other sets use the layout too: their folder's name is then the dataset's name.
    """

    name: str
    tasks: tuple[str, ...]
    splits: Callable[[Path], tuple[str, ...]]
    read: Reader
    detects: Callable[[Path], bool]
    has_pictures: bool
    card: str
    looks_for: str
    is_borrowed: bool = False

    def dataset_name(self, root: Path) -> str:
        """What samples are said to be of, unless the caller says otherwise."""
        return (root.resolve().stem if root.is_file() else root.resolve().name) if self.is_borrowed else self.name

"""Pictures that lie beside a table and that none of its rows names: a sign that ids or paths lost something."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from model.files.picture_names import looks_like_picture
from training.datasets.base import DatasetError, Loaded
from training.datasets.shown import shown


@dataclass(frozen=True)
class UnnamedPictures:
    """``n`` of the ``n_there`` pictures in a folder, and below it, are in no row; ``example`` is one of them."""

    folder: str
    n: int
    n_there: int
    example: str

    def __str__(self) -> str:
        example = f"(such as {shown(self.example)})"
        if self.n == self.n_there:
            return f"{self.folder} holds {self.n} picture(s), and no row names any of them {example}"
        return f"{self.folder} holds {self.n_there} picture(s), of which no row names {self.n} {example}"


def unnamed_pictures(
    root: Path, splits: Iterable[str], read: Callable[[str], Loaded], known: Mapping[str, Loaded]
) -> tuple[UnnamedPictures, ...]:
    """What lies in a dataset and is in none of its splits. ``known`` are those that were read already.

    Empty where a split cannot be read: what it names is not known then.
    """
    try:
        loaded = [known[split] if split in known else read(split) for split in splits]
    except DatasetError:
        return ()
    folders = dict.fromkeys(folder for one in loaded for folder in one.picture_folders)
    if not folders:  # pictures in folders named by class have no rows
        return ()
    named = {_identity(sample.image) for one in loaded for sample in one.samples if sample.image is not None}
    return tuple(_compare(_pictures(root, folders), named))


def _pictures(root: Path, folders: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Pictures by their names, each with the folder that is told of: one in the dataset, not each one below that."""
    if root.is_dir():
        for folder, path in _walk(root):
            below = folder.relative_to(root).parts
            yield root.joinpath(*below[:1]), path
        return
    # One file of a folder that may hold anything: only where its pictures are looked for, and not above it.
    beside = root.absolute().parent
    for folder in folders:
        if folder.absolute() != beside and folder.absolute().is_relative_to(beside):
            yield from ((folder, path) for _, path in _walk(folder))


def _walk(root: Path) -> Iterator[tuple[Path, Path]]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        yield from ((Path(folder), Path(folder, name)) for name in sorted(names) if _is_meant(name))


def _is_meant(name: str) -> bool:
    return name[0] != "." and looks_like_picture(name)


def _compare(pictures: Iterable[tuple[Path, Path]], named: set[tuple[str, str]]) -> Iterator[UnnamedPictures]:
    n_there: defaultdict[Path, int] = defaultdict(int)
    unnamed: defaultdict[Path, list[str]] = defaultdict(list)
    for folder, path in pictures:
        n_there[folder] += 1
        if _identity(path) not in named:
            unnamed[folder].append(path.name)
    for folder, names in unnamed.items():
        yield UnnamedPictures(str(folder), len(names), n_there[folder], names[0])


def _identity(path: Path) -> tuple[str, str]:
    """Two paths to one file are alike: links and ``..`` among its folders are followed."""
    return _resolved(path.parent), path.name


@lru_cache(maxsize=4096)
def _resolved(folder: Path) -> str:
    return os.path.realpath(folder)

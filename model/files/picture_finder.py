"""Finder of the picture that a row of a table names: one for training and for batch.

A file of just that name is taken first, and costs one look. Else what the row may mean by it (``spellings``) is looked
for, then what differs from it in letter case, suffix or leading zeros, in an index that lists each folder once. Where
several files fit, none is taken; what was taken instead of the name as it stands is said in ``Found.by``.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from model.files.folder_index import FolderIndex, Likeness
from model.files.picture_names import split_name
from model.files.spellings import MAX_PATH_CHARS, Spelling, spellings

#: Folders of pictures beside a table, in any letter case, in the order in which they are looked through.
USUAL_FOLDERS = ("images", "img", "image", "imgs", "pictures", "memes", "img_resized")
#: Ways that are no more than what is documented of a name.
IN_ANOTHER_FOLDER, WITH_A_SUFFIX = "in another of its folders", "with a suffix"
FROM_ELSEWHERE = "path of another machine"
#: A URI as pathlib writes it is the file's name in another notation.
_WELL_FORMED = (("file URI",), ("file URI", "percent encoding"))
_BY_LIKENESS = {"letters": "letter case or form of Unicode", "suffix": "suffix", "number": "number"}


@dataclass(frozen=True)
class Found:
    """The file that is meant, and by what it was found; ``by`` is empty for a file of just that name."""

    path: Path
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Several:
    """Files that fit alike, so that none of them is taken."""

    paths: tuple[Path, ...]

    def __str__(self) -> str:
        names = ", ".join(repr(path.name) for path in self.paths[:3])
        return f"{len(self.paths)} files fit ({names}{', ...' if len(self.paths) > 3 else ''}), and none is taken"


class PictureFinder:
    """Looks for pictures in some folders, the first that has one before the others."""

    def __init__(self, *folders: str | Path, within: Path | None = None) -> None:
        """``within``: names are a stranger's, who must not learn what lies outside of this (resolved) folder."""
        self._within = within
        self.folders = tuple(dict.fromkeys(map(Path, folders)))
        self._indexes: dict[Path, FolderIndex] = {}

    def find(self, cell: str) -> Found | Several | None:
        """The picture that a cell names; None when there is none."""
        if not cell or len(cell) > MAX_PATH_CHARS or "\0" in cell:
            return None
        if (found := self._exact([Spelling(cell)])) is not None:
            return found
        meant = spellings(cell)
        return self._exact(meant[1:]) or self._alike(meant)

    def _exact(self, meant: Sequence[Spelling]) -> Found | None:
        for spelling in meant:
            for path, by in self._candidates(spelling):
                if self._may_be_seen(path) and _is_file(path):
                    return Found(path, () if by in _WELL_FORMED else by)
        return None

    def _may_be_seen(self, path: Path) -> bool:
        try:
            return self._within is None or path.resolve().is_relative_to(self._within)
        except (OSError, ValueError):
            return False

    def _candidates(self, spelling: Spelling) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Paths that it may be, with by what each was got: itself, or the ends of a path of another machine."""
        if spelling.path.startswith("/"):
            yield Path(spelling.path), spelling.by
        for end, by in _below(spelling):
            for folder in self.folders:
                yield folder / end, self._in_folder(folder, by)

    def _in_folder(self, folder: Path, by: tuple[str, ...]) -> tuple[str, ...]:
        return by if folder == self.folders[0] else (*by, IN_ANOTHER_FOLDER)

    def _alike(self, meant: Sequence[Spelling]) -> Found | Several | None:
        likenesses: tuple[Likeness, ...] = get_args(Likeness)
        for likeness in likenesses:
            for root, end, by in self._places(meant):
                parts = [part for part in end.split("/") if part not in ("", ".")]
                paths = [path for path in self._walk(root, parts, likeness) if _is_file(path)]
                if len(paths) == 1:
                    return Found(paths[0], (*by, *_named_by(end, likeness)))
                if paths:
                    return Several(tuple(paths))
        return None

    def _places(self, meant: Iterable[Spelling]) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
        """A folder, a path below it and by what that was got. Never through ``..``: only exact names may go up."""
        for spelling in meant:
            if ".." in spelling.parts or not spelling.parts:
                continue
            if spelling.path.startswith("/"):
                yield from self._around(spelling)
            for end, by in _below(spelling):
                for folder in self.folders:
                    yield folder, end, self._in_folder(folder, by)

    def _around(self, spelling: Spelling) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
        """An absolute path below one of the folders, or in a folder that is there."""
        for folder in self.folders:
            if Path(spelling.path).is_relative_to(folder):
                yield folder, str(Path(spelling.path).relative_to(folder)), spelling.by
        if self._may_be_seen(Path(spelling.path).parent):
            yield Path(spelling.path).parent, Path(spelling.path).name, spelling.by

    def _walk(self, folder: Path, parts: Sequence[str], likeness: Likeness) -> Iterator[Path]:
        """Files below ``folder`` whose names are alike; folders on the way may differ in letter case."""
        first, *rest = parts
        if not rest:
            yield from (folder / name for name in self._index(folder).files(first, likeness))
            return
        names = [first] if _is_folder(folder / first) else self._index(folder).folders(first)
        for name in names:
            yield from self._walk(folder / name, rest, likeness)

    def _index(self, folder: Path) -> FolderIndex:
        if folder not in self._indexes:
            index = FolderIndex(folder)
            if not index.is_empty:
                self._indexes[folder] = index
            return index
        return self._indexes[folder]


def usual_folders(folder: Path, *others: str) -> list[Path]:
    """Subfolders of the usual names that are there, in their order and in any letter case, then those of ``others``."""
    try:
        with os.scandir(folder) as entries:  # tells folders without a look at each of a million pictures
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []
    there = {name.casefold(): folder / name for name in names}
    return [there[name] for name in (*USUAL_FOLDERS, *map(str.casefold, others)) if name in there]


def _below(spelling: Spelling) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What it may mean below a folder: a relative path itself; of an absolute one its ends, the longest first."""
    if not spelling.is_absolute:
        yield spelling.path, spelling.by
    elif ".." not in spelling.parts:
        for at in range(len(spelling.parts)):
            yield "/".join(spelling.parts[at:]), (*spelling.by, FROM_ELSEWHERE)


def _named_by(end: str, likeness: Likeness) -> tuple[str, ...]:
    if likeness == "suffix" and not split_name(end.rpartition("/")[2])[1]:
        return (WITH_A_SUFFIX,)
    return (_BY_LIKENESS[likeness],)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long or no text, a folder that may not be entered
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False

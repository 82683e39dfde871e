"""Files of this machine, below a folder or by a glob, in one order.

A folder that may not be read is an error: what is in it would otherwise be lost without a word.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

_MAGIC = "*?["


def is_glob(path: str) -> bool:
    """Whether a path that is not there may stand for others that are."""
    return any(sign in path for sign in _MAGIC)


def fixed_part(pattern: str) -> PurePosixPath:
    """The folder in which a glob begins: its parts before the first that is a pattern."""
    return PurePosixPath(*_before_magic(PurePosixPath(pattern).parts))


def walk(folder: str) -> Iterator[str]:
    """Files below a folder but hidden ones, in the order of their names; of the names, those of one folder are held."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name + "/" * entry.is_dir(follow_symlinks=False) for entry in entries)
    for name in names:
        if name.startswith("."):
            continue
        path = f"{folder.rstrip('/')}/{name}"
        if name.endswith("/"):
            yield from walk(path)
        else:
            yield path


def find(pattern: str) -> list[str]:
    """Files by a glob, whose ``**`` stands for any folders or none; hidden ones must be named as such."""
    root = fixed_part(pattern)
    return sorted(set(_below(str(root), pattern_parts(pattern))))


def pattern_parts(pattern: str) -> tuple[str, ...]:
    """The parts of a glob below its fixed part."""
    return PurePosixPath(pattern).parts[len(fixed_part(pattern).parts) :]


def may_match_below(parts: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a glob of these parts may match files in the folder ``below``, both seen from where the glob begins."""
    if not parts or parts[0] == "**" or not below:
        return bool(parts)
    return fnmatchcase(below[0], parts[0]) and may_match_below(parts[1:], below[1:])


def _below(folder: str, parts: Sequence[str]) -> Iterator[str]:
    first, *rest = parts
    deep = first == "**"
    if deep and rest:
        yield from _below(folder, rest)
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if _fits(entry.name, "*" if deep else first)]
    for entry in found:
        if not entry.is_dir():
            yield from () if rest else (entry.path,)
        elif deep and not _leads_back(entry):
            yield from _below(entry.path, parts)
        elif rest and not deep:
            yield from _below(entry.path, rest)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and name.startswith(".") <= pattern.startswith(".")


def _leads_back(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a link to a folder that it is in."""
    if not entry.is_symlink():
        return False
    path = Path(entry.path)
    return path.parent.resolve().is_relative_to(path.resolve())


def _before_magic(parts: Iterable[str]) -> Iterator[str]:
    for part in parts:
        if is_glob(part):
            return
        yield part

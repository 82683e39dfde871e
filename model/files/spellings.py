"""Spellings of a path: what a cell of a table may mean by it, the most literal meaning first.

Tables come from Windows, from browsers, from pathlib's ``as_uri`` and through spreadsheets; each writes a path its way.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from model.files.picture_names import split_name

#: More than any file system takes.
MAX_PATH_CHARS = 4096
_AROUND = " \t\r\n\f\v\ufeff\u00a0\u200b"
_QUOTES = ("''", '""', "``", "\u201c\u201d", "\u2018\u2019")
_URI = re.compile(r"file:(/*)", re.IGNORECASE)
_DRIVE = re.compile(r"/?[A-Za-z][:|]/")


@dataclass(frozen=True)
class Spelling:
    """A path with slashes, and what was done to the cell to get it, in words."""

    path: str
    by: tuple[str, ...] = ()

    @property
    def is_absolute(self) -> bool:
        """Whether it is meant from the root of this machine or of another."""
        return self.path.startswith("/") or self.is_foreign

    @property
    def is_foreign(self) -> bool:
        """Whether only another machine can have it: a drive's letter, a server's share."""
        return bool(_DRIVE.match(self.path)) or self.path.startswith("//")

    @property
    def parts(self) -> tuple[str, ...]:
        """Its names from the root on, without a drive."""
        rest = _DRIVE.sub("", self.path, count=1) if _DRIVE.match(self.path) else self.path
        return tuple(part for part in rest.split("/") if part not in ("", "."))


def spellings(cell: str) -> list[Spelling]:
    """Every path that ``cell`` may mean, those first for which the least was done to it. Itself is the first."""
    found = [Spelling(cell)]
    if len(cell) > MAX_PATH_CHARS:
        return found
    for name, step in _STEPS.items():
        for known in tuple(found):
            path = step(known.path)
            if path and all(path != other.path for other in found):
                found.append(Spelling(path, (*known.by, name)))
    return sorted(found, key=lambda one: len(one.by))


def _without_what_is_around(path: str) -> str:
    path = path.strip(_AROUND)
    while len(path) > 1 and path[0] + path[-1] in _QUOTES:
        path = path[1:-1].strip(_AROUND)
    return path


def _without_scheme(path: str) -> str:
    """``file:///a`` and ``file://localhost/a`` are ``/a``, ``file:///C:/a`` is ``C:/a``, ``file://host/a`` a share."""
    match = _URI.match(path)
    if match is None:
        return path
    rest, n_slashes = path[match.end() :], len(match[1])
    if rest.lower().startswith("localhost/") and n_slashes == len("//"):
        return rest[len("localhost") :]
    if n_slashes == 0 or _DRIVE.match(rest.replace("\\", "/")):
        return rest
    return ("//" if n_slashes in (2, 4, 5) else "/") + rest


def _decoded(path: str) -> str:
    # As pathlib encodes it: the bytes of a name that is no text too.
    return unquote(path, errors="surrogateescape") if "%" in path else path


def _with_slashes(path: str) -> str:
    return path.replace("\\", "/")


def _without_rest(path: str) -> str:
    """Without what follows the suffix: ``a.jpg?w=600`` is ``a.jpg``."""
    before, mark, query = path.partition("?")  # that may hold slashes
    folder, slash, name = before.rpartition("/")
    stem, suffix, rest = split_name(name + mark + query)
    return folder + slash + stem + suffix if rest else path


#: In the order in which they may follow each other.
_STEPS: dict[str, Callable[[str], str]] = {
    "blanks or quotes around it": _without_what_is_around,
    "file URI": _without_scheme,
    "percent encoding": _decoded,
    "backslashes": _with_slashes,
    "rest after its suffix": _without_rest,
}

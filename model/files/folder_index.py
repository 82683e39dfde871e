"""Index of a folder: its names by what they are but for letter case, suffix or leading zeros. Lists the folder once."""

import os
import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

from model.files.picture_names import format_of_suffix, is_picture, split_name

K = TypeVar("K", str, int)
#: In which way a file's name may differ from the one that was written, the nearest first.
Likeness = Literal["letters", "suffix", "number"]
_NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d*))?(?:[eE]\+?(\d{1,2}))?", re.ASCII)
_MAX_NUMBER_CHARS = 40


@dataclass(frozen=True)
class Number:
    """A whole number as a table has it. ``slack``: how far the true one may be, where digits were rounded away."""

    value: int
    slack: Decimal = Decimal(0)


class FolderIndex:
    """The files and folders in one folder but hidden ones; empty when it cannot be listed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: list[str] = []
        self._folders: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        (self._folders if entry.is_dir() else self._files).append(entry.name)
        except (OSError, ValueError):
            return

    @property
    def is_empty(self) -> bool:
        """Whether nothing that could be meant lies in it."""
        return not self._files and not self._folders

    def folders(self, name: str) -> list[str]:
        """Folders of that name but for letter case and form of Unicode."""
        return _nearest(self._folders_by_letters.get(_letters(name), ()), [lambda other: _nfc(other) == _nfc(name)])

    def files(self, name: str, likeness: Likeness) -> list[str]:
        """Pictures whose names are alike in that way; of several the nearest, if one is nearer than the others."""
        stem, suffix, _ = split_name(name)
        if likeness == "letters":
            found: Sequence[str] = self._by_letters.get(_letters(name), ())
        elif likeness == "suffix":
            found = self._by_stem.get(_letters(stem), ())
        else:
            found = self._of_number(number_of(stem))
        pictures = [other for other in found if is_picture(self.folder / other)]
        return _nearest(
            pictures,
            [
                lambda other: _nfc(other) == _nfc(name),
                lambda other: likeness == "suffix" and _nfc(split_name(other)[0]) == _nfc(stem),
                lambda other: bool(suffix) and _format(other) == format_of_suffix(suffix),
            ],
        )

    def _of_number(self, number: Number | None) -> Sequence[str]:
        if number is None:
            return ()
        if number.slack <= 1:
            return self._by_number.get(number.value, ())
        low = bisect_left(self._numbers, number.value - number.slack)
        high = bisect_left(self._numbers, number.value + number.slack)
        return [name for value in self._numbers[low:high] for name in self._by_number[value]]

    @cached_property
    def _folders_by_letters(self) -> dict[str, tuple[str, ...]]:
        return _grouped((_letters(name), name) for name in self._folders)

    @cached_property
    def _by_letters(self) -> dict[str, tuple[str, ...]]:
        return _grouped((_letters(name), name) for name in self._files)

    @cached_property
    def _by_stem(self) -> dict[str, tuple[str, ...]]:
        return _grouped((_letters(split_name(name)[0]), name) for name in self._files)

    @cached_property
    def _by_number(self) -> dict[int, tuple[str, ...]]:
        numbers = ((number_of(split_name(name)[0]), name) for name in self._files)
        return _grouped((number.value, name) for number, name in numbers if number and not number.slack)

    @cached_property
    def _numbers(self) -> list[int]:
        return sorted(self._by_number)


def number_of(text: str) -> Number | None:
    """``00001``, ``1``, ``1.0``, ``1e5``, ``1,234`` as whole numbers; None for anything else.

    Digits that a table rounded away (``1.23457e+06``) are slack. One digit alone, ``1e5``, is a number written short.
    """
    match = _NUMBER.fullmatch(text) if len(text) <= _MAX_NUMBER_CHARS else None
    if match is None:
        return None
    digits, fraction, exponent = match[1].replace(",", ""), match[2] or "", int(match[3] or 0)
    value = Decimal(f"{digits}.{fraction or 0}").scaleb(exponent)
    if value != value.to_integral_value():
        return None
    is_rounded = match[3] is not None and len(digits.lstrip("0") + fraction) > 1
    return Number(int(value), Decimal(5).scaleb(exponent - len(fraction) - 1) if is_rounded else Decimal(0))


def _nearest(names: Iterable[str], tests: Iterable[Callable[[str], bool]]) -> list[str]:
    """Those names that pass the first tests that any of them pass."""
    left = list(names)
    for test in tests:
        if len(left) > 1:
            left = [name for name in left if test(name)] or left
    return left


def _format(name: str) -> str:
    return format_of_suffix(split_name(name)[1])


def _letters(name: str) -> str:
    """A name without what letter case and the two forms of Unicode make of it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _grouped(pairs: Iterable[tuple[K, str]]) -> dict[K, tuple[str, ...]]:
    groups: defaultdict[K, list[str]] = defaultdict(list)
    for key, name in pairs:
        groups[key].append(name)
    return {key: tuple(sorted(names)) for key, names in groups.items()}

"""Digits and signs that are written for letters."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from model.text.composition import Piece

#: Digits and signs for letters.
LEET: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "a": ("4", "@"),
        "b": ("8",),
        "e": ("3",),
        "g": ("9",),
        "i": ("1", "!"),
        "l": ("1",),
        "o": ("0",),
        "s": ("5", "$"),
        "t": ("7",),
        "z": ("2",),
        "A": ("4", "@"),
        "B": ("8",),
        "E": ("3",),
        "G": ("9", "6"),
        "I": ("1", "!"),
        "L": ("1",),
        "O": ("0",),
        "S": ("5", "$"),
        "T": ("7",),
        "Z": ("2",),
    }
)

#: Signs that are read as one small letter within a word; "1" is an i or an l.
_READ_AS = MappingProxyType({"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"})
_TOKEN = re.compile(r"(?<![\w@$./:#])(?=[a-zA-Z0-9@$]*[013457@$])[a-zA-Z013457@$]{4,40}(?![\w@$]|[./:]\w)")
_INSIDE = re.compile(r"(?<=[a-zA-Z])([013457@$])\1?(?=[a-zA-Z])")
#: Numbers of two digits or more, what is counted in the plural, and names of people.
_NOT_A_WORD = re.compile(r"([013457])(?!\1)[013457]|[013457@$]{3}|^[a-z]+[0-9]s$|^@", re.IGNORECASE)
_TWO_LETTERS = re.compile(r"[a-z][034][a-z][034]")
#: "march4marriage": a number between words.
_BETWEEN_WORDS = re.compile(r"[a-zA-Z]{4}4[a-zA-Z]{4}")
_IN_FOR_L = re.compile(r"[bcfgps]$", re.IGNORECASE)


def read_as_letters(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Letters for the digits and signs within words, where they hardly are numbers ("h4te", but not "C4", "mp3s").

    Only what stands between letters says that a word is meant; digits at its ends are letters if there is such a one.
    """
    text = "".join([char for char, _, _ in pieces])
    read = _TOKEN.sub(lambda token: _read(token[0]), text)
    if read == text:
        return pieces
    return [(new, start, end) for new, (_, start, end) in zip(read, pieces, strict=True)]


def _read(token: str) -> str:
    if not _is_word(token):
        return token
    read = "".join(_letter(token, at) for at in range(len(token)))
    letters = [char for char in token if char.isalpha()]
    return read.upper() if len(letters) > 1 and all(map(str.isupper, letters)) else read


def _is_word(token: str) -> bool:
    letters = "".join(char for char in token if char.isalpha())
    if not (letters.islower() or letters.isupper() or letters.istitle()) or _NOT_A_WORD.search(token):
        return False
    if len(letters) < 3:
        return _TWO_LETTERS.fullmatch(token) is not None
    is_between = _BETWEEN_WORDS.search(token) is not None
    is_framed_by_money = re.fullmatch(r"\$[a-z]{3,}|[a-zA-Z]{3,}\$", token) is not None
    return is_framed_by_money or (not is_between and _INSIDE.search(token) is not None)


def _letter(token: str, at: int) -> str:
    char, before, after = token[at], token[:at].rstrip("1"), token[at + 1 :].lstrip("1")[:1]
    if char != "1":
        return _READ_AS.get(char, char)
    # An "l" follows a vowel, or stands before one where it may ("bl", "cl", "sl"); else it is an "i".
    is_l = before[-1:].lower() in _VOWELS or (_IN_FOR_L.search(before) and after.lower() in _VOWELS)
    return "l" if is_l else "i"


_VOWELS = tuple("aeiou")

"""Which Latin letters a character looks like: Unicode's table of confusables, and what the names of Latin letters say.

Unicode's table makes two of ASCII's characters one ("m" and "rn", "1" and "l"); only what is outside ASCII is looked up
here. It takes every "I" for an "l"; here a capital is an "I".
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from confusable_homoglyphs.utils import load

_LETTERS = re.compile(r"[A-Za-z]+")
#: "LATIN LETTER SMALL CAPITAL R", "LATIN SMALL LETTER TURNED A", "LATIN CAPITAL LETTER E WITH STROKE".
_NAMED = re.compile(r"LATIN (?:SMALL |CAPITAL )?LETTER (?P<how>(?:[A-Z]{3,} )*)(?P<letter>[A-Z])(?: WITH .+)?")
_SMALL_CAPITAL = re.compile(r"LATIN LETTER SMALL CAPITAL (?P<letter>[A-Z])")
#: Letters that are drawn in the other's place: as they look, not as they are called.
_DRAWN_AS = {"\u0254": "c", "\u0186": "C", "\u0259": "e", "\u018f": "E", "\u025f": "f", "\u04ba": "H", "\u04cf": "l"}
#: Signs that are read as letters within a word: of money, and of rights.
_SIGNS = {
    "\u00a9": "c",
    "\u00ae": "r",
    "\u00a3": "L",
    "\u20ac": "E",
    "\u20b3": "A",
    "\u0e3f": "B",
    "\u20b5": "C",
    "\u20a3": "F",
    "\u20b2": "G",
    "\u20a5": "m",
    "\u20a6": "N",
    "\u20b1": "P",
    "\u20b4": "S",
}
#: Letters of living alphabets, which NFKC leaves and tokenizers know: not to be taken for others without reason.
_LAST_OF_LATIN_EXTENDED_A = "\u017f"
_DOTLESS = {"\u0131": "i", "\u0138": "k"}
_LIGATURES = {"\u00e6": "ae", "\u00c6": "AE", "\u0153": "oe", "\u0152": "OE", "\u00df": "b"}


@lru_cache(maxsize=16384)
def look_alike(char: str) -> str:
    """The Latin letters that ``char``, a character as NFKC leaves it, looks like; "" when it is like none.

    Latin letters with accents, and those of Latin Extended-A and before, look like none: they are what they are.
    """
    if char.isascii():
        return ""
    if char <= _LAST_OF_LATIN_EXTENDED_A and is_latin(char):
        return _DOTLESS.get(char, "")
    base, *marks = list(unicodedata.normalize("NFD", char))
    if not marks:
        return _DRAWN_AS.get(char) or _SIGNS.get(char) or _turned(char) or _in_table(char) or _named(char)
    if base.isascii() or is_latin(char):
        return ""
    latin = look_alike(base)
    return unicodedata.normalize("NFC", latin + "".join(marks)) if latin else ""


@lru_cache(maxsize=16384)
def without_accent(char: str) -> str:
    """The letter under the accents and strokes of a Latin one ("\u00e9", "\u0142"); other characters as they are."""
    base = unicodedata.normalize("NFD", char)[0]
    if char.isascii() or base.isascii():
        return base
    return _LIGATURES.get(char) or look_alike(char) or _named(char) or char if is_latin(char) else char


@lru_cache(maxsize=16384)
def script(char: str) -> str:
    """The first word of a letter's name, which for letters is their script."""
    return unicodedata.name(char, "").partition(" ")[0]


def is_latin(char: str) -> bool:
    """True for a letter of the Latin script, whatever stands on it."""
    return script(char) == "LATIN"


@cache
def _confusables() -> Mapping[str, list[str]]:
    """Each character of Unicode's table with those that look like it."""
    return {char: [other["c"] for other in others] for char, others in load("confusables.json").items()}


_LIKE_LETTERS = frozenset(("Lu", "Ll", "Lt", "Lo", "Nl", "Nd", "No", "So", "Sc"))


def _in_table(char: str) -> str:
    """A letter for letters, numbers and symbols that look like one, and several for a Latin ligature."""
    others = _confusables().get(char, ())
    if not others or unicodedata.category(char) not in _LIKE_LETTERS:
        return ""
    latin = next(filter(None, (find(others) for find in (_letters_among, _marked_among, _small_capital_among))), "")
    if latin == "l" and char.isupper():
        return "I"
    return latin if len(latin) == 1 or is_latin(char) else ""


def _letters_among(others: Iterable[str]) -> str:
    return next((other for other in others if _LETTERS.fullmatch(other)), "")


def _marked_among(others: Iterable[str]) -> str:
    """A stroke through a letter is a mark of its own in the table."""
    for other in others:
        base, *marks = list(unicodedata.normalize("NFD", other))
        if marks and _LETTERS.fullmatch(base) and all(unicodedata.category(mark)[0] == "M" for mark in marks):
            return base
    return ""


def _small_capital_among(others: Iterable[str]) -> str:
    """What looks like a small capital looks like the letter. One is reached through a third character."""
    for other in [*others, *(far for near in others for far in _confusables().get(near, ()))]:
        name = _SMALL_CAPITAL.fullmatch(unicodedata.name(other, "")) if len(other) == 1 else None
        if name is not None:
            return name["letter"].lower()
    return ""


def _turned(char: str) -> str:
    return _named(char) if "TURNED " in unicodedata.name(char, "") else ""


def _named(char: str) -> str:
    """The letter that the name of a Latin one holds ("SCRIPT G", "SMALL CAPITAL R", "B WITH HOOK")."""
    name = _NAMED.fullmatch(unicodedata.name(char, ""))
    if name is None or "SHARP" in name["how"]:
        return ""
    return name["letter"] if char.isupper() else name["letter"].lower()

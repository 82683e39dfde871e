"""Text as a word list reads it: disguises undone, with the way back to the characters that were written.

What ``normalise_text`` folds for the network is folded here too, one cluster of characters at a time, so that every
character that comes out knows where it was written. A test holds the two together.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from model.confusables import LEET, TO_LATIN, fold_homoglyphs
from model.preprocess import normalise_text

#: A character and where it was written, from and to.
_Piece = tuple[str, int, int]

#: Letters, digits and whatever one can put between two words: as one letter each, so that regexes stay simple.
_LETTER, _DIGIT, _JOINING_SIGN, _CALL, _GAP, _WIDE_GAP, _OTHER = "wds! _."
#: A word: "b@ss" is one, "stop!now" is two.
_WORD = re.compile(r"[wd]+(?:s+[wd]+)*")
#: Where digits and signs may stand for letters: around and within a word, but for "!" at its end.
_LEET_WORD = re.compile(r"[s!]{0,3}[wd]+(?:[s!]+[wd]+)*s*")
#: Three or more single characters with a single one between them.
_SPACED_OUT = re.compile(r"(?<![wd])[wd](?![wd])(?:[ .s!][wd](?![wd])){2,}")

_LETTERS_OF = {
    sign: sorted({letter.lower() for letter, signs in LEET.items() if sign in signs})
    for signs in LEET.values()
    for sign in signs
}
#: "1" is an i or an l, so there are two ways to read it.
_LEET_READINGS = tuple(
    str.maketrans({sign: letters[index] for sign, letters in _LETTERS_OF.items()}) for index in (0, -1)
)


@dataclass(frozen=True)
class Folded:
    """Text in its plainest form. ``chars[i]`` was written at ``starts[i]`` to ``ends[i]``; ``shape[i]`` is its kind."""

    chars: str
    starts: Sequence[int]
    ends: Sequence[int]
    shape: str

    def readings(self) -> list[str]:
        """``chars``, and what they say when digits and signs in words with letters are read as letters.

        A word wholly of Cyrillic or Greek look-alikes is read as Latin too, unless the text holds other letters of
        those scripts and so is really written in one.
        """
        unmasked = self.chars if self.chars.isascii() else _unmasked(self.chars)
        others = (self._leet(unmasked, table) for table in _LEET_READINGS)
        return list(dict.fromkeys([self.chars, unmasked, *others]))

    def inside_words(self) -> bytearray:
        """1 at every place that parts the characters of one word; a match of a whole word cannot begin or end there."""
        inside = bytearray(len(self.chars) + 1)
        for word in _WORD.finditer(self.shape):
            inside[word.start() + 1 : word.end()] = b"\x01" * (word.end() - word.start() - 1)
        return inside

    def spaced_out(self) -> Iterator["Folded"]:
        """Each "l i k e  this" with what stands between its letters left out; the wider gap ends it."""
        for run in _SPACED_OUT.finditer(self.shape):
            if _LETTER in run[0]:
                every_other = slice(run.start(), run.end(), 2)
                parts = (self.chars, self.starts, self.ends, self.shape)
                yield Folded(*(part[every_other] for part in parts))  # type: ignore[arg-type]  # slices keep their kind

    def _leet(self, chars: str, table: dict[int, str]) -> str:
        words = [word.span() for word in _LEET_WORD.finditer(self.shape) if _LETTER in word[0]]
        read, done = [], 0
        for start, end in words:
            read += [chars[done:start], chars[start:end].translate(table)]
            done = end
        return "".join([*read, chars[done:]])


def fold(text: str) -> Folded:
    """``text`` as ``normalise_text`` leaves it (emoji stay), in small letters, with a space for any gap or dash."""
    pieces = [(char, at, at + 1) for at, char in enumerate(text) if char.isascii() or not _is_dropped(char)]
    if not text.isascii():
        pieces = list(_composed(pieces))
        latin = fold_homoglyphs("".join(char for char, _, _ in pieces))
        # Once more: an accent joins the Latin letter that it now follows.
        pieces = list(_composed([(new, start, end) for new, (_, start, end) in zip(latin, pieces, strict=True)]))
    return _with_gaps([(small, start, end) for char, start, end in pieces for small in char.casefold()])


def _with_gaps(pieces: Sequence[_Piece]) -> Folded:
    """One space for each run of separators."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    shape: list[str] = []
    for char, start, end in pieces:
        kind = _kind(char)
        if kind != _GAP:
            chars.append(char)
        elif shape and shape[-1] in (_GAP, _WIDE_GAP):
            ends[-1], shape[-1] = end, _WIDE_GAP
            continue
        else:
            chars.append(" ")
        starts.append(start)
        ends.append(end)
        shape.append(kind)
    return Folded("".join(chars), starts, ends, "".join(shape))


def _composed(pieces: Sequence[_Piece]) -> Iterator[_Piece]:
    """NFKC, cluster by cluster; what comes out of a cluster was written where the whole cluster was."""
    cluster = ""
    start = end = 0
    for char, char_start, char_end in pieces:
        if cluster and not _joins(cluster, char):
            yield from ((new, start, end) for new in unicodedata.normalize("NFKC", cluster))
            cluster = ""
        if not cluster:
            start = char_start
        cluster += char
        end = char_end
    yield from ((new, start, end) for new in unicodedata.normalize("NFKC", cluster))


def _joins(cluster: str, char: str) -> bool:
    """True when NFKC makes something else of the two together than of each alone."""
    if char.isascii():
        return False
    if unicodedata.combining(unicodedata.normalize("NFKD", char)[0]):
        return True
    apart = [unicodedata.normalize("NFKC", part) for part in (cluster, char)]
    return unicodedata.normalize("NFKC", cluster + char) != "".join(apart)


def _unmasked(chars: str) -> str:
    read = chars.translate(TO_LATIN)
    return chars if any(char.isalpha() and _script_is_masked(char) for char in read) else read


@lru_cache(maxsize=4096)
def _script_is_masked(char: str) -> bool:
    return unicodedata.name(char, "").startswith(("CYRILLIC", "GREEK"))


@lru_cache(maxsize=4096)
def _is_dropped(char: str) -> bool:
    return normalise_text(f"x{char}x", emoji_names=False) == "xx"


@lru_cache(maxsize=4096)
def _kind(char: str) -> str:
    category = unicodedata.category(char)
    if char.isspace() or category in ("Cc", "Pd", "Pc"):
        return _GAP
    if category[0] in "LM":
        return _LETTER
    if category[0] == "N":
        return _DIGIT
    if char == "!":
        return _CALL
    return _JOINING_SIGN if char in "@$" else _OTHER

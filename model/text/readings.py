"""Text in the ways in which it may be read: as people see it (``folding.py``), and otherwise. Word lists read it so.

Every character that comes out knows where it was written.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from model.text.composition import Piece
from model.text.confusables import look_alike, script, without_accent
from model.text.folding import real_scripts, unjoined, words_restored
from model.text.leet import LEET
from model.text.letter_symbols import REGIONAL_INDICATORS
from model.text.turned import IS_TURNED

#: Letters, digits and whatever one can put between two words: as one letter each, so that regexes stay simple.
_LETTER, _DIGIT, _JOINING_SIGN, _CALL, _GAP, _WIDE_GAP, _OTHER = "wds! _."
#: A word: "b@ss" is one, "stop!now" is two.
_WORD = re.compile(r"[wd]+(?:s+[wd]+)*")
#: Where digits and signs may stand for letters: around and within a word, but for "!" at its end.
_LEET_WORD = re.compile(r"[s!]{0,3}[wd]+(?:[s!]+[wd]+)*s*")
#: Three or more single characters with little between them, and with anything.
_SPACED_OUT = re.compile(r"(?<![wd])[wd](?![wd])(?:(?: [.s!]{1,3} |[.s!]{1,3}| )[wd](?![wd])){2,}")
_SPREAD_OUT = re.compile(r"(?<![wd])[wd](?![wd])(?:[ _.s!]{1,5}[wd](?![wd])){2,}")
#: What people put into a word, not between words; a dash may stand before the end of a line.
_INTO_WORD = r"""[^\w\s,;()\[\]{}"“”«»<>!?@$]|_"""
_BROKEN = re.compile(rf"(?<=[^\W_])(?:(?:{_INTO_WORD}){{1,3}}|[-\u2010\u00ac]\s*\n\s*)(?=[^\W_])")
#: A capital that looks like a small "l": not the first of its word.
_CAPITAL_I = re.compile(r"(?<=[a-z])I+")

_SHORTEST_PLAIN = 3
_SHORTEST_BROKEN = 4
#: Shorter words say something else backwards too often: "pots", "live".
_SHORTEST_REVERSED = 5

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
        """``chars``, and what they say when digits and signs in words with letters are read as letters."""
        return list(dict.fromkeys([self.chars, *(self._leet(table) for table in _LEET_READINGS)]))

    def inside_words(self) -> bytearray:
        """1 at every place that parts the characters of one word; a match of a whole word cannot begin or end there."""
        inside = bytearray(len(self.chars) + 1)
        for word in _WORD.finditer(self.shape):
            inside[word.start() + 1 : word.end()] = b"\x01" * (word.end() - word.start() - 1)
        return inside

    def spaced_out(self) -> Iterator["Folded"]:
        """Each "l i k e  this" with what stands between its letters left out; once with a wider gap as its end."""
        runs = {run.span() for pattern in (_SPACED_OUT, _SPREAD_OUT) for run in pattern.finditer(self.shape)}
        for start, end in sorted(runs):
            places = [at for at in range(start, end) if self.shape[at] in (_LETTER, _DIGIT)]
            if _LETTER in self.shape[start:end]:
                yield self._at(places)

    def reversed(self) -> "Folded":
        """From its last character to its first."""
        return self._at(range(len(self.chars) - 1, -1, -1))

    def written(self, start: int, end: int) -> tuple[int, int]:
        """From where to where ``chars[start:end]`` were written; the first of them may have been written last."""
        return min(self.starts[start:end]), max(self.ends[start:end])

    def _at(self, places: Sequence[int]) -> "Folded":
        return Folded(
            "".join([self.chars[at] for at in places]),
            [self.starts[at] for at in places],
            [self.ends[at] for at in places],
            "".join([self.shape[at] for at in places]),
        )

    def _leet(self, table: dict[int, str]) -> str:
        words = [word.span() for word in _LEET_WORD.finditer(self.shape) if _LETTER in word[0]]
        read, done = [], 0
        for start, end in words:
            read += [self.chars[done:start], self.chars[start:end].translate(table)]
            done = end
        return "".join([*read, self.chars[done:]])


@dataclass(frozen=True)
class Reading:
    """One way to read a text. Entries shorter than ``min_chars``, and parts of words if ``whole_words``, are chance."""

    folded: Folded
    min_chars: int = 1
    whole_words: bool = False
    may_be_leet: bool = True
    may_be_spaced_out: bool = False


def fold(text: str) -> Folded:
    """``text`` as ``normalise_text`` leaves it (emoji stay), in small letters, with a space for any gap or dash."""
    return _in_small_letters(words_restored(unjoined(text)))


def readings(text: str) -> Iterator[Reading]:
    """As it is seen, and otherwise: letters that stand apart left so, look-alikes and accents undone wherever they are,
    flags as letters, words with one turned letter turned, words that signs break put together, and backwards."""
    apart = unjoined(text)
    pieces = words_restored(apart)
    seen = _in_small_letters(pieces)
    yield Reading(seen, may_be_spaced_out=pieces is apart)
    if pieces is not apart:
        yield Reading(_in_small_letters(apart), may_be_spaced_out=True)
    for other in _other_letters(text, pieces):
        yield Reading(_in_small_letters(other), _SHORTEST_PLAIN)
    whole = _unbroken(pieces)
    if len(whole) < len(pieces):
        yield Reading(_in_small_letters(whole), _SHORTEST_BROKEN, whole_words=True)
    yield Reading(seen.reversed(), _SHORTEST_REVERSED, whole_words=True, may_be_leet=False)


def plainest(text: str) -> Folded:
    """The one reading in which most disguises are undone: look-alikes, accents, turned letters, flags and signs within
    words. Digits that stand for letters are left; see ``Folded.readings``."""
    pieces = words_restored(unjoined(text, boldly=True))
    plain = list(_plainest(pieces, "".join([char for char, _, _ in pieces])))
    return _in_small_letters(words_restored(_unbroken(plain)))


def _other_letters(text: str, pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    chars = "".join([char for char, _, _ in pieces])
    if not chars.isascii() or _CAPITAL_I.search(chars):
        plain = list(_plainest(pieces, chars))
        if plain != pieces:
            yield plain
    if IS_TURNED.search(text) or any(char in REGIONAL_INDICATORS for char in text):
        yield words_restored(unjoined(text, boldly=True))


def _plainest(pieces: Sequence[Piece], chars: str) -> Iterator[Piece]:
    """Without accents, and with Latin letters for all look-alikes but those of scripts that the text is written in.

    A capital "I" within small letters is an "l".
    """
    real = real_scripts(set(chars))
    small_l = {at for run in _CAPITAL_I.finditer(chars) for at in range(*run.span())}
    for at, (char, start, end) in enumerate(pieces):
        latin = "l" if at in small_l else (script(char) not in real and look_alike(char)) or without_accent(char)
        yield from ((without_accent(new), start, end) for new in latin)


def _unbroken(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Words without the signs that were put into them ("gr*m.ble")."""
    chars = "".join([char for char, _, _ in pieces])
    kept: list[Piece] = []
    done = 0
    for broken in _BROKEN.finditer(chars):
        kept += pieces[done : broken.start()]
        done = broken.end()
    return [*kept, *pieces[done:]]


def _in_small_letters(pieces: Iterable[Piece]) -> Folded:
    return _with_gaps([(small, start, end) for char, start, end in pieces for small in char.casefold()])


def _with_gaps(pieces: Sequence[Piece]) -> Folded:
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
            starts[-1], ends[-1], shape[-1] = min(start, starts[-1]), max(end, ends[-1]), _WIDE_GAP
            continue
        else:
            chars.append(" ")
        starts.append(start)
        ends.append(end)
        shape.append(kind)
    return Folded("".join(chars), starts, ends, "".join(shape))


@lru_cache(maxsize=16384)
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

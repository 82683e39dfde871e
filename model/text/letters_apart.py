"""Words of which each letter stands apart ("w o r d", "w.o.r.d", one letter a line), put together again.

Ordinary text has initials and lists of single letters too. Only rows of four letters or more are put together, of which
at least one word is as long, or two are of three letters; digits may stand for a few of them.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from model.text.characters import is_visible
from model.text.composition import Piece
from model.text.confusables import is_latin, look_alike

#: Kinds of character: letters that may be put together, signs that may stand for some, what may stand between.
_LETTER, _LETTER_SIGN, _OTHER_LETTER, _GAP, _MARK, _BRACKET, _OTHER = "ldL m)."
_ROW = re.compile(r"(?<![ldL])[ld](?:(?: +(?:m{1,3} *)?|m{1,3} +|[m)]{1,3})[ld](?![ldL])){3,}")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ac][^\S\n]*\n\s*(?=[a-z])")
_ONE = re.compile(r"([^ld]*)([ld])")
#: They enclose, set off or add: with white space beside them they stand between words.
_BRACKETS = frozenset(',;()[]{}<>"\u201c\u201d\u00ab\u00bb&%#+=')
#: They join two words, or a word to its ending.
_APOSTROPHES = frozenset("'\u2018\u2019")
_ASCII_KINDS = {
    code: _LETTER if chr(code).isalpha()
    else _LETTER_SIGN if chr(code).isdigit() or chr(code) in "@$"
    else _GAP if not is_visible(chr(code))
    else _BRACKET if chr(code) in _BRACKETS
    else _OTHER if chr(code) in _APOSTROPHES
    else _MARK
    for code in range(128)
}  # fmt: skip
_LONG, _SHORT = 4, 3
#: Tokenizers give up on longer ones.
_LONGEST = 100

#: From where to where a word is written, of single letters with something between them.
_Word = list[int]


def joined(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """``pieces`` without what stands between the letters of such words."""
    while True:
        text = "".join([char for char, _, _ in pieces])
        after = _joined_once(text, pieces)
        # What is put together may leave single letters in a row that were parted by wider gaps.
        if len(after) == len(pieces):
            return pieces
        pieces = after


def unhyphenated(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """``pieces`` without the dashes and line breaks that part a word at the end of a line."""
    text = "".join([char for char, _, _ in pieces])
    breaks = [one.span() for one in _HYPHENATED.finditer(text)]
    if not breaks:
        return pieces
    kept: list[Piece] = []
    done = 0
    for start, end in breaks:
        kept += pieces[done:start]
        done = end
    return [*kept, *pieces[done:]]


def _joined_once(text: str, pieces: Sequence[Piece]) -> Sequence[Piece]:
    kinds = text.translate(_ASCII_KINDS) if text.isascii() else "".join(map(kind, text))
    kept: list[Piece] = []
    done = 0
    for row in _ROW.finditer(kinds):
        words = _words(row[0], text[row.start() : row.end()])
        if words is None:
            continue
        kept += pieces[done : row.start()]
        for index, word in enumerate(words):
            if index:
                gap = pieces[row.start() + word[0] - 1]
                kept.append((" ", gap[1], gap[2]))
            kept += [pieces[row.start() + at] for at in word]
        done = row.end()
    return [*kept, *pieces[done:]]


def _words(row: str, text: str) -> list[_Word] | None:
    """The places of the letters of each word of ``text``, of kinds ``row``, if they look like words taken apart."""
    if row.count(_LETTER) < _LONG or row.count(_LETTER_SIGN) * 2 > row.count(_LETTER):
        return None
    letters = [(one.end() - 1, _width(one[1])) for one in _ONE.finditer(row)]
    if len({text[at].lower() for at, _ in letters}) == 1:  # "n-n-n-n-no": a stutter
        return None
    for parts in (_parted(letters), _parted([(at, min(width, _WIDEST_COUNTED)) for at, width in letters])):
        lengths = [len(word) for word in parts]
        if max(lengths) <= _LONGEST and (max(lengths) >= _LONG or sum(length >= _SHORT for length in lengths) > 1):
            return [word for part in parts for word in _without_pronoun(part, text)]
    return None


def _without_pronoun(word: _Word, text: str) -> list[_Word]:
    """ "I h a t e" is two words, as its letters' case says."""
    is_pronoun = len(word) > 1 and text[word[0]] == "I" and "".join(text[at] for at in word[1:]).islower()
    return [word[:1], word[1:]] if is_pronoun else [word]


#: A gap without, or with one, white space.
_WIDEST_COUNTED = 3


def _width(between: str) -> int:
    """How wide a gap is: white space counts most, and is wider where there is nothing else."""
    return 2 * min(between.count(_GAP), 2) + between.isspace()


def _parted(letters: Sequence[tuple[int, int]]) -> list[_Word]:
    """Words: letters with no gap between them that is wider than the narrowest of the row."""
    narrowest = min(width for _, width in letters[1:])
    words: list[_Word] = []
    for at, width in letters:
        if not words or width > narrowest:
            words.append([])
        words[-1].append(at)
    return words


@lru_cache(maxsize=16384)
def kind(char: str) -> str:
    """Which of the kinds above ``char`` is of."""
    if char.isascii():
        return _ASCII_KINDS[ord(char)]
    category = unicodedata.category(char)
    if category[0] in "LMN":
        return _LETTER if category[0] == "L" and (is_latin(char) or look_alike(char)) else _OTHER_LETTER
    if not is_visible(char):
        return _GAP
    return _BRACKET if char in _BRACKETS else _OTHER if char in _APOSTROPHES else _MARK

"""Text as people see it, one character after another, each with where it was written: disguises undone.

The network (``normalise_text``) and the lists of words (``readings.py``) both read what comes out of here.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from model.text.characters import BLANK, is_default_ignorable
from model.text.composition import Piece, composed, is_mark, runs_of, without_stacked_marks
from model.text.confusables import is_latin, look_alike, script
from model.text.direction import in_reading_order
from model.text.leet import read_as_letters
from model.text.letter_symbols import spelt_letters
from model.text.letters_apart import joined, unhyphenated
from model.text.turned import upright

#: A word of look-alikes alone is taken for a disguise only from this many letters on: "\u03c1" is a density.
_FEWEST_IN_DISGUISE = 3
_LATIN_WORD = re.compile(r"[A-Za-z]{2}")


def folded(text: str) -> Sequence[Piece]:
    """``text`` as it is read: what is invisible left out, compatibility forms and look-alikes folded, words joined."""
    return words_restored(unjoined(text))


def words_restored(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Words put together whose letters stand apart, are parted by a line, or are digits; else ``pieces``."""
    return read_as_letters(joined(unhyphenated(pieces)))


def unjoined(text: str, *, boldly: bool = False) -> Sequence[Piece]:
    """As ``folded``, before ``words_restored``. ``boldly``: flags are letters, and one turned letter turns its word."""
    pieces: Sequence[Piece] = [(char, at, at + 1) for at, char in enumerate(text)]
    if not text.isascii():
        pieces = in_reading_order(text, pieces)
        pieces = [(" " if char in BLANK else char, start, end) for char, start, end in pieces if not is_dropped(char)]
        pieces = upright(list(composed(spelt_letters(pieces, flags_too=boldly))), fewest=1 if boldly else 2)
        pieces = _with_look_alikes(without_stacked_marks(pieces))
    return pieces


def _with_look_alikes(pieces: Sequence[Piece]) -> Sequence[Piece]:
    if not any(map(look_alike, {piece[0] for piece in pieces})):
        return pieces
    masked = _Masked([piece[0] for piece in pieces])
    return [piece for word in runs_of(pieces, _is_in_word) for piece in _in_latin(word, masked)]


@lru_cache(maxsize=16384)
def is_dropped(char: str) -> bool:
    """True for what is invisible, and for skin tones, which are unknown tokens."""
    category = unicodedata.category(char)
    return category == "Cf" or is_default_ignorable(char) or (category == "Sk" and ord(char) > 0xFFFF)


def _in_latin(word: Sequence[Piece], masked: "_Masked") -> Sequence[Piece]:
    """Latin letters for those that look like them, where no other script is meant.

    That is so of letters of the Latin script itself (small capitals, a script g), of words that hold a Latin letter or
    letters of several other scripts, and of words of look-alikes alone in a text that has Latin words and no other
    letter of their script.
    """
    if not any(look_alike(char) for char, _, _ in word):
        return word
    is_disguise = len(word) > 1 and masked.is_disguised([char for char, _, _ in word])
    read: list[Piece] = []
    for (char, start, end), after in zip(word, [*word[1:], None], strict=True):
        # A sign at the end of a word is one: of a trade mark, of money.
        is_meant = is_latin(char) or (is_disguise and (char.isalpha() or after is not None))
        read += [(new, start, end) for new in (look_alike(char) if is_meant else "") or char]
    # Once more after the look-alikes: an accent joins the Latin letter that it now follows.
    return without_stacked_marks(list(composed(read)))


class _Masked:
    """What a text says about which of its words are in disguise."""

    def __init__(self, chars: Sequence[str]) -> None:
        self._has_latin = _LATIN_WORD.search("".join(chars)) is not None
        self._real_scripts = real_scripts(chars)

    def is_disguised(self, word: Sequence[str]) -> bool:
        if any(char.isalpha() and is_latin(char) for char in word):
            return True
        letters = [char for char in word if not is_mark(char)]
        if not all(map(look_alike, letters)):
            return False
        scripts = {script(char) for char in letters}
        is_long = len(letters) >= _FEWEST_IN_DISGUISE
        return is_long and (len(scripts) > 1 or (self._has_latin and not scripts & self._real_scripts))


def real_scripts(chars: Iterable[str]) -> set[str]:
    """Scripts of which there is a letter that looks like no Latin one, so that the text is really written in them."""
    return {script(char) for char in chars if char.isalpha() and not is_latin(char) and not look_alike(char)}


@lru_cache(maxsize=16384)
def _is_in_word(char: str) -> bool:
    """True for letters, their marks and what looks like a letter."""
    return char.isalpha() or is_mark(char) or bool(look_alike(char))

"""Noise in the words of training memes: OCR's mistakes, and what people write to get past a filter.

A network that only saw clean words takes a lone "1" for an "l" as another word. Serving sees what OCR and users write.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from model.preprocess import normalise_text
from model.text.leet import LEET

Table = Mapping[str, tuple[str, ...]]

#: What OCR reads for what was written.
OCR_CONFUSIONS: Table = MappingProxyType(
    {
        "l": ("1", "I"),
        "I": ("l", "1"),
        "1": ("l", "I"),
        "i": ("l", "1"),
        "!": ("l",),
        "O": ("0",),
        "o": ("0",),
        "0": ("O", "o"),
        "rn": ("m",),
        "m": ("rn",),
        "cl": ("d",),
        "d": ("cl",),
        "vv": ("w",),
        "w": ("vv",),
        "nn": ("m",),
        "S": ("5",),
        "5": ("S",),
        "B": ("8",),
        "8": ("B",),
        "Z": ("2",),
        "2": ("Z",),
        "G": ("6",),
        "e": ("c",),
        "c": ("e",),
        "h": ("b",),
        "u": ("v",),
        "t": ("f",),
        "g": ("q", "9"),
    }
)

#: Latin letters and the Cyrillic or Greek ones that look the same (the ones of
#: Unicode's confusables that common fonts have).
HOMOGLYPHS: Table = MappingProxyType(
    {
        "a": ("\u0430",),
        "c": ("\u0441",),
        "d": ("\u0501",),
        "e": ("\u0435",),
        "h": ("\u04bb",),
        "i": ("\u0456", "\u03b9"),
        "j": ("\u0458",),
        "o": ("\u043e", "\u03bf"),
        "p": ("\u0440", "\u03c1"),
        "s": ("\u0455",),
        "u": ("\u03c5",),
        "v": ("\u03bd",),
        "x": ("\u0445",),
        "y": ("\u0443",),
        "A": ("\u0410", "\u0391"),
        "B": ("\u0412", "\u0392"),
        "C": ("\u0421",),
        "E": ("\u0415", "\u0395"),
        "H": ("\u041d", "\u0397"),
        "I": ("\u0406", "\u0399"),
        "J": ("\u0408",),
        "K": ("\u041a", "\u039a"),
        "M": ("\u041c", "\u039c"),
        "N": ("\u039d",),
        "O": ("\u041e", "\u039f"),
        "P": ("\u0420", "\u03a1"),
        "S": ("\u0405",),
        "T": ("\u0422", "\u03a4"),
        "X": ("\u0425", "\u03a7"),
        "Y": ("\u03a5",),
        "Z": ("\u0396",),
    }
)

#: Zero-width space, non-joiner, joiner, word joiner, and the soft hyphen.
ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\u00ad")

Change = Callable[[str, float, np.random.Generator], str]
_LETTER = re.compile(r"[^\W\d_]")
_INSIDE_WORD = re.compile(r"(?<=\w)(?=\w)")
_SPACE = re.compile(r"(?<=\S) (?=\S)")
_LINE_BREAK = re.compile(r"(?<=\S)\s*\n\s*(?=\S)")
_MOST_REPEATS = 3


class TextNoiseConfig(BaseModel):
    """Chances, each of one kind of noise in one text; a text may get several kinds. All 0: texts stay as they are.

    - ``confusion_p``: letters that OCR takes for others (l and 1, O and 0, rn and m).
    - ``spacing_p``: spaces left out, and put into words.
    - ``merge_lines_p``: line breaks left out.
    - ``homoglyph_p``: Cyrillic and Greek letters that look like Latin ones. ``normalise_text`` folds them where
      they are told from Cyrillic and Greek words; a short word, or a text, of nothing else reaches the tokenizer.
    - ``leet_p``: digits and signs for letters.
    - ``zero_width_p``: characters that nobody sees. ``normalise_text`` drops them, so they only matter to a tokenizer
      that is used without it.
    - ``repeat_p``: letters written more than once.
    - ``case_p``: the whole text in capitals, in small letters, in title case or with its case swapped.

    ``strength`` is the share of the places (letters, spaces) of a text that change where it gets a kind of noise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    confusion_p: float = Field(0.15, ge=0, le=1)
    spacing_p: float = Field(0.15, ge=0, le=1)
    merge_lines_p: float = Field(0.1, ge=0, le=1)
    homoglyph_p: float = Field(0.05, ge=0, le=1)
    leet_p: float = Field(0.05, ge=0, le=1)
    zero_width_p: float = Field(0.05, ge=0, le=1)
    repeat_p: float = Field(0.05, ge=0, le=1)
    case_p: float = Field(0.15, ge=0, le=1)
    strength: float = Field(0.15, ge=0, le=1)


class TextNoise:
    """Adds noise to texts by a ``TextNoiseConfig``. Holds no state: one object serves any number of threads."""

    def __init__(self, config: TextNoiseConfig) -> None:
        self.config = config
        # What people do to a text comes before what OCR makes of it.
        self._changes: tuple[tuple[float, Change], ...] = (
            (config.case_p, _case),
            (config.repeat_p, _repeated),
            (config.leet_p, _leet),
            (config.homoglyph_p, _homoglyphs),
            (config.confusion_p, _confused),
            (config.spacing_p, _spaced),
            (config.merge_lines_p, _merged),
            (config.zero_width_p, _invisible),
        )

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        """``text`` with noise that ``rng`` alone decides; blank if, and only if, ``text`` is."""
        if not normalise_text(text):
            return text
        # One draw a kind, whatever the others do: a chance that changes leaves the other kinds where they were.
        draws = rng.random(len(self._changes))
        for draw, (chance, change) in zip(draws, self._changes, strict=True):
            if draw < chance and self.config.strength > 0:
                text = change(text, self.config.strength, rng)
        return text


def _case(text: str, _: float, rng: np.random.Generator) -> str:
    return [text.upper(), text.lower(), text.title(), text.swapcase()][rng.integers(4)]


def _repeated(text: str, share: float, rng: np.random.Generator) -> str:
    return _sometimes(_LETTER, text, share, rng, lambda found: found * int(rng.integers(2, _MOST_REPEATS + 2)))


def _leet(text: str, share: float, rng: np.random.Generator) -> str:
    return _replaced(text, LEET, share, rng)


def _homoglyphs(text: str, share: float, rng: np.random.Generator) -> str:
    return _replaced(text, HOMOGLYPHS, share, rng)


def _confused(text: str, share: float, rng: np.random.Generator) -> str:
    return _replaced(text, OCR_CONFUSIONS, share, rng)


def _spaced(text: str, share: float, rng: np.random.Generator) -> str:
    """Spaces left out; there are about five times as many places to put one in, which get a fifth of the share."""
    joined = _sometimes(_SPACE, text, share, rng, lambda _: "")
    return _sometimes(_INSIDE_WORD, joined, share / 5, rng, lambda _: " ")


def _merged(text: str, _: float, rng: np.random.Generator) -> str:
    """Half of the line breaks: OCR loses a break wholly or not at all, so ``strength`` would say nothing."""
    return _sometimes(_LINE_BREAK, text, 0.5, rng, lambda _: "")


def _invisible(text: str, share: float, rng: np.random.Generator) -> str:
    return _sometimes(_INSIDE_WORD, text, share, rng, lambda _: ZERO_WIDTH[rng.integers(len(ZERO_WIDTH))])


def _replaced(text: str, table: Table, share: float, rng: np.random.Generator) -> str:
    """Each place that a key of ``table`` stands at is replaced with chance ``share``."""

    def other(found: str) -> str:
        options = table[found]
        return options[rng.integers(len(options))]

    return _sometimes(_any_of(tuple(table)), text, share, rng, other)


@lru_cache
def _any_of(keys: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(keys, key=len, reverse=True))))


def _sometimes(
    pattern: re.Pattern[str], text: str, share: float, rng: np.random.Generator, change: Callable[[str], str]
) -> str:
    return pattern.sub(lambda match: change(match[0]) if rng.random() < share else match[0], text)

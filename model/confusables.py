"""Which characters are taken for which: by OCR, by the eye, and by who writes around a filter."""

import re
from collections.abc import Mapping
from types import MappingProxyType

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

#: Latin letters and the Cyrillic or Greek ones that look the same (Unicode's confusables, the ones in common fonts).
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

#: Digits and signs for letters.
LEET: Table = MappingProxyType(
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

#: Zero-width space, non-joiner, joiner, word joiner, and the soft hyphen.
ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\u00ad")

#: For ``str.translate``: each letter of ``HOMOGLYPHS`` to the Latin one that it looks like.
TO_LATIN = str.maketrans({other: latin for latin, others in HOMOGLYPHS.items() for other in others})
#: A run of letters with their accents. Digits end it: "4ever" holds no letter of another script.
_WORD = re.compile(r"(?:[^\W\d_]|[\u0300-\u036f])+")
_LATIN = re.compile(r"[A-Za-z]")


def fold_homoglyphs(text: str) -> str:
    """Cyrillic and Greek letters written as the Latin ones they look like, in words that hold Latin letters too.

    A word of one script is left alone: it is Russian or Greek, not a disguise.
    """
    if text.isascii():
        return text
    return _WORD.sub(lambda word: word[0].translate(TO_LATIN) if _LATIN.search(word[0]) else word[0], text)

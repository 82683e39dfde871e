"""Emoji spelt by their CLDR short names, which are words that people use: "kitchen knife" where Unicode says "hocho".

The package ``emoji`` has the names. Sequences (a person with a skin tone, a rainbow flag) are spelt before text is
folded, since folding takes them apart; single emoji and flags after it, since some of them stand for letters.
"""

from typing import Any

import emoji

_JOINER = "\u200d"
_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_INDICATORS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
#: Below it are signs that texts have as signs, such as that of copyright.
_FIRST_PICTURE = 0x2000


def spelt_sequences(text: str) -> str:
    """``text`` with emoji that are joined, or have a skin tone, in words: who is meant often is the tone alone."""
    return text if text.isascii() else emoji.replace_emoji(text, _sequence)


def spelt_emoji(text: str) -> str:
    """``text`` with every emoji in words, flags as "flag" and the country."""
    return text if text.isascii() else emoji.replace_emoji(text, _any)


def _sequence(chars: str, data: dict[str, Any]) -> str:
    return _name(chars, data) if _JOINER in chars or _TONES & set(chars[1:]) else chars


def _any(chars: str, data: dict[str, Any]) -> str:
    return _name(chars, data) if ord(chars[0]) > _FIRST_PICTURE else chars


def _name(chars: str, data: dict[str, Any]) -> str:
    words = str(data["en"]).strip(":").replace("_", " ").replace("-", " ")
    return f" flag {words} " if set(chars) <= _INDICATORS else f" {words} "

"""Classes of characters that Python's ``unicodedata`` does not tell: those without a glyph, and those of blank ones."""

import re
import unicodedata
from functools import lru_cache

#: Unicode's property Default_Ignorable_Code_Point: soft hyphen, joiners, fillers, selectors, direction marks, tags. The
#: ranges hold code points that are not assigned yet, so that later versions of Unicode leave them as they are.
DEFAULT_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_DEFAULT_IGNORABLE = re.compile(f"[{DEFAULT_IGNORABLE}]")
#: Symbols and letters whose glyph is blank: of braille, Egyptian, Khitan and musical notation.
BLANK = frozenset("\u2800\U00013441\U00013442\U00016fe4\U0001d159")


@lru_cache(maxsize=16384)
def is_default_ignorable(char: str) -> bool:
    """True for what is not to be shown where a font knows nothing of it, whatever surrounds it."""
    return _DEFAULT_IGNORABLE.match(char) is not None


@lru_cache(maxsize=16384)
def is_visible(char: str) -> bool:
    """False for white space, controls, blank glyphs and what has no glyph at all."""
    category = unicodedata.category(char)
    return category[0] != "Z" and category not in ("Cc", "Cf") and char not in BLANK and not is_default_ignorable(char)

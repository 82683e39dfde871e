"""Names in the words of a meme, by a rule: capitalised words within a sentence, and their exchange between memes.

No model and no list of names: a name at the beginning of a sentence is not seen, nor one in words that are all capitals
or all lower case, and a capital for emphasis is taken for a name. What is exchanged is a name for a name of as many
words where there is one, so that sentences stay as well formed as they were.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

_WORD = r"[A-Z][a-z]+(?:['-][A-Z]?[a-z]+)*"
#: Not the first word of the text or after the end of a sentence, a quotation mark or a bracket.
_NAME = re.compile(rf"(?<=[a-z,;] ){_WORD}(?: {_WORD})*\b")
#: Capitalised in English wherever they stand, and nobody's name.
_NO_NAMES = frozenset(
    {
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february", "march",
        "april", "may", "june", "july", "august", "september", "october", "november", "december", "english", "god",
        "mr", "mrs", "ms", "dr",
    }
)  # fmt: skip


def name_in(text: str) -> str | None:
    """The first name within a sentence; None where there is none."""
    found = (match[0] for match in _NAME.finditer(text))
    return next((name for name in found if name.casefold() not in _NO_NAMES), None)


def with_name(text: str, old: str, new: str) -> str:
    """``text`` with every ``old`` as a whole word replaced."""
    return re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _: new, text)


def exchange_partners(names: Sequence[str], rng: np.random.Generator) -> dict[int, int]:
    """Row to the row that it exchanges names with, which has another name; rows that find none are left out.

    Two by two, and names of as many words among each other first, then what is left among itself.
    """
    partners: dict[int, int] = {}
    for n in sorted({len(name.split()) for name in names}):
        partners |= _in_twos([row for row, name in enumerate(names) if len(name.split()) == n], names, rng)
    rest = [row for row in range(len(names)) if row not in partners]
    return partners | _in_twos(rest, names, rng)


def _in_twos(rows: Sequence[int], names: Sequence[str], rng: np.random.Generator) -> dict[int, int]:
    """In the order of their names, each row of the first half with its place in the second half.

    Where no name has more than half of the rows the two differ. Rows too many of a name, or an odd one, are left out.
    """
    shuffled = [rows[place] for place in rng.permutation(len(rows))]
    counts = Counter(names[row].casefold() for row in shuffled)
    by_name = sorted(shuffled, key=lambda row: (-counts[names[row].casefold()], names[row].casefold()))
    most = max(counts.values(), default=0)
    too_many = max(most - (len(rows) - most), len(rows) % 2)
    kept = by_name[too_many:]
    half = len(kept) // 2
    pairs = list(zip(kept[:half], kept[half:], strict=True))
    return {one: other for pair in pairs for one, other in (pair, pair[::-1])}

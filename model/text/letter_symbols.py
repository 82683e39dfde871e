"""Letters as emoji: white on a square or disc, in brackets, and the letters of which flags are made."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase
from types import MappingProxyType

from model.text.composition import Piece, runs_of

#: Those that NFKC leaves, or of which it makes a letter in brackets. Squares and discs with a black letter it knows.
LETTER_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        chr(first + index): letter
        for first in (0x1F150, 0x1F170, 0x1F110)
        for index, letter in enumerate(ascii_uppercase)
    }
    | {chr(0x249C + index): letter for index, letter in enumerate(ascii_lowercase)}
    | {"\U0001f18e": "AB"}
)
REGIONAL_INDICATORS: Mapping[str, str] = MappingProxyType(
    {chr(0x1F1E6 + index): letter for index, letter in enumerate(ascii_uppercase)}
)
_SECOND_BY_FIRST = (
    "A|CDEFGILMOQRSTUWXZ B|ABDEFGHIJLMNOQRSTVWYZ C|ACDFGHIKLMNOPQRUVWXYZ D|EGJKMOZ E|ACEGHRSTU F|IJKMOR "
    "G|ABDEFGHILMNPQRSTUWY H|KMNRTU I|CDELMNOQRST J|EMOP K|EGHIMNPRWYZ L|ABCIKRSTUVY "
    "M|ACDEFGHKLMNOPQRSTUVWXYZ N|ACEFGILOPRUZ O|M P|AEFGHKLMNRSTWY Q|A R|EOSUW S|ABCDEGHIJKLMNORSTVXYZ "
    "T|ACDFGHJKLMNORTVWZ U|AGMNSYZ V|ACEGINU W|FS X|K Y|ET Z|AMW"
)
#: The pairs of regional indicators that emoji fonts draw as a flag: ISO 3166-1 and what Unicode adds to it.
REGIONS = frozenset(
    first + second
    for first, _, seconds in (row.partition("|") for row in _SECOND_BY_FIRST.split())
    for second in seconds
)


def spelt_letters(pieces: Sequence[Piece], *, flags_too: bool = False) -> Iterator[Piece]:
    """Letters for letter emoji, and for regional indicators unless all of a row pair up to flags.

    Invisible characters are gone, but their places are not: what was written apart is no flag.
    """
    for run in runs_of(pieces, REGIONAL_INDICATORS.__contains__):
        if run[0][0] in REGIONAL_INDICATORS and (flags_too or not _are_flags(run)):
            yield from ((REGIONAL_INDICATORS[char], start, end) for char, start, end in run)
        else:
            yield from ((new, start, end) for char, start, end in run for new in LETTER_SYMBOLS.get(char, char))


def _are_flags(run: Sequence[Piece]) -> bool:
    letters = "".join(REGIONAL_INDICATORS[char] for char, _, _ in run)
    is_paired = len(run) % 2 == 0 and all(one[2] == two[1] for one, two in pairwise(run))
    return is_paired and all(letters[at : at + 2] in REGIONS for at in range(0, len(letters), 2))

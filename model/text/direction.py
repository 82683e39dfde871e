"""Explicit overrides of direction, applied: what is written backwards between RLO and PDF is read forwards.

Only overrides turn Latin letters round. Embeddings and isolates leave the letters of a word in their order, and letters
of scripts that run from right to left are kept in the order in which they are read.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby

from model.text.composition import Piece, clusters

RIGHT_TO_LEFT_OVERRIDE = "\u202e"
_LRO, _PDF, _PDI = "\u202d", "\u202c", "\u2069"
_LEFT_TO_RIGHT = frozenset("\u202a\u202b\u2066\u2067\u2068" + _LRO)
_ISOLATES = frozenset("\u2066\u2067\u2068")
#: Directions within directions that are told apart. Each costs one more turn of all that lies in it.
_DEEPEST = 6


def in_reading_order(text: str, pieces: Sequence[Piece]) -> Sequence[Piece]:
    """``pieces``, one for each character of ``text``, in the order in which they are read; direction marks stay."""
    if RIGHT_TO_LEFT_OVERRIDE not in text:
        return pieces
    ordered: list[Piece] = []
    for _, line in groupby(zip(_levels(text), pieces, strict=True), key=lambda one: one[0] is None):
        ordered += _reordered([(level or 0, piece) for level, piece in line], 1)
    return ordered


def _levels(text: str) -> Iterator[int | None]:
    """Odd for what is shown backwards; None for what ends a paragraph, and with it every override."""
    open_ones: list[tuple[str, int]] = []
    n_isolates = 0
    for char in text:
        level = open_ones[-1][1] if open_ones else 0
        if unicodedata.bidirectional(char) == "B":
            open_ones.clear()
            n_isolates = 0
            yield None
            continue
        yield level
        if char == _PDF and open_ones and open_ones[-1][0] not in _ISOLATES:
            open_ones.pop()
        elif char == _PDI and n_isolates:
            n_isolates -= 1
            while open_ones.pop()[0] not in _ISOLATES:
                pass
        elif char == RIGHT_TO_LEFT_OVERRIDE or char in _LEFT_TO_RIGHT:
            n_isolates += char in _ISOLATES
            open_ones.append((char, _inner_level(level, is_odd=char == RIGHT_TO_LEFT_OVERRIDE)))


def _inner_level(level: int, *, is_odd: bool) -> int:
    """A turn within a turn of the same direction changes nothing, so it has no level of its own."""
    inner = level + (level % 2 != is_odd)
    return inner if inner <= _DEEPEST else _DEEPEST - (is_odd != _DEEPEST % 2)


def _reordered(line: Sequence[tuple[int, Piece]], level: int) -> list[Piece]:
    """Unicode's rule L2: what is as deep as a level or deeper is turned round, for each level."""
    ordered: list[Piece] = []
    for is_deeper, run in groupby(line, key=lambda one: one[0] >= level):
        found = list(run)
        ordered += _turned(_reordered(found, level + 1)) if is_deeper else [piece for _, piece in found]
    return ordered


def _turned(pieces: Sequence[Piece]) -> list[Piece]:
    """Backwards, but for letters of Hebrew and Arabic, which are read so anyway; marks stay behind their letters."""
    turned: list[Piece] = []
    backwards = list(clusters(pieces))[::-1]
    for is_right_to_left, run in groupby(
        backwards, key=lambda one: unicodedata.bidirectional(one[0][0]) in ("R", "AL")
    ):
        found = list(run)
        turned += [piece for cluster in (found[::-1] if is_right_to_left else found) for piece in cluster]
    return turned

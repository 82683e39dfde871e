"""Windows of a text: overlapping pieces that the network reads whole, so that no word is beyond its reach.

The network reads so many tokens. What would be cut off is read in the next window instead, and the highest score counts
(``pooling.py``). Their number is bounded; a text that needs more is judged up to there, and the verdict says so.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Enough for ten thousand characters of English.
MAX_WINDOWS = 40
#: Share of a window that the next one reads again, so that a sentence on the seam is read whole by one of them.
_OVERLAP = 0.25
#: Pieces that a window is made of: words, and parts of what is written without spaces.
_PIECE = re.compile(r"\S{1,50}")

Span = tuple[int, int]
#: Tokens of each text, special ones not counted.
CountTokens = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True)
class Windows:
    """Where the windows begin and end in the text, and how many of its characters they reach."""

    spans: tuple[Span, ...]
    judged_chars: int


def windows_of(text: str, count: CountTokens, max_tokens: int, max_windows: int = MAX_WINDOWS) -> Windows:
    """The windows of ``text``, each of at most ``max_tokens``; the whole text where that is enough."""
    if not text or count([text])[0] <= max_tokens:
        return Windows(((0, len(text)),), len(text))
    pieces, sizes = _pieces(text, count, max_tokens)
    spans: list[Span] = []
    first = after = 0
    while after < len(pieces) and len(spans) < max_windows:
        after = _end_of_window(text, pieces, sizes, first, count, max_tokens)
        spans.append((pieces[first][0], pieces[after - 1][1]))
        first = _start_of_next(sizes, first, after, int(_OVERLAP * max_tokens))
    return Windows(tuple(spans), len(text) if after == len(pieces) else spans[-1][1])


def _pieces(text: str, count: CountTokens, max_tokens: int) -> tuple[list[Span], list[int]]:
    """Words with their tokens, none of more than ``max_tokens``: emoji become long when they are spelt by name."""
    pieces = [match.span() for match in _PIECE.finditer(text)]
    while True:
        sizes = list(count([text[start:end] for start, end in pieces]))
        whole = [size <= max_tokens or end - start == 1 for size, (start, end) in zip(sizes, pieces, strict=True)]
        if all(whole):
            return pieces, sizes
        pieces = [
            part for piece, fits in zip(pieces, whole, strict=True) for part in ([piece] if fits else _halves(piece))
        ]


def _halves(piece: Span) -> list[Span]:
    start, end = piece
    middle = (start + end) // 2
    return [(start, middle), (middle, end)]


def _end_of_window(
    text: str, pieces: Sequence[Span], sizes: Sequence[int], first: int, count: CountTokens, max_tokens: int
) -> int:
    """The piece after the last one that still fits. Together, pieces may be more tokens than one by one."""
    after, n_tokens = first + 1, sizes[first]
    while after < len(pieces) and n_tokens + sizes[after] <= max_tokens:
        n_tokens += sizes[after]
        after += 1
    while after > first + 1 and count([text[pieces[first][0] : pieces[after - 1][1]]])[0] > max_tokens:
        after -= max(1, (after - first) // 8)
    return after


def _start_of_next(sizes: Sequence[int], first: int, after: int, overlap: int) -> int:
    """Where the window after ``first`` to ``after`` begins: it reads up to ``overlap`` tokens again."""
    start = after
    while start > first + 1 and overlap >= sizes[start - 1]:
        start -= 1
        overlap -= sizes[start]
    return start

"""Parts in which a meme is judged: each window of its words with each view of its picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.parts.windows import MAX_WINDOWS, Span, Windows

#: Parts of one meme. A second or so of work, whatever is sent.
MAX_PARTS = 64


@dataclass(frozen=True)
class Part:
    """Characters ``start`` to ``end`` of a meme's words with the view of that index (0 for words alone)."""

    view: int
    start: int
    end: int


@dataclass(frozen=True)
class Parts:
    """All parts of a meme, at least one; those of its first view come first. ``judged_chars``: how far they reach."""

    parts: tuple[Part, ...]
    judged_chars: int


#: The windows of a text, at most so many.
WindowsOf = Callable[[str, int], Windows]


def parts_of(content: str, n_views: int, spans: Sequence[Span], windows: WindowsOf) -> Parts:
    """The parts of a meme with these words and so many views (0: words alone); ``spans`` as in ``Reading``."""
    if spans:
        return _each_view_with_its_own(content, spans, windows)
    return _all_words_with_each_view(content, n_views, windows)


def _each_view_with_its_own(content: str, spans: Sequence[Span], windows: WindowsOf) -> Parts:
    most = min(MAX_WINDOWS, max(1, MAX_PARTS // len(spans)))
    parts: list[Part] = []
    unjudged: dict[Span, int] = {}
    for view, (start, end) in enumerate(spans):
        found = windows(content[start:end], most)
        parts += [Part(view, start + first, start + after) for first, after in found.spans]
        unjudged[start, end] = end - start - found.judged_chars
    return Parts(tuple(parts), len(content) - sum(unjudged.values()))


def _all_words_with_each_view(content: str, n_views: int, windows: WindowsOf) -> Parts:
    """Every window with the first view, and with the others as many as there is room for."""
    found = windows(content, MAX_WINDOWS)
    room = max(1, (MAX_PARTS - len(found.spans)) // max(1, n_views - 1))
    placed = [(0, span) for span in found.spans]
    placed += [(view, span) for view in range(1, n_views) for span in found.spans[:room]]
    return Parts(tuple(Part(view, *span) for view, span in placed), found.judged_chars)

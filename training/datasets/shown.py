"""Names and labels as messages may show them: never the words of a meme, which may stand in their place."""

from collections.abc import Sequence

_MAX_SHOWN_CHARS = 80
_MAX_SHOWN_WORDS = 3


def named(columns: Sequence[str]) -> str:
    """Column names as a message may show them. Without a header a meme's words would stand in their place."""
    return ", ".join(name if _is_short(name) else f"one of {len(name)} characters" for name in columns) or "no columns"


def shown(value: object) -> str:
    """A label or a file name as a message may show it. In a damaged row a meme's words may stand in its place."""
    text = repr(value)
    return text if _is_short(text) else f"of {len(text)} characters"


def _is_short(text: str) -> bool:
    return len(text) <= _MAX_SHOWN_CHARS and len(text.split()) <= _MAX_SHOWN_WORDS

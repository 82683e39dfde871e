"""Errors of pydantic in words: which member of a document is wrong, and how.

What was given is never in the words: in a request it is somebody's content, in a file it may be a secret.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

#: How pydantic begins the message of a ``ValueError`` that a validator of ours raised.
_PREFIX = "Value error, "


@dataclass(frozen=True)
class InvalidMember:
    """One thing that is wrong. ``location`` are the keys and indices that lead to it; ``kind`` is pydantic's type."""

    location: tuple[str | int, ...]
    kind: str
    message: str
    given: Any = field(repr=False)


def invalid_members(error: ValidationError) -> list[InvalidMember]:
    """All that is wrong, in pydantic's order; there is at least one."""
    return [
        InvalidMember(one["loc"], one["type"], one["msg"].removeprefix(_PREFIX), one["input"])
        for one in error.errors(include_url=False)
    ]


def place_and_message(
    error: ValidationError, whole: str, *, known: Collection[str] | None = None, within: str = ""
) -> tuple[str, str]:
    """The first thing that is wrong: where, and what.

    ``whole`` is the place of what is wrong with all of the document. With ``known`` a key that is not in it is not
    repeated; indices of lists are. ``within`` is the place of the document itself in a larger one.
    """
    first = invalid_members(error)[0]
    steps = [str(step) for step in first.location if known is None or isinstance(step, int) or step in known]
    if first.location and not steps:
        return within, f"an unknown field: {first.message}"
    return ".".join([within, *steps] if within else steps) or whole, first.message


def in_words(error: ValidationError, whole: str, *, known: Collection[str] | None = None, within: str = "") -> str:
    """The same as ``place: what``."""
    return ": ".join(filter(None, place_and_message(error, whole, known=known, within=within)))

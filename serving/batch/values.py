"""Cells of a table as the values of an item, whatever type the table gave them."""

from collections.abc import Mapping
from typing import Any

from serving.batch.errors import BatchError


def id_of(value: object, place: str, column: str) -> str | None:
    """An id as the output will carry it; None when there is none. Numbers become what they look like."""
    text = None if _absent(value) else _plain(value, place, column)
    if text is not None and not _encodable(text):
        raise BatchError(f"{place}: column {column!r} holds half a character (a lone surrogate)")
    return text or None


def text_of(value: object, place: str, column: str) -> str | None:
    """Words, or None when they are not given."""
    return None if _absent(value) else _plain(value, place, column)


def tags_of(value: object, place: str, column: str) -> tuple[str, ...]:
    """A list of words, or one string with commas."""
    if _absent(value):
        return ()
    given = value if isinstance(value, list) else _plain(value, place, column).split(",")
    words = (_plain(tag, place, column).strip() for tag in given if not _absent(tag))
    return tuple(word for word in words if word)


def _absent(value: object) -> bool:
    """Nothing, or the number that tables write for it."""
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124  only NaN differs from itself


def _plain(value: Any, place: str, column: str) -> str:
    if isinstance(value, bytes):  # a column of text that its writer did not mark as such
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise BatchError(f"{place}: column {column!r} holds bytes that are no UTF-8 text") from error
    if isinstance(value, Mapping | list):
        raise BatchError(f"{place}: column {column!r} holds a {type(value).__name__}, not one value")
    return str(value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

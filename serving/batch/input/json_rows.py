"""Rows of a JSON file: the items of one list, or values one after the other; a few in memory at a time."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

_STEP = 1 << 20
_BLANK = re.compile(r"[ \t\r\n]*")


def json_rows(text: TextIO, id_column: str, max_chars: int) -> Iterator[Any]:
    """The values of a document, in order. One object that holds only objects has a row each, whose ids are its keys.

    Raises ``ValueError`` where it is no JSON, ends too early, or has a row of more than ``max_chars``.
    """
    document = _Document(text, max_chars)
    if document.next_char() == "[":
        document.skip()
        yield from _items(document)
        return
    if not document.next_char():
        return
    first = document.value()
    if _is_by_id(first) and not document.next_char():
        yield from ({id_column: key} | row for key, row in first.items())
        return
    yield first
    while document.next_char():
        yield document.value()


def _is_by_id(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(row, dict) for row in value.values())


def _items(document: "_Document") -> Iterator[Any]:
    """The items of a list whose bracket was read."""
    while (char := document.next_char()) != "]":
        if not char:
            raise ValueError("the list has no end: was the file cut?")
        yield document.value()
        if document.next_char() == ",":
            document.skip()
        elif document.next_char() not in ("]", ""):
            raise ValueError("no comma between two rows")
    document.skip()
    if document.next_char():
        raise ValueError("something follows the list")


class _Document:
    """Text that is read as far as the value that is wanted needs."""

    def __init__(self, text: TextIO, max_chars: int) -> None:
        self._text, self._max_chars = text, max_chars
        self._buffer, self._at = "", 0
        self._decoder = json.JSONDecoder()

    def next_char(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            match = _BLANK.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._read():
                return ""

    def skip(self) -> None:
        """Pass over it."""
        self._at += 1

    def value(self) -> Any:
        """The value that begins here; raises ``ValueError`` for none."""
        while True:
            try:
                value, self._at = self._decoder.raw_decode(self._buffer, self._at)
            except RecursionError as error:
                raise ValueError("nested too deeply") from error
            except ValueError:
                if len(self._buffer) - self._at > self._max_chars or not self._read():
                    raise
            else:
                return value

    def _read(self) -> bool:
        """As much again, so that a long value is not begun anew all too often."""
        left = self._buffer[self._at :]
        more = self._text.read(max(_STEP, len(left)))
        self._buffer, self._at = left + more, 0
        return bool(more)

"""Upside-down text, read: letters that look like others turned by half a circle, in an order turned with them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from model.text.composition import Piece

#: Letters that are nothing in English but others turned, by what each is when the page is turned. Two hands write some.
_ONLY_TURNED = {
    **dict(
        zip("\u0250\u0254\u01dd\u0259\u025f\u0183\u0253\u0265\u1d09\u0131\u027e\u029e", "aceefgghiijk", strict=True)
    ),
    **dict(zip("\ua781\u026f\u0279\u0287\u028c\u028d\u028e", "lmrtvwy", strict=True)),
    **dict(zip("\u2200\u0186\u018e\u2132\u2141\ua4d8\u02e5\u0500\u2229\u039b\u2144", "ACEFGKLPUVY", strict=True)),
}
#: Letters that are others, or themselves, when the page is turned.
_EITHER = dict(zip("bdpqunlosxzHINOSXZMW", "qpdbnulosxzHINOSXZWM", strict=True))
_UPRIGHT: Mapping[str, str] = MappingProxyType(_ONLY_TURNED | _EITHER)
IS_TURNED = re.compile(f"[{''.join(_ONLY_TURNED)}]")
_WORD = re.compile(rf"(?:[^\W_]|[{''.join(_ONLY_TURNED)}])+|\n")


def upright(pieces: Sequence[Piece], fewest: int = 2) -> Sequence[Piece]:
    """Rows of turned words in the order, and with the letters, that they have the right way up.

    With fewer than ``fewest`` letters that must be turned ones, a row stays: one may be put into a word for its looks.
    """
    text = "".join(char for char, _, _ in pieces)
    if text.isascii() or not IS_TURNED.search(text):
        return pieces
    read: list[Piece] = []
    done = 0
    for start, end in _turned_rows(text):
        if len(IS_TURNED.findall(text, start, end)) < fewest:
            continue
        read += pieces[done:start]
        read += [(_UPRIGHT.get(char, char), first, last) for char, first, last in reversed(pieces[start:end])]
        done = end
    return [*read, *pieces[done:]]


def _turned_rows(text: str) -> Iterator[tuple[int, int]]:
    """From where to where. "no" and "sun" may be turned words too, and are taken for such where all of a line may."""
    row: list[tuple[int, int, bool]] = []
    is_whole_line = True
    for word in [*_WORD.finditer(text), None]:
        if word is not None and word[0] != "\n" and all(char in _UPRIGHT for char in word[0]):
            row.append((*word.span(), bool(IS_TURNED.search(word[0]))))
            continue
        ends_line = word is None or word[0] == "\n"
        yield from _trimmed(row, is_whole_line=is_whole_line and ends_line)
        row, is_whole_line = [], ends_line


def _trimmed(row: Sequence[tuple[int, int, bool]], *, is_whole_line: bool) -> Iterator[tuple[int, int]]:
    sure = [index for index, (_, _, is_turned) in enumerate(row) if is_turned]
    if sure:
        first, last = (0, -1) if is_whole_line else (sure[0], sure[-1])
        yield row[first][0], row[last][1]

"""Tables as rows: Parquet, JSON and CSV, read in one pass without holding more than a few rows.

A table that is damaged is refused with the location: a row that cannot be read has no id to answer for it.
"""

import csv
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import pyarrow.parquet as pq

from model.files.table_text import HEAD_BYTES, encoding_of
from serving.batch.errors import BatchError, ColumnsError
from serving.batch.input.items import Columns
from serving.batch.input.json_rows import json_rows

Row = Mapping[str, Any]
Reader = Callable[[BinaryIO, str, Columns], Iterator[tuple[int, Row]]]
#: A cell or line as long as the largest picture that is taken in, in base64.
_LARGEST_CELL = 64 * 1024 * 1024
_BATCH_ROWS = 64
_BATCH_BYTES = 16 * 1024 * 1024
_READ_AHEAD_BYTES = 1024 * 1024
#: Rows of JSON Lines by which a column must have been there: one row may leave out what it does not have.
_ROWS_LOOKED_AT = 1000
_SIGN_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
JSON_KINDS = ("jsonl", "json")


def check_columns(file: str, there: Sequence[str], columns: Columns) -> None:
    """Raise ``BatchError`` when a table has no id or no picture, or a column twice."""
    # Without its pictures, a table would be judged by its words alone, and nobody would be told.
    missing = [name for name in (columns.id, columns.image or columns.text) if name not in there]
    twice = [name for name in vars(columns).values() if there.count(name) > 1]
    if not missing and not twice:
        return
    found = f"no column {' and no column '.join(map(repr, missing))}" if missing else f"two columns {twice[0]!r}"
    if len(there) == 1 and (sign := re.search("[;\t|]", there[0])):
        found += f", being separated by {sign[0]!r} and not by commas"
    words_alone = "; --image-column '' judges words alone" if columns.image in missing else ""
    there_are = f"{file} has {found}; it has"
    advice = f"Name them with --id-column, --image-column, --text-column and --tags-column{words_alone}"
    raise ColumnsError(
        f"{there_are} {', '.join(map(repr, there)) or 'none'}. {advice}", f"{there_are} {len(there)} columns. {advice}"
    )


def check_rows(rows: Iterable[tuple[str, int, Row]], columns: Columns) -> Iterator[tuple[str, int, Row]]:
    """The same for rows that say for themselves which columns they have, passed on as they come."""
    seen: dict[str, None] = {}
    file, n_rows = "", 0
    for n_rows, (file, number, row) in enumerate(rows, start=1):
        if n_rows <= _ROWS_LOOKED_AT:
            seen.update(dict.fromkeys(row))
        if columns.id not in seen or n_rows == _ROWS_LOOKED_AT:
            check_columns(file, list(seen), columns)
        yield file, number, row
    if n_rows:
        check_columns(file, list(seen), columns)


def _parquet(handle: BinaryIO, file: str, columns: Columns) -> Iterator[tuple[int, Row]]:
    with _damage_reported(file, "no whole Parquet file", lambda: ""):
        # The buffer has columns read piece by piece; without it, a row group of pictures is read at once.
        table = pq.ParquetFile(handle, buffer_size=_READ_AHEAD_BYTES, pre_buffer=False)
        names = table.schema_arrow.names
        check_columns(file, names, columns)
        wanted = [name for name in vars(columns).values() if name in names]
        number = 0
        for batch in table.iter_batches(_batch_rows(table), columns=wanted):
            for row in batch.to_pylist():
                number += 1
                yield number, row


def _batch_rows(table: pq.ParquetFile) -> int:
    """Rows that are read at once: fewer of large ones."""
    groups = table.metadata
    n_bytes = sum(groups.row_group(number).total_byte_size for number in range(groups.num_row_groups))
    return max(1, min(_BATCH_ROWS, int(_BATCH_BYTES * groups.num_rows // max(1, n_bytes))))


def _jsonl(handle: BinaryIO, file: str, columns: Columns) -> Iterator[tuple[int, Row]]:
    number = 0
    with (
        _damage_reported(file, "no JSON Lines file", lambda: f" at line {number + 1}"),
        _text_of(handle) as text,
    ):
        for number, line in enumerate(iter(lambda: text.readline(_LARGEST_CELL), ""), start=1):
            if len(line) == _LARGEST_CELL:
                raise BatchError(f"{file} row {number} has more than {_LARGEST_CELL} characters")
            if line.strip():
                yield number, _json_object(line, f"{file} row {number}")


def _json(handle: BinaryIO, file: str, columns: Columns) -> Iterator[tuple[int, Row]]:
    """A list of objects, objects one after the other as in JSON Lines, or one object of objects by id."""
    number = 0
    with _damage_reported(file, "no JSON file", lambda: f" at row {number + 1}"), _text_of(handle) as text:
        for number, row in enumerate(json_rows(text, columns.id, _LARGEST_CELL), start=1):
            if not isinstance(row, dict):
                raise BatchError(f"{file} row {number} is no JSON object")
            yield number, row


def _json_object(line: str, location: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BatchError(f"{location} is not JSON ({error})") from error
    if not isinstance(row, dict):
        raise BatchError(f"{location} is no JSON object")
    return row


def _csv(handle: BinaryIO, file: str, columns: Columns) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(_LARGEST_CELL)
    number = 0
    with (
        _damage_reported(file, "no CSV file", lambda: f" at row {number + 1}"),
        _text_of(handle, newline="") as text,
    ):
        header = text.readline(_LARGEST_CELL)
        sign = _separator(header, file, columns)
        # Strict: a quote that is never closed would swallow all rows that follow.
        lines = csv.reader(chain([header], text), delimiter=sign, strict=True)
        names = next(lines, [])
        check_columns(file, names, columns)
        for number, cells in enumerate(filter(None, lines), start=1):
            if len(cells) > len(names):
                raise BatchError(
                    f"{file} row {number} has {len(cells)} cells under {len(names)} columns: is a "
                    f"{_SIGN_NAMES[sign]} not quoted?"
                )
            if columns.image in names[len(cells) :]:
                raise BatchError(f"{file} row {number} ends before its column {columns.image!r}: was the file cut?")
            # An empty cell is how a CSV says "not given".
            yield number, {name: cell or None for name, cell in zip(names, cells, strict=False)}


def _separator(header: str, file: str, columns: Columns) -> str:
    """The sign by which the header has the columns that must be there; a comma, or in .tsv a tab, when none does."""
    is_tsv = ".tsv" in PurePosixPath(file.lower()).suffixes
    signs = sorted(_SIGN_NAMES, key=lambda sign: is_tsv and sign != "\t")
    for sign in signs:
        with suppress(csv.Error):
            if {columns.id, columns.image or columns.text} <= set(next(csv.reader([header], delimiter=sign), [])):
                return sign
    return signs[0]


def _text_of(handle: BinaryIO, newline: str | None = None) -> io.TextIOWrapper:
    """A file as text, in the encoding that its first bytes tell; some handles cannot go back to them."""
    reader = io.BufferedReader(cast("io.RawIOBase", handle))
    return io.TextIOWrapper(reader, encoding_of(reader.peek(HEAD_BYTES)[:HEAD_BYTES]), newline=newline)


@contextmanager
def _damage_reported(file: str, what: str, location: Callable[[], str]) -> Iterator[None]:
    """Report what a damaged file or a broken line raises as one ``BatchError``."""
    try:
        yield
    except BatchError:
        raise
    except OSError as error:
        raise BatchError(f"{file} cannot be read{location()}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BatchError(
            f"{file} is {what}{location()}: it holds what is no {error.encoding.upper()} ({error.reason}), as files in "
            "Latin-1 or Windows-1252 do; save it as UTF-8 ('CSV UTF-8' in Excel; iconv -f WINDOWS-1252 -t UTF-8)"
        ) from error
    except (ValueError, csv.Error, EOFError, zlib.error) as error:  # pyarrow's errors are ValueErrors and OSErrors
        raise BatchError(f"{file} is {what}{location()} ({type(error).__name__}: {error})") from error


READERS: dict[str, Reader] = {"parquet": _parquet, "jsonl": _jsonl, "json": _json, "csv": _csv}

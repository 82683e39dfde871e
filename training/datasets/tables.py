"""Files of rows, as people have them: JSON Lines, JSON, CSV and TSV, with the place of each row.

Told by content, not by name: a ``.json`` may hold JSON Lines, a ``.csv`` may be separated by tabs or semicolons. A
byte order mark, CRLF line ends and quoted line ends are read; a row that cannot be is skipped with its line.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from model.files.cells import says_nothing
from model.files.picture_finder import Several
from model.files.table_text import HEAD_BYTES, encoding_of, separator_of
from training.datasets.base import DatasetError, Loaded, Sample, Skipped, SkippedKind, existing
from training.datasets.pictures import RowPictures
from training.datasets.shown import named, shown
from training.datasets.target_groups import TargetLabels

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
CSV_SUFFIXES = (".csv", ".tsv")
_MAX_HEADER_CHARS = 100_000
_NOT_UTF8 = "not UTF-8; save the file as UTF-8"


@dataclass(frozen=True)
class Row:
    """One row: ``place`` is "file, line n"; ``values`` by column, strings in a CSV and anything JSON holds else."""

    place: str
    values: dict[str, Any] = field(repr=False)

    def text(self, column: str) -> str:
        """The column as text without white space around it; "" where it is absent, null or says nothing ("nan")."""
        return _said(self.values.get(column))


@dataclass(frozen=True)
class Table:
    """The rows of a file in order, and those that could not be read. ``columns`` are those of any row."""

    path: Path
    columns: tuple[str, ...]
    rows: list[Row]
    skipped: list[Skipped]

    def nonempty(self) -> "Table":
        """Itself; raises ``DatasetError`` when not one row could be read."""
        if not self.rows:
            first = f"; {self.skipped[0].place}: {self.skipped[0].reason}" if self.skipped else ""
            raise DatasetError(f"{self.path} holds no readable row{first}")
        return self

    def require(self, *columns: str) -> "Table":
        """Itself; raises ``DatasetError`` when a column is missing altogether, which makes it another file."""
        absent = [column for column in columns if column not in self.columns]
        if absent:
            raise DatasetError(f"{self.path}: no column {', '.join(absent)}; it has {named(self.columns)}")
        return self

    def column(self, name: str) -> str:
        """The column of that name in whatever case; raises ``DatasetError`` when there is none."""
        found = next((column for column in self.columns if column.casefold() == name.casefold()), None)
        return found if found is not None else self.require(name).columns[0]


def header_of(path: Path) -> tuple[str, ...]:
    """The first line of a CSV as column names; empty when it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            first = file.readline(_MAX_HEADER_CHARS)
        return tuple(name.strip() for name in next(csv.reader([first], delimiter=separator_of(first)), []))
    except (OSError, csv.Error):
        return ()


def of_split(table: Table, split: str, place: Callable[[Row], str]) -> Table:
    """The rows of a split in a table that holds several; rows that could not be read are told with ``train``."""
    rows = [row for row in table.rows if place(row) == split]
    return replace(table, rows=rows, skipped=table.skipped if split == "train" else [])


def read_table(path: Path) -> Table:
    """The rows of a file; raises ``DatasetError`` when it is missing or holds not one readable row."""
    return (read_csv(path) if path.suffix.lower() in CSV_SUFFIXES else read_json(path)).nonempty()


def read_csv(path: Path) -> Table:
    """Rows of a CSV with a header. The separator is what the header has: tab, semicolon or comma."""
    text = _decoded(path)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text.partition("\n")[0]))
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    skipped: list[Skipped] = []
    for place, fields in _records(path, lines, skipped):
        if not columns:
            columns = tuple(name.strip() for name in fields)
        elif reason := _fields_problem(fields, len(columns)):
            skipped.append(Skipped(place, reason))
        else:
            rows.append(Row(place, dict(zip(columns, fields, strict=False))))
    return Table(path, columns, rows, skipped)


def _records(path: Path, lines: Any, skipped: list[Skipped]) -> Iterator[tuple[str, list[str]]]:
    """Records that are not blank, each with the line on which it begins; what the parser refuses ends the file."""
    line = 1
    try:
        for fields in lines:
            if any(map(str.strip, fields)):
                yield f"{path}, line {line}", fields
            line = lines.line_num + 1
    except csv.Error as error:
        skipped.append(Skipped(f"{path}, line {line}", f"unreadable from here to the end of the file ({error})"))


def _fields_problem(fields: list[str], n_columns: int) -> str | None:
    if any(map(str.strip, fields[n_columns:])):
        return f"{len(fields)} fields under a header of {n_columns}; a text with a separator in it must be quoted"
    return _NOT_UTF8 if any(map(_is_damaged, fields)) else None


def read_json(path: Path) -> Table:
    """Rows of JSON Lines, of one array of objects, or of one object of objects (whose keys become ``id``)."""
    text = _decoded(path)
    items = _whole_document(text)
    rows: list[Row] = []
    skipped: list[Skipped] = []
    for place, value in _json_lines(path, text, skipped) if items is None else _numbered(path, items):
        if not isinstance(value, dict):
            skipped.append(Skipped(place, f"not a JSON object but {type(value).__name__}"))
        elif _is_damaged(json.dumps(value, ensure_ascii=False)):
            skipped.append(Skipped(place, _NOT_UTF8))
        else:
            rows.append(Row(place, value))
    columns = dict.fromkeys(column for row in rows for column in row.values)
    return Table(path, tuple(columns), rows, skipped)


def _whole_document(text: str) -> list[Any] | None:
    """The items of a document that is one array or one object of objects; None when it is JSON Lines."""
    try:
        document = _json(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    if isinstance(document, list):
        return document
    if isinstance(document, dict) and document and all(isinstance(value, dict) for value in document.values()):
        return [{"id": key} | value for key, value in document.items()]
    return None


def _numbered(path: Path, items: list[Any]) -> Iterator[tuple[str, Any]]:
    for number, item in enumerate(items, 1):
        yield f"{path}, item {number}", item


def _json_lines(path: Path, text: str, skipped: list[Skipped]) -> Iterator[tuple[str, Any]]:
    # Not `splitlines`: U+2028 and its like may stand in a JSON string.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            place = f"{path}, line {number}"
            try:
                yield place, _json(line)
            except json.JSONDecodeError as error:
                skipped.append(Skipped(place, f"not JSON ({error.msg} at column {error.colno})"))
            except RecursionError:
                skipped.append(Skipped(place, "JSON that is nested too deeply"))


def _decoded(path: Path) -> str:
    """The file's text; bytes that are no UTF-8 become lone surrogates, so that one bad row costs one row."""
    try:
        data = existing(path).read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    encoding = encoding_of(data[:HEAD_BYTES])
    text = data.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "replace")
    return text.removeprefix("\ufeff")


def _is_damaged(text: str) -> bool:
    """Whether undecodable bytes stand in it (surrogateescape puts them at U+DC80 to U+DCFF)."""
    return any("\udc80" <= char <= "\udcff" for char in text)


class _WrittenNumber(float):
    """A number of JSON whose text is what the file has: an id 1e5 or a text 2.50 keeps its characters."""

    def __new__(cls, written: str) -> "_WrittenNumber":
        number = super().__new__(cls, written)
        number._written = written
        return number

    _written: str

    def __str__(self) -> str:
        return self._written


def _json(text: str) -> Any:
    return json.loads(text, parse_float=_WrittenNumber)


class RowProblem(Exception):  # noqa: N818  it is no error of ours: it becomes a Skipped
    """Why a row is left out. Never holds the words of a meme."""

    def __init__(self, reason: str, kind: SkippedKind = "row") -> None:
        super().__init__(reason)
        self.kind = kind


def load_rows(
    table: Table,
    parse: Callable[[Row], Sample],
    pictures: RowPictures | None = None,
    target: TargetLabels | None = None,
) -> Loaded:
    """A sample of each row; a row for which ``parse`` raises ``RowProblem`` is skipped with that reason.

    ``pictures`` and ``target`` are those that ``parse`` takes.
    """
    samples: list[Sample] = []
    skipped = list(table.skipped)
    for row in table.rows:
        try:
            samples.append(parse(row))
        except RowProblem as problem:
            skipped.append(Skipped(row.place, str(problem), problem.kind))
    unknown_groups = () if target is None else target.unknown
    if pictures is None:
        return Loaded(samples, skipped, unknown_groups=unknown_groups)
    return Loaded(
        samples,
        skipped,
        picture_folders=pictures.folders,
        respelled=pictures.respelled,
        unknown_groups=unknown_groups,
    )


def picture_of(pictures: RowPictures, name: str) -> Path:
    """The picture that a row names; raises ``RowProblem`` when it is not there, or when several files may be it."""
    found = None if says_nothing(name) else pictures.of_row(name)
    if isinstance(found, Several):
        raise RowProblem(f"the picture {shown(name)} is not clear: {found}", "ambiguous_picture")
    if says_nothing(name):
        raise RowProblem("no picture is named")
    if found is None:
        raise RowProblem(f"the picture {shown(name)} is missing", "missing_picture")
    return found.path


def tags_of(value: Any) -> tuple[str, ...]:
    """Tags of a list or of a text separated by commas; those that say nothing are left out."""
    items = value if isinstance(value, list) else str(value or "").split(",")
    return tuple(tag for tag in map(_said, items) if tag)


def words_of(value: Any) -> str:
    """A text, or a list of texts (the boxes of a meme) in one; "" for what says nothing, such as "nan"."""
    items = value if isinstance(value, list) else [value]
    return " ".join(filter(None, map(_said, items)))


def _said(value: Any) -> str:
    text = "" if value is None else str(value).strip()
    return "" if says_nothing(text) else text

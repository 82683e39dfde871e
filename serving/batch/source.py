"""The input of a run as a stream of items: Parquet, JSON Lines, CSV, a folder or a glob, by path or address."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import fsspec
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem

from serving.batch.errors import BatchError

TABLES = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
_PARQUET_ROWS = 256
#: A cell of text as large as the largest picture that is taken in, in base64.
_LARGEST_CELL = 64 * 1024 * 1024


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are called."""

    id: str = "id"
    image: str = "image"
    text: str = "text"
    tags: str = "tags"


@dataclass(frozen=True)
class Item:
    """One row of the input. ``image`` is a path or address, the bytes of a picture file, or None (words alone).

    ``place`` says where the row is, for messages.
    """

    place: str
    id: str | None
    image: str | bytes | None
    text: str | None = None
    tags: tuple[str, ...] = ()


class Source:
    """Files of one kind, in one order.

    ``stamp`` changes when a file does (its size, time or version). Raises ``BatchError`` when there is nothing there.
    """

    def __init__(self, address: str, columns: Columns) -> None:
        self.address = address
        self.columns = columns
        self.fs, path = fsspec.core.url_to_fs(address)
        self.kind, self.files = _find(self.fs, path, address)
        self._root = path if self.fs.isdir(path) else None

    @property
    def protocol(self) -> str:
        """Of the file system that the input is on: "file", "s3" and so on."""
        names = self.fs.protocol
        return names if isinstance(names, str) else names[0]

    def stamp(self) -> str:
        """sha256 over the names and versions of the files."""
        facts = [[file, self.fs.ukey(file)] for file in self.files]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def items(self) -> Iterator[Item]:
        """Every item, in order, without holding more than a few in memory."""
        if self.kind == "pictures":
            yield from (Item(file, self._name(file), self.fs.unstrip_protocol(file)) for file in self.files)
            return
        reader = {"parquet": self._parquet, "jsonl": self._jsonl, "csv": self._csv}[self.kind]
        for file in self.files:
            for number, row in reader(file):
                yield self._item(file, number, row)

    def _name(self, file: str) -> str:
        """A picture's id: its path under the folder that was asked for, or its file name."""
        if self._root is None:
            return PurePosixPath(file).name
        return str(PurePosixPath(file).relative_to(self._root))

    def _item(self, file: str, number: int, row: Mapping[str, Any]) -> Item:
        names, place = self.columns, f"{file} row {number}"
        id, image, text = row.get(names.id), row.get(names.image), row.get(names.text)
        return Item(
            place=place,
            id=None if id is None or id == "" else str(id),
            image=self._resolved(file, image, place),
            text=None if text is None else str(text),
            tags=_tags(row.get(names.tags)),
        )

    def _resolved(self, file: str, image: object, place: str) -> str | bytes | None:
        """A relative path is relative to the table's folder."""
        if image is None or image == "":
            return None
        if isinstance(image, bytes):
            return image
        if isinstance(image, Mapping) and isinstance(image.get("bytes"), bytes):  # as Hugging Face stores pictures
            return bytes(image["bytes"])
        if not isinstance(image, str):
            raise BatchError(
                f"{place}: column {self.columns.image!r} holds {type(image).__name__}, not a path or bytes"
            )
        if "://" in image or image.startswith(("/", "data:")):
            return image
        return str(self.fs.unstrip_protocol(str(PurePosixPath(file).parent / image)))

    def _check_columns(self, file: str, there: Sequence[str]) -> None:
        names = self.columns
        missing = [name for name in (names.id,) if name not in there]
        if names.image not in there and names.text not in there:
            missing.append(names.image)
        if missing:
            raise BatchError(
                f"{file} has no column {' and no column '.join(map(repr, missing))}; it has {', '.join(there)}. "
                "Name them with --id-column, --image-column, --text-column and --tags-column"
            )

    def _parquet(self, file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        with self.fs.open(file, "rb") as handle:
            try:
                table = pq.ParquetFile(handle)
            except Exception as error:  # pyarrow raises its own and OSError
                raise BatchError(f"{file} is no Parquet file ({type(error).__name__})") from error
            names = table.schema_arrow.names
            self._check_columns(file, names)
            wanted = [name for name in vars(self.columns).values() if name in names]
            number = 0
            for batch in table.iter_batches(_PARQUET_ROWS, columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row

    def _jsonl(self, file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        checked = False
        with self.fs.open(file, "rb") as handle:
            for number, line in enumerate(io.TextIOWrapper(handle, "utf-8-sig"), start=1):
                if not line.strip():
                    continue
                row = _json_object(line, f"{file} row {number}")
                if not checked:
                    self._check_columns(file, list(row))
                    checked = True
                yield number, row

    def _csv(self, file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        csv.field_size_limit(_LARGEST_CELL)
        with self.fs.open(file, "rb") as handle:
            reader = csv.DictReader(io.TextIOWrapper(handle, "utf-8-sig", newline=""))
            self._check_columns(file, list(reader.fieldnames or ()))
            for number, row in enumerate(reader, start=1):
                # A CSV cannot say "not given" but by an empty cell.
                yield number, {name: value for name, value in row.items() if value}


def _find(fs: AbstractFileSystem, path: str, address: str) -> tuple[str, list[str]]:
    """The kind of the input and its files."""
    if fs.isdir(path):
        return _of_one_kind(sorted(fs.find(path)), address)
    if any(sign in path for sign in "*?["):
        return _of_one_kind(sorted(fs.glob(path)), address)
    if not fs.exists(path):
        raise BatchError(f"there is nothing at {address}")
    return _of_one_kind([path], address)


def _of_one_kind(files: Sequence[str], address: str) -> tuple[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file in files:
        suffix = PurePosixPath(file).suffix.lower()
        kind = TABLES.get(suffix, "pictures" if suffix in PICTURES else "")
        if kind and not PurePosixPath(file).name.startswith((".", "_")):
            found.setdefault(kind, []).append(file)
    tables = [kind for kind in found if kind != "pictures"]
    if len(tables) > 1:
        raise BatchError(
            f"{address} holds {' and '.join(sorted(tables))} files; give one kind, by a glob such as *.csv"
        )
    if not found:
        known = ", ".join((*TABLES, *PICTURES))
        raise BatchError(f"{address} holds no file that can be scored (one of {known})")
    # Pictures beside a table are what the table names.
    (kind,) = tables or ["pictures"]
    return kind, found[kind]


def _json_object(line: str, place: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise BatchError(f"{place} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise BatchError(f"{place} is no JSON object")
    return row


def _tags(value: object) -> tuple[str, ...]:
    """A list of strings, or one string with commas."""
    if value is None:
        return ()
    given = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    return tuple(text for tag in given if (text := str(tag).strip()))

"""The files of an input: found by path, folder, glob or fsspec address, walked without holding all their names."""

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem

from serving.batch.errors import BatchError

TABLES = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
#: What may be a picture, also of formats that are refused: each file is answered for. Many stores keep them without
#: an ending.
PICTURES = (
    *("", ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl", ".svg", ".ico"),
)
_MAGIC = "*?["


class Files:
    """Iterates over the files of one kind ("parquet", "jsonl", "csv" or "pictures"), in one order."""

    def __init__(self, address: str) -> None:
        try:
            self.fs, self._path = fsspec.core.url_to_fs(address)
            self._is_local = isinstance(self.fs, LocalFileSystem) and "::" not in address
            self._chain = [] if self._is_local else _absolute_chain(address)
            self.address = self._path if self._is_local else "::".join([address.split("::", 1)[0], *self._chain])
            self._shape = self._found()
            self.kind, self._tables = self._of_one_kind(address)
        except BatchError:
            raise
        except Exception as error:  # each file system raises its own: no such protocol, package, host or permission
            raise BatchError(f"{address} cannot be opened: {error or type(error).__name__}") from error

    def __iter__(self) -> Iterator[str]:
        """Paths as ``fs`` knows them."""
        if self._tables:
            return iter(self._tables)
        return (file for file in self._all() if _kind(file) == "pictures")

    @property
    def protocols(self) -> frozenset[str]:
        """fsspec's names of the file systems that are read."""
        own = (self.fs.protocol,) if isinstance(self.fs.protocol, str) else self.fs.protocol
        return frozenset({own[0], *(link.split("://")[0] if "://" in link else "file" for link in self._chain)})

    @contextmanager
    def read(self, file: str) -> Iterator[BinaryIO]:
        """A file, open; raises ``BatchError`` when it cannot be."""
        try:
            handle = self.fs.open(file, "rb")
        except Exception as error:
            raise BatchError(f"{file} cannot be opened: {getattr(error, 'strerror', None) or error}") from error
        with handle:
            yield handle

    def version(self, file: str) -> str:
        """Another one when the file has changed."""
        if not self._is_local:
            return str(self.fs.ukey(file))
        try:
            facts = Path(file).stat()
        except OSError as error:
            return str(error.strerror)
        return f"{facts.st_size} {facts.st_mtime_ns}"

    def name(self, file: str) -> str:
        """A picture's id: its path below the folder that was asked for, or its file name."""
        relative = PurePosixPath(file).relative_to(self._root()) if self._shape != "file" else PurePosixPath(file).name
        return str(relative).encode("utf-8", "backslashreplace").decode()  # a file name need not be text

    def opened_by(self, file: str) -> str:
        """The path or address by which anyone opens a file of ``fs``."""
        return file if self._is_local else "::".join([str(self.fs.unstrip_protocol(file)), *self._chain])

    def covers(self, folder: Path) -> bool:
        """Whether files in ``folder`` belong to the input, or will when they are written."""
        deep = self._shape == "folder" or (self._shape == "glob" and "**" in self._path)
        return self._is_local and deep and folder.resolve().is_relative_to(Path(self._root()).resolve())

    def _found(self) -> str:
        """Whether the path is a file, a folder or a glob."""
        if self._is_table() and self.fs.isfile(self._path):
            return "file"  # asked first: some file systems read a whole file to learn whether it is a folder
        if self.fs.isdir(self._path):
            return "folder"
        if self.fs.exists(self._path):
            return "file"
        if any(sign in self._path for sign in _MAGIC):
            return "glob"
        raise BatchError(f"there is nothing at {self.address}")

    def _is_table(self) -> bool:
        return PurePosixPath(self._path).suffix.lower() in TABLES

    def _root(self) -> str:
        """The folder that ids are relative to."""
        if self._shape == "folder":
            return str(self._path)
        fixed = list(_before_magic(PurePosixPath(self._path).parts))
        return str(PurePosixPath(*fixed)) if fixed else ""

    def _all(self) -> Iterable[str]:
        """Every file, of whatever kind, but hidden ones."""
        if self._shape == "file":
            return [self._path]
        if self._shape == "folder":
            return (_walk_local if self._is_local else self._walk)(self._path)
        if self._is_local:
            return sorted(file for file in glob.iglob(self._path, recursive=True) if not Path(file).is_dir())  # noqa: PTH207
        found = self.fs.glob(self._path, detail=True)
        return sorted(name for name, facts in found.items() if facts["type"] != "directory")

    def _walk(self, folder: str) -> Iterator[str]:
        for entry in sorted(self.fs.ls(folder, detail=True), key=lambda entry: str(entry["name"])):
            name = entry["name"]
            if PurePosixPath(name).name.startswith("."):
                continue
            if entry["type"] != "directory":
                yield name
            elif name.strip("/") != folder.strip("/"):
                yield from self._walk(name)

    def _of_one_kind(self, address: str) -> tuple[str, list[str]]:
        """The kind, and the files if they are tables."""
        tables: dict[str, list[str]] = {}
        any_pictures = False
        for file in self._all():
            kind = _kind(file)
            if kind == "pictures":
                any_pictures = True
            # Beside tables lie files of those who wrote them: _SUCCESS, _metadata.
            elif kind and (self._shape == "file" or not PurePosixPath(file).name.startswith("_")):
                tables.setdefault(kind, []).append(file)
        if len(tables) > 1:
            raise BatchError(
                f"{address} holds {' and '.join(sorted(tables))} files; give one kind, by a glob such as '*.csv'"
            )
        if not tables and not any_pictures:
            known = ", ".join((*TABLES, *filter(None, PICTURES)))
            raise BatchError(f"{address} holds no file that can be scored (one of {known}): there is nothing to do")
        # Pictures beside a table are what the table names.
        return next(iter(tables.items()), ("pictures", []))


def _walk_local(folder: str) -> Iterator[str]:
    """Files below a folder, in the order of their names; of the names, those of one folder are held."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name + "/" * entry.is_dir(follow_symlinks=False) for entry in entries)
    for name in names:
        if name.startswith("."):
            continue
        path = f"{folder.rstrip('/')}/{name}"
        if name.endswith("/"):
            yield from _walk_local(path)
        else:
            yield path


def _kind(file: str) -> str | None:
    suffix = PurePosixPath(file).suffix.lower()
    return TABLES.get(suffix, "pictures" if suffix in PICTURES else None)


def _absolute_chain(address: str) -> list[str]:
    """What follows the first link of a chained address such as ``zip://*.csv::archive.zip``."""
    links = address.split("::")[1:]
    return [link if "://" in link else str(Path(link).absolute()) for link in links]


def _before_magic(parts: Iterable[str]) -> Iterator[str]:
    for part in parts:
        if any(sign in part for sign in _MAGIC):
            return
        yield part

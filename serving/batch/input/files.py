"""Files of an input, found by path, folder, glob or fsspec address, walked without holding all their names."""

import gzip
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from model.files.picture_names import PICTURE_SUFFIXES, is_picture, looks_like_picture
from serving.batch.errors import BatchError
from serving.batch.input import walk

TABLES = {
    **{".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".json": "json"},
    **{".jsonl.gz": "jsonl", ".ndjson.gz": "jsonl", ".csv.gz": "csv", ".tsv.gz": "csv", ".json.gz": "json"},
}
#: In front of a host: a name, and often a password.
_USER = re.compile(r"://[^/]*@")


class Files:
    """Iterates over the files of one kind ("parquet", "jsonl", "json", "csv" or "pictures"), in one order."""

    def __init__(self, address: str) -> None:
        if not address:  # would be the folder that one is in, for somebody whose variable is not set
            raise BatchError("INPUT is empty: give a file, a folder, a glob or an address")
        try:
            self.fs, self._path = fsspec.core.url_to_fs(address)
            self._is_local = isinstance(self.fs, LocalFileSystem) and "::" not in address
            self._chain = [] if self._is_local else _absolute_chain(address)
            self.address = self._path if self._is_local else "::".join([address.split("::", 1)[0], *self._chain])
            self._shape = self._find_shape()
            self.n_passed_over = 0
            self.kind, self._tables = self._sort_by_kind(address)
        except BatchError:
            raise
        except Exception as error:  # each file system raises its own: no such protocol, package, host or permission
            raise BatchError(f"{address} cannot be opened: {error or type(error).__name__}") from error

    def __iter__(self) -> Iterator[str]:
        """Paths as ``fs`` knows them."""
        if self._tables:
            return iter(self._tables)
        return (file for file in self._all() if self._kind_of(file) == "pictures")

    @property
    def protocols(self) -> frozenset[str]:
        """fsspec's names of the file systems that are read."""
        own = str(self.fs.unstrip_protocol(self._path)).split("://")[0]
        return frozenset({own, *(link.split("://")[0] if "://" in link else "file" for link in self._chain)})

    @contextmanager
    def read(self, file: str) -> Iterator[BinaryIO]:
        """A file, open; raises ``BatchError`` when it cannot be."""
        try:
            handle = self.fs.open(file, "rb")
        except Exception as error:
            raise BatchError(f"{file} cannot be opened: {getattr(error, 'strerror', None) or error}") from error
        with handle:
            yield cast("BinaryIO", gzip.GzipFile(fileobj=handle)) if _bare(file).endswith(".gz") else handle

    def version(self, file: str) -> str:
        """Another one when the file has changed."""
        if not self._is_local:
            return self._remote_version(file)
        try:
            facts = Path(file).stat()
        except OSError as error:
            return str(error.strerror)
        return f"{facts.st_size} {facts.st_mtime_ns}"

    def _remote_version(self, file: str) -> str:
        if not self._tables:  # of pictures there may be millions, each a request
            return str(self.fs.ukey(file))
        facts = dict(self.fs.info(file))  # not ukey, which takes what http serves for unchanging
        facts.pop("url", None)  # where a redirect led: it may hold another signature every time
        return repr(sorted(facts.items()))

    def name(self, file: str) -> str:
        """A picture's id: its path below the folder that was asked for, or its file name."""
        relative = PurePosixPath(file).relative_to(self._root()) if self._shape != "file" else PurePosixPath(file).name
        return str(relative).encode("utf-8", "backslashreplace").decode()  # a file name need not be text

    def address_of(self, file: str) -> str:
        """The path or address by which anyone opens a file of ``fs``."""
        return file if self._is_local else "::".join([str(self.fs.unstrip_protocol(file)), *self._chain])

    def folder_of(self, file: str) -> str | None:
        """The folder of a table on this machine, in which its pictures are looked for."""
        return str(PurePosixPath(file).parent) if self._is_local else None

    def covers(self, folder: Path) -> bool:
        """Whether files in ``folder`` belong to the input, or will when they are written."""
        root, folder = Path(self._root()).resolve(), folder.resolve()
        if self._shape == "file" or not self._is_local or not folder.is_relative_to(root):
            return False
        parts = ("**",) if self._shape == "folder" else walk.pattern_parts(self._path)
        return walk.may_match_below(parts, folder.relative_to(root).parts)

    def _find_shape(self) -> str:
        """Whether the path is a file, a folder or a glob."""
        if self._is_table() and self.fs.isfile(self._path):
            return "file"  # asked first: some file systems read a whole file to learn whether it is a folder
        if self.fs.isdir(self._path):
            return "folder"
        if self.fs.exists(self._path):
            return "file"
        if walk.is_glob(self._path):
            return "glob"
        raise BatchError(f"there is nothing at {self.address}")

    def _is_table(self) -> bool:
        return _table_kind(self._path) is not None

    def _root(self) -> str:
        """The folder that ids are relative to."""
        if self._shape == "folder":
            return str(self._path)
        fixed = walk.fixed_part(self._path)
        return str(fixed) if fixed.parts else ""

    def _all(self) -> Iterable[str]:
        """Every file, of whatever kind, but hidden ones."""
        if self._shape == "file":
            return [self._path]
        if self._shape == "folder":
            return (walk.walk if self._is_local else self._walk)(self._path)
        if self._is_local:
            return walk.find(self._path)
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

    def _sort_by_kind(self, address: str) -> tuple[str, list[str]]:
        """The one kind of the files, and their paths if they are tables; counts those of neither kind."""
        tables: dict[str, list[str]] = {}
        any_pictures = False
        for file in self._all():
            kind = self._kind_of(file)
            if kind == "pictures":
                any_pictures = True
            # Beside tables lie files of those who wrote them: _SUCCESS, _metadata.
            elif kind is None or (self._shape != "file" and PurePosixPath(file).name.startswith("_")):
                self.n_passed_over += 1
            else:
                tables.setdefault(kind, []).append(file)
        if any_pictures or len(tables) > 1:
            # Beside others, JSON says something about them: it is the table only where it is alone.
            self.n_passed_over += len(tables.pop("json", ()))
        if len(tables) > 1:
            raise BatchError(
                f"{address} holds {' and '.join(sorted(tables))} files; give one kind, by a glob such as '*.csv'"
            )
        if not tables and not any_pictures:
            raise BatchError(self._why_empty(address))
        # Pictures beside a table are what the table names.
        return next(iter(tables.items()), ("pictures", []))

    def _kind_of(self, file: str) -> str | None:
        """The kind of table; "pictures" also for formats that are refused: each file is answered for.

        Where a name does not say so its first bytes do; of another machine's files, each of them a request, none are
        read: many stores keep pictures without a suffix.
        """
        if (kind := _table_kind(file)) is not None:
            return kind
        if self._is_local:
            return "pictures" if is_picture(file) else None
        name = PurePosixPath(_bare(file)).name
        return "pictures" if "." not in name or looks_like_picture(name) else None

    def _why_empty(self, address: str) -> str:
        if self._shape == "glob" and not self.n_passed_over:
            return f"no file matches {address}; where [, ? or * belongs to a name, write [[], [?] or [*]"
        known = ", ".join((*TABLES, *PICTURE_SUFFIXES))
        return f"{address} holds no file that can be scored (one of {known}): there is nothing to do"


def without_secrets(address: str) -> str:
    """An address for people to read: without the user and the signature that give access to what is there."""
    links = (_USER.sub("://", link) for link in address.split("::"))
    return "::".join(_without_query(link) for link in links)


def beside(file: str, name: str) -> str:
    """What a table means by a relative path, as its file system knows it."""
    if "://" in file:  # pathlib would make http:/ of http://
        return f"{_without_query(file).rpartition('/')[0]}/{name}"
    return str(PurePosixPath(file).parent / name)


def _table_kind(file: str) -> str | None:
    path = PurePosixPath(_bare(file))
    return TABLES.get("".join(path.suffixes[-2:])) or TABLES.get(path.suffix)


def _bare(file: str) -> str:
    """A path by which its kind is told."""
    return _without_query(file).lower()


def _without_query(file: str) -> str:
    return file.partition("?")[0] if file.startswith(("http://", "https://")) else file


def _absolute_chain(address: str) -> list[str]:
    """What follows the first link of a chained address such as ``zip://*.csv::archive.zip``."""
    links = address.split("::")[1:]
    return [link if "://" in link else str(Path(link).absolute()) for link in links]

"""Database of an index (SQLite): a row for each meme, full text of its words, and the items that have no verdict."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.index.errors import MemeIndexError

DATABASE = "memes.sqlite"
#: Values of one statement; SQLite takes more, but not without end.
_AT_ONCE = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS memes (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, address TEXT, sha256 TEXT NOT NULL, pdq_quality INTEGER,
    words_key TEXT, words TEXT, decision TEXT NOT NULL, judged_as TEXT, scores TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS thumbnails (row INTEGER PRIMARY KEY, jpeg BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS failures (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY, first_row INTEGER NOT NULL, n_rows INTEGER NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS full_text USING fts5(
    words, content='memes', content_rowid='row', tokenize="unicode61 remove_diacritics 2");
"""
_COLUMNS = ("row", "id", "address", "sha256", "pdq_quality", "words_key", "words", "decision", "judged_as", "scores")


@dataclass(frozen=True)
class IndexedMeme:
    """A meme as the index keeps it. ``words`` None: they were left out."""

    row: int
    id: str
    address: str | None
    sha256: str
    pdq_quality: int | None
    words_key: str | None
    words: str | None
    decision: str
    judged_as: str | None
    scores: Mapping[str, Any]


class IndexDatabase:
    """One connection, used by one thread at a time."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        path = folder / DATABASE
        if not create and not path.is_file():
            raise MemeIndexError(f"{path} is gone: make the index anew")
        mode = "rwc" if create else "ro"
        with _reported(path):
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)
            if create:
                self._connection.executescript(_SCHEMA)
        self._path = path

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def n_shards(self) -> int:
        """How many were taken in: the first so many."""
        return int(self._one("SELECT count(*) FROM shards"))

    @property
    def n_rows(self) -> int:
        """Items that were taken in."""
        return int(self._one("SELECT coalesce(sum(n_rows), 0) FROM shards"))

    @property
    def n_memes(self) -> int:
        """Those with a verdict."""
        return int(self._one("SELECT count(*) FROM memes"))

    def add_shard(self, number: int, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Take the rows of a shard in, all or none; each with its place."""
        judged = [(row, one) for row, one in rows if one["error"] is None]
        failed = [(row, one) for row, one in rows if one["error"] is not None]
        with _reported(self._path), self._connection as transaction:
            transaction.executemany(
                f"INSERT INTO memes ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})",  # noqa: S608  names of ours
                (_values(row, one) for row, one in judged),
            )
            transaction.executemany(
                "INSERT INTO full_text (rowid, words) VALUES (?, ?)",
                ((row, one["text"]["content"]) for row, one in judged if one["text"]["content"]),
            )
            transaction.executemany(
                "INSERT INTO thumbnails VALUES (?, ?)",
                ((row, one["thumbnail"]) for row, one in judged if one["thumbnail"] is not None),
            )
            transaction.executemany(
                "INSERT INTO failures VALUES (?, ?, ?, ?)",
                ((row, one["id"], one["error"]["code"], one["error"]["message"]) for row, one in failed),
            )
            transaction.execute("INSERT INTO shards VALUES (?, ?, ?)", (number, rows[0][0], len(rows)))

    def by_id(self, id: str) -> IndexedMeme | None:
        """The meme of an id."""
        return next(self._memes("WHERE id = ?", (id,)), None)

    def by_rows(self, rows: Iterable[int]) -> dict[int, IndexedMeme]:
        """Memes by their places."""
        wanted, found = list(rows), {}
        for at in range(0, len(wanted), _AT_ONCE):
            some = wanted[at : at + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            found.update({one.row: one for one in self._memes(f"WHERE row IN ({marks})", some)})
        return found

    def rows_of(self, ids: Sequence[str]) -> dict[str, int]:
        """Places of memes by their ids; without those of no meme."""
        marks = ", ".join("?" * len(ids))
        with _reported(self._path):
            return dict(self._connection.execute(f"SELECT id, row FROM memes WHERE id IN ({marks})", ids))  # noqa: S608  marks

    def all(self) -> Iterator[IndexedMeme]:
        """Every meme, in order."""
        return self._memes("ORDER BY row", ())

    def qualities(self) -> Iterator[tuple[int, int]]:
        """The place and the PDQ quality of each meme with a picture."""
        yield from self._connection.execute("SELECT row, pdq_quality FROM memes WHERE pdq_quality IS NOT NULL")

    def failures(self) -> Iterator[tuple[str, str, str]]:
        """Id, code and message of each item without a verdict."""
        yield from self._connection.execute("SELECT id, code, message FROM failures ORDER BY row")

    def thumbnail(self, row: int) -> bytes | None:
        """A small JPEG, where thumbnails were kept."""
        found = self._connection.execute("SELECT jpeg FROM thumbnails WHERE row = ?", (row,)).fetchone()
        return None if found is None else bytes(found[0])

    def find_words(self, terms: Sequence[str], limit: int) -> list[tuple[int, float]]:
        """Places of the memes whose words hold any of ``terms``, with how well they fit (BM25, higher is better)."""
        asked = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
        with _reported(self._path):
            found = self._connection.execute(
                "SELECT rowid, bm25(full_text) FROM full_text WHERE full_text MATCH ? ORDER BY 2, 1 LIMIT ?",
                (asked, limit),
            ).fetchall()
        return [(row, -rank) for row, rank in found]

    def _memes(self, where: str, values: Sequence[Any]) -> Iterator[IndexedMeme]:
        statement = f"SELECT {', '.join(_COLUMNS)} FROM memes {where}"  # noqa: S608  names of ours, values are bound
        with _reported(self._path):
            for found in self._connection.execute(statement, values):
                kept = dict(zip(_COLUMNS, found, strict=True))
                yield IndexedMeme(**kept | {"scores": json.loads(kept["scores"])})

    def _one(self, statement: str) -> Any:
        with _reported(self._path):
            return self._connection.execute(statement).fetchone()[0]


def _values(row: int, one: Mapping[str, Any]) -> tuple[Any, ...]:
    scores = {task: score for task, score in one["scores"].items() if score is not None}
    kept = (one["address"], one["sha256"], one["pdq_quality"], one["words_key"], one["text"]["content"])
    return (row, one["id"], *kept, one["decision"], one["judged_as"], json.dumps(scores))


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise MemeIndexError(f"{path}: {error}") from error

"""Connection to the database: SQLite or PostgreSQL, opened, brought up to date and written in transactions."""

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from serving.ledger.errors import LedgerError, LedgerUnavailableError, database_name, error_text
from serving.ledger.tables import chores
from serving.ledger.upgrade import known_versions, upgrade

#: How long one transaction waits for another one on an SQLite file.
_LOCK_WAIT_S = 5
#: How long readers are waited for before what was deleted leaves the log; nobody can write meanwhile.
_EMPTYING_WAIT_S = 1
_SQLITE = (
    "PRAGMA foreign_keys = ON",
    # A commit is on the disk: an answered decision outlives a power cut.
    "PRAGMA synchronous = FULL",
    # What is deleted is overwritten.
    "PRAGMA secure_delete = ON",
)
_POSTGRES = {"connect_timeout": 5, "tcp_user_timeout": 10_000, "application_name": "memeguard"}
_READS = "memeguard_reads"


class Database:
    """One database, with a pool of connections. Safe under threads.

    Every method raises ``LedgerUnavailableError`` when it cannot be reached or written.
    """

    def __init__(self, url: URL) -> None:
        self.name = database_name(url)
        self._url = url
        self._path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        self._engine = _engine(url)
        self._reader = self._engine.execution_options(**{_READS: True})
        self._inode: int | None = None

    def prepare(self) -> None:
        """Create what is missing and bring it up to date; raises ``LedgerError`` when it is newer than this code."""
        self._engine.dispose()
        with self._translated_errors():
            if self._path is not None:
                self._create_file(self._path)
            known_versions()
            with self._engine.begin() as connection:
                upgrade(connection, self.name)

    def exists(self) -> bool:
        """False for an SQLite file that is not there."""
        return self._path is None or self._path.exists()

    def check(self) -> None:
        """Raise when the database does not answer."""
        with self.reading() as connection:
            connection.execute(sa.select(1))

    def check_writable(self) -> None:
        """Raise when nothing can be written."""
        with self.writing() as connection:
            connection.execute(chores.update().where(chores.c.name == "write_probe").values(done_at=datetime.now(UTC)))

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that is on the disk when the block has ended."""
        with self._translated_errors():
            self._check_file()
            with self._engine.begin() as connection:
                yield connection

    @contextmanager
    def deleting(self) -> Iterator[sa.Connection]:
        """A transaction after which what it deleted is in no file of the database.

        SQLite's log would keep it till it is written over. While somebody reads, as an export does for long, it stays
        there until the next deletion.
        """
        with self.writing() as connection:
            yield connection
        if self._path is not None:
            with self._translated_errors(), closing(self._engine.raw_connection()) as pooled:
                driver: Any = pooled.driver_connection
                driver.execute(f"PRAGMA busy_timeout = {_EMPTYING_WAIT_S * 1000}")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that holds up no writer."""
        with self._translated_errors():
            self._check_file()
            with self._reader.begin() as connection:
                yield connection

    @contextmanager
    def reading_one_moment(self) -> Iterator[sa.Connection]:
        """``reading`` in which nothing changes: all that is read is of the moment of the first statement."""
        with self.reading() as connection:
            if connection.dialect.name == "postgresql":  # SQLite's transactions are all so
                connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            yield connection

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (DataError, IntegrityError):
            raise  # of the rows, not of the database
        except (DBAPIError, PoolTimeoutError, sqlite3.Error, OSError) as error:
            raise LedgerUnavailableError(f"the ledger {self.name}: {error_text(error, self._url)}") from None

    def _create_file(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # For the server's user alone: SQLite gives its side files the same permissions. A file that is there is not
        # opened: closing it would let go of the locks that another connection of this process holds on it.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            # Readers and a writer do not wait for each other. Of two that set it at once SQLite refuses one at once,
            # whatever its timeout: each would wait for the other.
            _when_free(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        self._inode = path.stat().st_ino

    def _check_file(self) -> None:
        """SQLite goes on writing into a file that somebody has deleted, where nobody will find it."""
        if self._path is None or self._inode is None:
            return
        if not self._path.exists() or self._path.stat().st_ino != self._inode:
            raise LedgerUnavailableError(f"the ledger {self.name}: the file was moved or deleted")


def _engine(url: URL) -> sa.Engine:
    """Raises ``LedgerError`` when PostgreSQL's driver is not installed."""
    sqlite = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = {} if sqlite else {"connect_args": _POSTGRES, "pool_pre_ping": True}
    try:
        # An error message of SQLAlchemy would otherwise hold the values: what was sent.
        engine = sa.create_engine(url, hide_parameters=True, **options)
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"the ledger {database_name(url)} needs the extra 'postgres', which is not installed ({error.name} is "
            "missing): pip install -e '.[postgres]'"
        ) from error
    if sqlite:
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: Python's driver would say it too late
    for pragma in _SQLITE:
        connection.execute(pragma)


def _begin_sqlite(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    if connection.get_execution_options().get(_READS, False):
        driver.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_S * 1000}")
        driver.execute("BEGIN")
        return
    # SQLite's own waiting looks ever more seldom, so that one busy worker can keep the others out for seconds.
    driver.execute("PRAGMA busy_timeout = 0")
    # A transaction that reads and then writes would fail where another writer came between: lock at once.
    _when_free(lambda: driver.execute("BEGIN IMMEDIATE"))


def _when_free(statement: Callable[[], object]) -> None:
    """Run a statement of SQLite again while another connection keeps it out, for ``_LOCK_WAIT_S`` at most."""
    gives_up = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            statement()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > gives_up:
                raise
            time.sleep(random.uniform(0.0005, 0.003))  # noqa: S311  so that two do not wait in step
        else:
            return

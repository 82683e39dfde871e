"""Recorder of what shadows decide: some rows at a time, so that decisions in force seldom wait for the ledger."""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import decisions, shadow_decisions
from serving.observability.logs import Event, log_crash
from serving.shadow.subject import ShadowResult

logger = logging.getLogger("memeguard.shadow")

#: A commit flushes the disk, for which decisions in force wait: one in so long a time costs them nothing to speak of.
_EVERY_S = 2.0
_GROUP = 256
#: While the ledger cannot be written, the newest beyond these are lost.
_MOST_WAITING = 20_000
_STOP_S = 10.0


class Recorder:
    """Writes results on a thread of its own. ``add`` may be called on any thread and waits for nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: list[dict[str, Any]] = []
        #: Taken from those, and being written.
        self._n_in_hand = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="memeguard-shadow-ledger", daemon=True)
        #: Results that found no room and are told by nobody.
        self.n_lost = 0
        #: Why nothing can be written now; None: all is well.
        self.problem: str | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def add(self, result: ShadowResult) -> None:
        """Keep a result within seconds."""
        row = result.row() | {"created_at": datetime.now(UTC)}
        with self._changed:
            if len(self._rows) >= _MOST_WAITING:
                self.n_lost += 1
                return
            self._rows.append(row)

    def stop(self) -> None:
        """Write what is there, and end; what could not be written is lost, and said."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        with self._changed:
            n_left = len(self._rows) + self._n_in_hand
        if n_left:
            logger.warning(Event("shadow decisions lost at the stop", rows=n_left, problem=self.problem or "no time"))

    def _run(self) -> None:
        is_last = False
        while not is_last:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, _EVERY_S)
                is_last = self._stopping
            self._write_all()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                group = self._rows[:_GROUP]
                del self._rows[:_GROUP]
                self._n_in_hand = len(group)
            if not group:
                return
            try:
                write_rows(self._database, group)
            except LedgerUnavailableError as error:
                self._trouble(group, str(error))
                return
            except Exception as error:  # a bug in a row must not end the recording of the others
                log_crash(logger, error, "what shadows decided was not kept")
                self.n_lost += len(group)
            self._n_in_hand = 0
            self.problem = None
            if not self._stopping:
                time.sleep(0.05)  # so that those who write decisions get their turn

    def _trouble(self, group: list[dict[str, Any]], problem: str) -> None:
        """Keep what was not written for the next time, and say so once."""
        if self.problem is None:
            logger.warning(Event("shadow decisions not written", problem=problem))
        self.problem = problem
        with self._changed:
            self._rows[:0] = group
            self._n_in_hand = 0


def write_rows(database: Database, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of ``shadow_decisions``; those whose decision was deleted meanwhile are left out."""
    ids = sorted({row["decision_id"] for row in rows})
    there = sa.select(decisions.c.decision_id).where(decisions.c.decision_id.in_(ids)).order_by(decisions.c.decision_id)
    with database.writing() as connection:
        # Locked against deletion in PostgreSQL; SQLite has one writer anyway.
        found = set(connection.execute(there.with_for_update(read=True, key_share=True)).scalars())
        kept = [row for row in rows if row["decision_id"] in found]
        if kept:
            connection.execute(shadow_decisions.insert(), kept)

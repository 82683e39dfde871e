"""Thread that writes decisions: those that come while it is busy share its next commit."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from serving.ledger.database import Database
from serving.ledger.entry import Entry
from serving.ledger.errors import LedgerError, LedgerUnavailableError
from serving.ledger.queries import insert_entries
from serving.observability.logs import Event

logger = logging.getLogger("memeguard.ledger")

#: Decisions that wait for the disk; their requests wait too, so this is no place to pile up work.
_QUEUE = 1024
_GROUP = 256
#: Without work, how often the database is asked whether it is there; and how often when it was not.
_CHECK_S = 5.0
_RETRY_S = 1.0
#: While a write takes longer, new decisions are refused at once.
_SLOW_WRITE_S = 6.0
_STOP_S = 30.0


@dataclass(frozen=True)
class _Waiting:
    """A decision on its way, and who waits for it."""

    entry: Entry
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[None]"

    def settle(self, error: Exception | None) -> None:
        """Tell who waits, from the writer's thread."""
        try:
            self.loop.call_soon_threadsafe(self._settle, error)
        except RuntimeError:  # its loop has closed: nobody waits any more
            return

    def _settle(self, error: Exception | None) -> None:
        if self.done.done():  # given up
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Writer:
    """Opens the ledger, writes it, and opens it anew after trouble, until it is stopped."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(_QUEUE)
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._trouble: str | None = None
        self._busy_since: float | None = None
        self._tried = threading.Event()

    def start(self, wait_s: float) -> None:
        """Begin, and wait until the ledger is open or is known not to be."""
        self._thread.start()
        self._tried.wait(wait_s)

    def stop(self) -> None:
        """Write what was accepted, then end."""
        self._queue.put(None)
        self._thread.join(_STOP_S)

    def problem(self) -> str | None:
        """Why nothing can be written now; None when all is well."""
        if self._tried.is_set() and not self._thread.is_alive():
            return f"the ledger {self._database.name} is closed"
        since = self._busy_since
        if since is not None and time.monotonic() - since > _SLOW_WRITE_S:
            return f"the ledger {self._database.name} has not answered for {time.monotonic() - since:.0f} s"
        return self._trouble

    def submit(self, entry: Entry) -> "asyncio.Future[None]":
        """Write a decision; what comes back is done when it is on the disk, or holds the error.

        Raises ``LedgerUnavailableError`` at once where it would wait in vain.
        """
        problem = self.problem()
        if problem is not None:
            raise LedgerUnavailableError(problem)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(entry, loop, loop.create_future())
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise LedgerUnavailableError(f"the ledger {self._database.name}: {_QUEUE} decisions wait already") from None
        return waiting.done

    def _run(self) -> None:
        self._open_or_check(opening=True)
        self._tried.set()
        while True:
            try:
                first = self._queue.get(timeout=_CHECK_S if self._trouble is None else _RETRY_S)
            except queue.Empty:
                self._open_or_check(opening=self._trouble is not None)
                continue
            group, last = self._group(first)
            if group:
                self._write(group)
            if last:
                return

    def _group(self, first: _Waiting | None) -> tuple[list[_Waiting], bool]:
        """``first`` and what waits behind it; and whether it is the end."""
        group: list[_Waiting] = []
        following = first
        while following is not None:
            group.append(following)
            if len(group) == _GROUP:
                return group, False
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _open_or_check(self, *, opening: bool) -> None:
        """Open the ledger, or look whether it still answers."""
        self._busy_since = time.monotonic()
        try:
            if opening:
                self._database.prepare()
                self._database.check_writable()
            else:
                self._database.check()
        except LedgerError as error:
            self._mark(str(error))
        except Exception as error:
            logger.exception("the ledger cannot be opened")
            self._mark(f"the ledger {self._database.name} cannot be opened: {type(error).__name__}")
        else:
            self._mark(None)
        finally:
            self._busy_since = None

    def _write(self, group: Sequence[_Waiting]) -> None:
        self._busy_since = time.monotonic()
        try:
            with self._database.writing() as connection:
                insert_entries(connection, [waiting.entry for waiting in group])
        except LedgerUnavailableError as error:
            self._mark(str(error))
            _settle(group, error)
        except Exception as error:
            if len(group) == 1:  # the row's own fault, so a bug: the request is answered with 500
                _settle(group, error)
                return
            for waiting in group:
                self._write([waiting])
        else:
            _settle(group, None)
        finally:
            self._busy_since = None

    def _mark(self, trouble: str | None) -> None:
        """Log when trouble begins and when it ends, not each time it is met."""
        if trouble is not None and self._trouble != trouble:
            logger.error(Event("ledger not written", problem=trouble))
        elif trouble is None and self._trouble is not None:
            logger.info(Event("ledger written again", database=self._database.name))
        self._trouble = trouble


def _settle(group: Sequence[_Waiting], error: Exception | None) -> None:
    for waiting in group:
        waiting.settle(error)

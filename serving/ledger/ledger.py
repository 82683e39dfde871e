"""Ledger of one worker: what the service decided, what reviewers say of it, and for how long it is kept."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import anyio
from anyio import to_thread

from model import Verdict
from serving.ledger.database import Database
from serving.ledger.entry import NO_TRACES, Traces, entry_of
from serving.ledger.errors import LedgerError, LedgerUnavailableError
from serving.ledger.queries import Review, delete_decisions, find_decision, insert_review
from serving.ledger.retention import EVERY, PAUSE_S, is_due, purge_some
from serving.ledger.writer import Writer
from serving.observability.logs import Event
from serving.problems import ProblemError
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import RequestContext
from serving.settings.ledger import LedgerSettings

logger = logging.getLogger("memeguard.ledger")
T = TypeVar("T")

#: Threads that serve feedback, look-ups and deletions; what waits behind them waits on the event loop.
_THREADS = 4
_OPEN_S = 10.0
_RETRY_AFTER_S = "5"


class Ledger:
    """Decisions and feedback in a database.

    Its coroutines belong to one event loop, and raise ``ProblemError`` 503 when the database is in trouble.
    """

    def __init__(self, settings: LedgerSettings, database: Database) -> None:
        self._settings = settings
        #: For what else is kept in it; closed when this stops.
        self.database = database
        self._writer = Writer(database)
        self._limiter = anyio.CapacityLimiter(_THREADS)
        self._retention: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the database. One that cannot be opened is a ``problem``, and is tried again every second."""
        await to_thread.run_sync(self._writer.start, _OPEN_S)
        settings = self._settings
        logger.info(
            Event(
                "ledger",
                database=self.database.name,
                text=settings.ledger_store_text,
                pictures=settings.ledger_store_pictures,
                fingerprints=settings.ledger_store_fingerprints,
                features=settings.ledger_store_features,
                retention_days=settings.ledger_retention_days,
            )
        )
        if self._settings.ledger_retention_days is not None:
            age = timedelta(days=self._settings.ledger_retention_days)
            self._retention = asyncio.create_task(self._keep_for(age))

    async def stop(self) -> None:
        """Write what was accepted and close the database."""
        if self._retention is not None:
            self._retention.cancel()
            await asyncio.wait([self._retention])
        await to_thread.run_sync(self._writer.stop)
        self.database.close()

    def problem(self) -> str | None:
        """Why decisions cannot be written now; None when all is well."""
        return self._writer.problem()

    async def record(
        self,
        verdict: Verdict,
        item: ClassifyInput,
        context: RequestContext,
        digest: str,
        traces: Traces = NO_TRACES,
    ) -> None:
        """Write a decision. When this returns, it is on the disk; until then nobody may be told the verdict.

        Raises ``ProblemError`` 503 when it cannot be written before ``context.deadline``.
        """
        entry = entry_of(verdict, item, context, digest, self._settings, traces)
        async with _within(context.deadline - time.monotonic()):
            await self._writer.submit(entry)

    async def feedback(self, review: Review, timeout_s: float) -> dict[str, Any] | None:
        """Write what a reviewer says; the row, or None when there is no such decision."""
        return await self._on_thread(lambda: self._feedback(review), timeout_s)

    async def find(self, decision_id: str, timeout_s: float) -> dict[str, Any] | None:
        """What is kept of a decision; None when there is no such one."""
        return await self._on_thread(lambda: self._find(decision_id), timeout_s)

    async def delete(self, decision_id: str, timeout_s: float) -> bool:
        """Delete a decision with its feedback and picture; False when there is no such one."""
        return await self._on_thread(lambda: self._delete(decision_id), timeout_s)

    async def run(self, work: Callable[[Database], T], timeout_s: float) -> T:
        """Do something else with the database, on a thread."""
        return await self._on_thread(lambda: work(self.database), timeout_s)

    async def _on_thread(self, work: Callable[[], T], timeout_s: float) -> T:
        async with _within(timeout_s):
            # A thread cannot be stopped: one that hangs goes on alone, and its caller is told.
            return await to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)

    def _feedback(self, review: Review) -> dict[str, Any] | None:
        with self.database.writing() as connection:
            return insert_review(connection, review)

    def _find(self, decision_id: str) -> dict[str, Any] | None:
        with self.database.reading() as connection:
            return find_decision(connection, decision_id)

    def _delete(self, decision_id: str) -> bool:
        with self.database.deleting() as connection:
            return delete_decisions(connection, [decision_id]) == 1

    async def _keep_for(self, age: timedelta) -> None:
        while True:
            try:
                if await to_thread.run_sync(is_due, self.database, limiter=self._limiter):
                    n = await self._purge(datetime.now(UTC) - age)
                    logger.info(Event("old decisions deleted", decisions=n, older_than_days=age.days))
            except LedgerError as error:
                logger.warning(Event("old decisions not deleted", problem=str(error)))
            await asyncio.sleep(EVERY.total_seconds())

    async def _purge(self, before: datetime) -> int:
        """A part at a time, so that it can be stopped in between."""
        deleted = 0
        while n := await to_thread.run_sync(purge_some, self.database, before, limiter=self._limiter):
            deleted += n
            await asyncio.sleep(PAUSE_S)
        return deleted


def open_ledger(settings: LedgerSettings) -> Ledger | None:
    """The ledger that ``settings`` ask for, not started; None when it is switched off.

    Raises ``LedgerError`` when PostgreSQL's driver is not installed.
    """
    url = settings.ledger_database
    if url is None:
        logger.warning(Event("ledger off: no decision is kept, and no feedback taken"))
        return None
    return Ledger(settings, Database(url))


def check_ledger(settings: LedgerSettings) -> None:
    """Before any worker starts: bring the ledger up to date; raises ``LedgerError`` for one that cannot be used.

    A database that does not answer now is none of that: the workers try again, and say so at ``/readyz``.
    """
    url = settings.ledger_database
    if url is None:
        return
    database = Database(url)
    try:
        database.prepare()
    except LedgerUnavailableError as error:
        logger.warning(Event("ledger not open yet", problem=str(error)))
    finally:
        database.close()


@asynccontextmanager
async def _within(timeout_s: float) -> AsyncIterator[None]:
    """What the ledger is in trouble with, as a 503 that says so and never repeats what was sent."""
    try:
        async with asyncio.timeout(max(timeout_s, 0.0)):
            yield
    except LedgerUnavailableError as error:
        raise _unavailable(str(error)) from error
    except TimeoutError as error:
        raise _unavailable("the ledger did not answer in time") from error


def _unavailable(detail: str) -> ProblemError:
    return ProblemError(503, "ledger_unavailable", detail, {"Retry-After": _RETRY_AFTER_S})

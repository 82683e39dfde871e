"""Runner of jobs in one worker: it claims them, has each done by a process, and writes how it ended."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from serving.jobs.attempt import LEASE_S, Crash, JobAttempt, LeaseLostError
from serving.jobs.errors import JobsOffError
from serving.jobs.folder import JobFolder
from serving.jobs.store import (
    MOST_CRASHES,
    Ending,
    Progress,
    claim_job,
    delete_expired,
    end_job,
    may_claim,
    release,
    release_crashed,
    renew,
    states_of,
)
from serving.jobs.task import AT_WORK_ELSEWHERE, JobTask
from serving.jobs.webhook import WebhookSender
from serving.ledger.database import Database
from serving.ledger.errors import LedgerError
from serving.observability.logs import Event, log_crash
from serving.schemas.jobs import JobOptions
from serving.settings import Settings

logger = logging.getLogger("memeguard.jobs")
T = TypeVar("T")
_LEASE = timedelta(seconds=LEASE_S)
_LOOK_EVERY_S = 1.0
_SWEEP_EVERY_S = 60.0


class JobRunner:
    """Runs jobs of one folder beside the requests; belongs to one event loop."""

    def __init__(
        self, settings: Settings, database: Database, folder: JobFolder, webhooks: WebhookSender | None = None
    ) -> None:
        """``webhooks`` sends them; default: to public addresses only."""
        self._settings = settings
        self._database = database
        self._folder = folder
        self._webhooks = webhooks or WebhookSender(settings, database, folder.store)
        self._owner = uuid.uuid4().hex
        self._retention = timedelta(hours=settings.jobs_retention_hours)
        self._loops: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._is_news = asyncio.Event()
        #: Why the last look came to nothing; None where it did not.
        self.trouble: str | None = None

    def start(self) -> None:
        """Run jobs from now on."""
        work = ((self._claim, _LOOK_EVERY_S), (self._webhooks.send_due, _LOOK_EVERY_S), (self._sweep, _SWEEP_EVERY_S))
        self._loops = [asyncio.create_task(self._again_and_again(look, every_s)) for look, every_s in work]

    async def stop(self) -> None:
        """Run no more: what runs is ended and given back, and goes on where a server is there for it."""
        tasks = [*self._loops, *self._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._webhooks.close()

    def wake(self) -> None:
        """There is a new job."""
        self._is_news.set()

    async def _again_and_again(self, look: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            try:
                await look()
            except (LedgerError, JobsOffError) as error:
                if self.trouble is None:
                    logger.warning(Event("jobs are not looked after", problem=str(error)))
                self.trouble = str(error)
            except Exception as error:  # a bug here must not leave jobs undone in silence
                log_crash(logger, error, "looking after jobs crashed")
            else:
                self.trouble = None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_news.wait(), every_s)
            self._is_news.clear()

    async def _claim(self) -> None:
        while (row := await asyncio.to_thread(self._claimed)) is not None:
            task = asyncio.create_task(self._run(row))
            self._running.add(task)
            task.add_done_callback(self._forget)

    def _claimed(self) -> dict[str, Any] | None:
        self._folder.bind(self._database)
        with self._database.reading() as connection:
            if not may_claim(connection, self._folder.store):
                return None
        with self._database.writing() as connection:
            return claim_job(connection, self._folder.store, self._owner, self._settings.jobs_at_once, _LEASE)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self.wake()

    async def _run(self, row: dict[str, Any]) -> None:
        """Run a claimed job until it has ended, or is another's to go on with."""
        job_id, progress = row["job_id"], Progress(row["rows_total"], row["rows_done"], row["notes"])
        attempt = JobAttempt(
            lambda: self._task(row), progress, lambda now: self._writing(renew, job_id, self._owner, now, _LEASE)
        )
        logger.info(Event("job begins", job=job_id, crashes=row["crashes"]))
        try:
            outcome = await self._outcome(attempt, row["crashes"])
            if isinstance(outcome, Crash):
                logger.warning(Event("job stopped, and is tried again", job=job_id, code=outcome.code))
                await self._writing(_released(outcome), job_id, self._owner, attempt.progress)
            else:
                await self._end(job_id, outcome, attempt.progress)
        except LeaseLostError:
            logger.warning(Event("job is left to another server", job=job_id))
        except LedgerError as error:  # its lease ends, and whoever claims it then finds it done so far
            logger.warning(Event("end of a job not written", job=job_id, problem=str(error)))
        except asyncio.CancelledError:
            with suppress(LedgerError):
                await self._writing(release, job_id, self._owner, attempt.progress)
            raise

    def _task(self, row: dict[str, Any]) -> JobTask:
        options = JobOptions.model_validate(row["options"])
        return JobTask.of(self._settings, self._folder.job(row["job_id"]).folder, row["input_format"], options)

    async def _outcome(self, attempt: JobAttempt, crashes: int) -> Ending | Crash:
        """What became of an attempt; of the last one that a job gets, a crash is its end."""
        if crashes >= MOST_CRASHES:  # whole servers ended with it, which only their lost leases tell
            return Ending(
                "failed", "process_ended", f"given up: {crashes} servers or processes ended while they did it"
            )
        before = attempt.progress.rows_done
        try:
            outcome = await attempt.run()
        except (LeaseLostError, LedgerError):
            raise
        except Exception as error:
            log_crash(logger, error, "running a job crashed")
            outcome = Crash("internal_error", "this is our fault; it was logged")
        if not isinstance(outcome, Crash) or outcome.code == AT_WORK_ELSEWHERE:
            return outcome
        if attempt.progress.rows_done <= before and crashes + 1 >= MOST_CRASHES:
            return Ending("failed", outcome.code, f"given up after {MOST_CRASHES} tries: {outcome.message}")
        return outcome

    async def _end(self, job_id: str, ending: Ending, progress: Progress) -> None:
        if not await self._writing(end_job, job_id, self._owner, ending, progress, self._retention):
            raise LeaseLostError
        files = self._folder.job(job_id)
        await asyncio.to_thread(files.remove_work if ending.state == "done" else files.remove)
        logger.info(Event("job ended", job=job_id, state=ending.state, code=ending.error_code, rows=progress.rows_done))

    async def _writing(self, work: Callable[..., T], *arguments: Any) -> T:
        def write() -> T:
            with self._database.writing() as connection:
                return work(connection, *arguments)

        return await asyncio.to_thread(write)

    async def _sweep(self) -> None:
        await asyncio.to_thread(self._swept)

    def _swept(self) -> None:
        """Forget what was kept long enough, and files that nobody needs."""
        self._folder.bind(self._database)
        with self._database.deleting() as connection:
            expired = delete_expired(connection)
        for job_id in expired:
            try:
                self._folder.job(job_id).remove()
            except Exception as error:  # one folder that cannot go must not keep the others
                log_crash(logger, error, "files of a job could not be removed")
        with self._database.reading() as connection:
            states = states_of(connection, self._folder.store)
        self._folder.sweep(states)


def _released(crash: Crash) -> Callable[..., None]:
    """How a job is given back; one whose last process has not ended yet is waited for, and that is no crash of it."""
    return partial(release, pause=_LEASE) if crash.code == AT_WORK_ELSEWHERE else release_crashed

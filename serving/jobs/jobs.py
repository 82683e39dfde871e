"""Jobs of one worker, as routes make, find, cancel and delete them."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from serving.inference.image_fetcher import Fetcher
from serving.jobs.errors import JobsOffError, TooManyJobsError
from serving.jobs.folder import JobFolder
from serving.jobs.runner import JobRunner
from serving.jobs.store import (
    OPEN,
    Limits,
    Visibility,
    cancel_job,
    check_room,
    delete_job,
    find_job,
    insert_job,
    list_jobs,
)
from serving.jobs.upload import fetch, linked_format, receive, sent_format
from serving.jobs.webhook import check_webhook
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.ledger import Ledger
from serving.problems import ProblemError
from serving.schemas.jobs import InputFormat, JobOptions
from serving.settings import Settings

T = TypeVar("T")
Row = dict[str, Any]
_PACKAGES = ("pyarrow", "fsspec")


class Jobs:
    """All jobs of the server's folder; belongs to one event loop. Its coroutines raise ``ProblemError``."""

    def __init__(
        self, settings: Settings, ledger: Ledger, folder: JobFolder, runner: JobRunner, fetcher: Fetcher
    ) -> None:
        self.runner = runner
        self._settings = settings
        self._ledger = ledger
        self._folder = folder
        self._fetcher = fetcher
        self._limits = Limits(settings.jobs_max_open, settings.jobs_max_kept)
        self._uploads: Counter[str | None] = Counter()
        self._retention = timedelta(hours=settings.jobs_retention_hours)

    async def upload(
        self, stream: AsyncIterable[bytes], media_type: str, options: JobOptions, key_name: str | None
    ) -> Row:
        """A job whose input is sent."""
        input_format = sent_format(media_type, options.format)
        limit = self._settings.jobs_max_bytes
        return await self._make(options, input_format, key_name, lambda path: receive(stream, path, limit))

    async def link(self, url: str, options: JobOptions, key_name: str | None) -> Row:
        """A job whose input is fetched, before this returns."""
        input_format = linked_format(url, options.format)
        limit, timeout_s = self._settings.jobs_max_bytes, self._settings.jobs_upload_timeout_s
        return await self._make(
            options, input_format, key_name, lambda path: fetch(self._fetcher, url, path, limit, timeout_s)
        )

    async def find(self, job_id: str, seen: Visibility) -> Row:
        """A job that the caller may see."""
        row = await self._reading(lambda connection: find_job(connection, job_id, seen))
        if row is None:
            raise no_such_job()
        return row

    async def list(self, seen: Visibility) -> list[Row]:
        """The newest of those that the caller may see."""
        return await self._reading(lambda connection: list_jobs(connection, seen))

    async def cancel(self, job_id: str, seen: Visibility) -> Row:
        """Cancel a job: at once, or as soon as the server that runs it hears of it."""
        await self.find(job_id, seen)

        def cancel(database: Database) -> Row | None:
            with database.writing() as connection:
                cancel_job(connection, job_id, self._retention)
                return find_job(connection, job_id, seen)

        row = await self._run(cancel)
        if row is None:
            raise no_such_job()
        if row["state"] == "cancelled":
            await asyncio.to_thread(self._folder.job(job_id).remove)
        self.runner.wake()
        return row

    async def delete(self, job_id: str, seen: Visibility) -> None:
        """Delete a job that has ended, with its results."""
        row = await self.find(job_id, seen)
        if row["state"] in OPEN:
            detail = f"the job is {row['state']}: POST /v1/jobs/{job_id}/cancel ends it, and then it can be deleted"
            raise ProblemError(409, "job_not_ended", detail)

        def delete(database: Database) -> None:
            with database.deleting() as connection:
                delete_job(connection, job_id)

        await self._run(delete)
        await asyncio.to_thread(self._folder.job(job_id).remove)

    async def results(self, job_id: str, seen: Visibility) -> Path:
        """The file of a job's results."""
        row = await self.find(job_id, seen)
        if row["state"] != "done":
            detail = f"the job is {row['state']}; only one that is done has results"
            raise ProblemError(409, "job_not_done", detail)
        path = self._folder.job(job_id).results
        if not path.is_file():
            raise ProblemError(
                503, "results_elsewhere", "the results lie in a folder of jobs that this server does not have"
            )
        return path

    async def _make(
        self,
        options: JobOptions,
        input_format: InputFormat,
        key_name: str | None,
        write: Callable[[Path], Awaitable[int]],
    ) -> Row:
        if options.webhook is not None:
            check_webhook(options.webhook, self._settings)
        await self._check_folder()
        with self._uploading(key_name) as n_before:
            with _too_many_told():
                await self._reading(lambda connection: check_room(connection, key_name, self._limits, n_before))
            return await self._made(options, input_format, key_name, write)

    @contextmanager
    def _uploading(self, key_name: str | None) -> Iterator[int]:
        """Count an input that is on its way to this worker, as it has no row yet; how many of the key were before."""
        n_before = self._uploads[key_name]
        self._uploads[key_name] += 1
        try:
            yield n_before
        finally:
            self._uploads[key_name] -= 1
            if not self._uploads[key_name]:
                del self._uploads[key_name]

    async def _made(
        self,
        options: JobOptions,
        input_format: InputFormat,
        key_name: str | None,
        write: Callable[[Path], Awaitable[int]],
    ) -> Row:
        job_id = uuid.uuid4().hex
        files = self._folder.make(job_id)
        try:
            n_bytes = await write(files.upload(input_format))
        except BaseException:
            files.remove()
            raise
        row = {
            "job_id": job_id,
            "store": self._folder.store,
            "key_name": key_name,
            "input_format": input_format,
            "input_bytes": n_bytes,
            "options": options.model_dump(exclude={"format"}),
            "webhook_state": None if options.webhook is None else "waiting",
        }
        with _too_many_told():
            try:
                made = await self._insert(row)
            except TooManyJobsError:
                files.remove()
                raise
        # After any other failure the row may be there, or come yet, and needs its files; without one they are swept.
        self.runner.wake()
        return made

    async def _check_folder(self) -> None:
        """A job in the folder of another ledger would be swept by the servers of that one."""
        try:
            await self._run(self._folder.bind)
        except JobsOffError as error:
            detail = "the folder of jobs of this server belongs to another ledger; ask its operator"
            raise ProblemError(503, "jobs_off", detail, {"Connection": "close"}) from error

    async def _insert(self, row: Row) -> Row:
        def insert(database: Database) -> Row | None:
            with database.writing() as connection:
                insert_job(connection, row, self._limits)
                return find_job(connection, row["job_id"], Visibility(row["key_name"]))

        made = await self._run(insert)
        if made is None:
            raise RuntimeError("a job is there once it was written")
        return made

    async def _reading(self, work: Callable[[sa.Connection], T]) -> T:
        def read(database: Database) -> T:
            with database.reading() as connection:
                return work(connection)

        return await self._run(read)

    async def _run(self, work: Callable[[Database], T]) -> T:
        return await self._ledger.run(work, self._settings.request_timeout_s)


def open_jobs(settings: Settings, ledger: Ledger | None, fetcher: Fetcher) -> Jobs | None:
    """The jobs that ``settings`` ask for, not started; None where they are off. Raises ``JobsOffError``."""
    if settings.jobs_folder is None or ledger is None:
        return None
    folder = _job_folder(settings.jobs_folder)
    return Jobs(settings, ledger, folder, JobRunner(settings, ledger.database, folder), fetcher)


def check_jobs(settings: Settings) -> None:
    """Before any worker starts, and after ``check_ledger``; raises ``JobsOffError`` where jobs could not be run.

    With a ledger that does not answer now, whose folder it is, is seen before the first job.
    """
    if settings.jobs_folder is None:
        return
    folder, url = _job_folder(settings.jobs_folder), settings.ledger_database
    if url is None:
        return
    database = Database(url)
    try:
        folder.bind(database)
    except LedgerUnavailableError:
        return
    finally:
        database.close()


def _job_folder(path: Path) -> JobFolder:
    """Raises ``JobsOffError`` where the jobs that are asked for could not be run."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise JobsOffError(f"jobs need the extra 'batch', and {missing[0]} is not installed: pip install -e '.[batch]'")
    return JobFolder(path)


@contextmanager
def _too_many_told() -> Iterator[None]:
    try:
        yield
    except TooManyJobsError as error:
        what = "are queued or running: wait for one, or cancel one"
        if error.limit == "jobs_max_kept":
            what = "are kept: DELETE one whose results you have"
        detail = f"as many jobs of this key as may be ({error.value}) {what}"
        raise ProblemError(
            429,
            "too_many_jobs",
            detail,
            {"Connection": "close", "Retry-After": "60"},
            limit=error.limit,
            limit_value=error.value,
        ) from error


def no_such_job() -> ProblemError:
    """The answer for a job that is not there, and for another's alike."""
    return ProblemError(404, "unknown_job", "there is no such job; it was deleted, has expired, or was never made here")

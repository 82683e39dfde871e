"""One attempt at a job: a process that does it, and meanwhile the lease that lets it."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from serving.jobs.store import Ending, Progress
from serving.jobs.task import EVENTS, Done, Failed, JobTask, Note, Planned, Scored
from serving.ledger.errors import LedgerError
from serving.observability.logs import Event

logger = logging.getLogger("memeguard.jobs")
LEASE_S = 10.0
_RENEW_EVERY_S = 2.0
_LINE_BYTES = 1024 * 1024
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Crash:
    """The process ended before its job did, or could not go on now: another try may end otherwise."""

    code: str
    message: str


class LeaseLostError(Exception):
    """Another runs the job now, or it is gone."""


class JobAttempt:
    """One process. ``renew`` keeps the lease: whether the job is to be cancelled, None where the lease is lost.

    ``progress`` is how far it is, at any moment.
    """

    def __init__(
        self, task: Callable[[], JobTask], progress: Progress, renew: Callable[[Progress], Awaitable[bool | None]]
    ) -> None:
        """``task`` is asked for when the attempt is made, so that one that cannot be told is a crash like others."""
        self.progress = progress
        self._task = task
        self._renew = renew
        self._end: Done | Failed | None = None

    async def run(self) -> Ending | Crash:
        """Do the job; raises ``LeaseLostError``. However this ends, the process has ended too."""
        told = self._task().model_dump_json().encode()
        process = await self._started()
        following = asyncio.create_task(self._follow(process, told))
        try:
            if await self._is_cancelled_before(following):
                return Ending("cancelled")
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            status = await process.wait()
        return self._outcome(status)

    async def _started(self) -> asyncio.subprocess.Process:
        paths = filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "serving.jobs.worker",
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # What Python says of a crash may hold what was sent, and this would be the server's log.
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            limit=_LINE_BYTES,
        )

    async def _follow(self, process: asyncio.subprocess.Process, told: bytes) -> None:
        """Hand the task over, and take in what the process tells until it ends."""
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process was started with pipes")
        with suppress(BrokenPipeError, ConnectionResetError):  # it ended, and the end of its output says so
            process.stdin.write(told)
            await process.stdin.drain()
            process.stdin.close()
        while line := await process.stdout.readline():
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            event = EVENTS.validate_json(line)
        except ValidationError:  # it was killed while it wrote
            return
        if isinstance(event, Planned):
            self.progress = replace(self.progress, rows_total=event.rows_total, rows_done=event.rows_done)
        elif isinstance(event, Scored):
            self.progress = replace(self.progress, rows_done=self.progress.rows_done + event.rows)
        elif isinstance(event, Note):
            self.progress = replace(self.progress, notes=[*self.progress.notes, event.text])
        else:
            self._end = event

    async def _is_cancelled_before(self, following: "asyncio.Task[None]") -> bool:
        """Renew the lease until the process has told its end: whether the job was cancelled first."""
        held_until = time.monotonic() + LEASE_S
        while not following.done():
            await asyncio.wait([following], timeout=_RENEW_EVERY_S)
            asked = time.monotonic()
            try:
                cancelled = await self._renew(self.progress)
            except LedgerError as error:
                if time.monotonic() > held_until - _RENEW_EVERY_S:
                    raise LeaseLostError from error
                continue
            if cancelled is None:
                raise LeaseLostError
            if cancelled and self._end is None:
                return True
            held_until = asked + LEASE_S
        return False

    def _outcome(self, status: int) -> Ending | Crash:
        if isinstance(self._end, Done):
            return Ending("done", counts={"decisions": self._end.decisions, "errors": self._end.errors})
        if self._end is None:
            ended = f"by signal {-status}" if status < 0 else f"with status {status}"
            return Crash("process_ended", f"the process of the job ended {ended}: is there enough memory for it?")
        if self._end.code == "internal_error":
            logger.error(Event("job crashed", stack=self._end.message))
            return Crash("internal_error", "this is our fault; it was logged")
        if self._end.may_go_on:
            return Crash(self._end.code, self._end.message)
        return Ending("failed", self._end.code, self._end.message)

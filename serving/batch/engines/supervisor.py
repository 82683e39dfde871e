"""Supervisor of one worker process: it lives in a thread or a Ray actor, and outlives the process.

A worker may be killed at any moment, by the system or by the very item that it scores. The supervisor starts another
and does the partition again: first as before, then row by row. A row that goes on ending workers is left out with an
error.
"""

from collections.abc import Callable
from dataclasses import replace

from serving.batch.engines.crash_counts import CrashCounts
from serving.batch.engines.score_partition import OutcomeCounts, PartitionTask
from serving.batch.engines.worker_process import WorkerEndedError, WorkerProcess, WorkerSpec
from serving.batch.errors import BatchError, WorkersFailedError

#: Workers in a row that end before they are ready, or in one partition while no row is under way.
_MOST_FALSE_STARTS = 5
_START_S = 300.0
_MEMORY = "is there enough memory for all of --workers?"


class WorkerSupervisor:
    """Holds one worker process at a time. Used by one thread; ``abandon`` may be called by another."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._process: WorkerProcess | None = None
        self._abandoned = False

    def score(self, task: PartitionTask, on_scored: Callable[[OutcomeCounts], None]) -> None:
        """Score a partition until its shard is there; ``on_scored`` gets the counts of rows, each row once.

        Raises ``BatchError`` when no worker can do it, or when the worker was abandoned.
        """
        crashes = CrashCounts(task.partition)
        n_reported = n_blameless = 0
        while n_blameless < _MOST_FALSE_STARTS:
            report = _ReportNew(on_scored, n_reported)
            try:
                self._attempt(replace(task, row_by_row=crashes.any, poisoned=crashes.poisoned), report)
            except WorkerEndedError as ended:
                self.close()
                self._check_wanted()
                n_reported = max(n_reported, report.n_rows)
                if ended.rows:
                    crashes.add(ended.rows, by_itself=ended.by_itself)
                else:
                    n_blameless += 1
            else:
                crashes.clear()
                return
        raise WorkersFailedError(f"{n_blameless} workers ended while they read or wrote {task.partition}: {_MEMORY}")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def abandon(self) -> None:
        """End the process and start no other: ``score`` raises."""
        self._abandoned = True
        if (process := self._process) is not None:
            process.kill()

    def _attempt(self, task: PartitionTask, on_scored: Callable[[OutcomeCounts], None]) -> None:
        process = self._ready()
        process.send(task)
        rows = range(0)
        while True:
            # Before the first row, and after the last, a partition is read or written.
            timeout_s = self._spec.item_timeout_s * len(rows) if rows else _START_S
            message = process.receive(timeout_s, rows)
            if message is None:
                return
            rows, done = message
            on_scored(done)

    def _ready(self) -> WorkerProcess:
        """A process that has loaded its scorer."""
        if self._process is not None:
            return self._process
        for _ in range(_MOST_FALSE_STARTS):
            process = self._process = WorkerProcess(self._spec)
            try:
                self._check_wanted()
                process.receive(_START_S, range(0))
            except WorkerEndedError:
                self.close()
            else:
                return process
        raise WorkersFailedError(f"{_MOST_FALSE_STARTS} worker processes ended before they were ready: {_MEMORY}")

    def _check_wanted(self) -> None:
        if self._abandoned:
            raise BatchError("stopped")


class _ReportNew:
    """Passes counts on, but for the rows that an earlier attempt has reported."""

    def __init__(self, on_scored: Callable[[OutcomeCounts], None], n_reported: int) -> None:
        self._on_scored = on_scored
        self._n_reported = n_reported
        self.n_rows = 0

    def __call__(self, counts: OutcomeCounts) -> None:
        self.n_rows += counts.n_rows
        if self.n_rows > self._n_reported:
            self._on_scored(counts)

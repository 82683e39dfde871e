"""The holder of a worker process: a thread or an actor that outlives it.

A worker may be killed at any moment, by the system or by the very item that it scores. The holder starts another and
does the unit again: first as before, then row by row. A row that goes on ending workers is left out with an error.
"""

from collections.abc import Callable
from dataclasses import replace

from serving.batch.engines.crash_counts import CrashCounts
from serving.batch.engines.score_partition import Tally, UnitTask
from serving.batch.engines.worker_process import WorkerEndedError, WorkerProcess, WorkerSpec
from serving.batch.errors import BatchError

__all__ = ["WorkerSpec", "WorkerSupervisor"]

#: Workers in a row that end before they are ready, or in one unit while no row is under way.
_MOST_FALSE_STARTS = 5
_START_S = 300.0
_MEMORY = "is there enough memory for all of --workers?"


class WorkerSupervisor:
    """Holds one worker process at a time. Used by one thread; ``abandon`` may be called by another."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._process: WorkerProcess | None = None
        self._abandoned = False

    def score(self, task: UnitTask, saw: Callable[[Tally], None]) -> None:
        """Score a unit until its shard is there; ``saw`` is told of rows as they are done, each row once.

        Raises ``BatchError`` when no worker can do it, or when the worker was abandoned.
        """
        strikes = CrashCounts(task.unit)
        told = n_blameless = 0
        while n_blameless < _MOST_FALSE_STARTS:
            seen = _OnceOnly(saw, told)
            try:
                self._attempt(replace(task, careful=strikes.any, poisoned=strikes.poisoned), seen)
            except WorkerEndedError as ended:
                self.close()
                self._check_wanted()
                told = max(told, seen.n_rows)
                if ended.places:
                    strikes.add(ended.places, by_itself=ended.by_itself)
                else:
                    n_blameless += 1
            else:
                strikes.clear()
                return
        raise BatchError(f"{n_blameless} workers ended while they read or wrote {task.unit}: {_MEMORY}")

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

    def _attempt(self, task: UnitTask, saw: Callable[[Tally], None]) -> None:
        process = self._ready()
        process.send(task)
        places = range(0)
        while True:
            # Before the first row, and after the last, a unit is read or written.
            timeout_s = self._spec.item_timeout_s * len(places) if places else _START_S
            message = process.receive(timeout_s, places)
            if message is None:
                return
            places, done = message
            saw(done)

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
        raise BatchError(f"{_MOST_FALSE_STARTS} worker processes ended before they were ready: {_MEMORY}")

    def _check_wanted(self) -> None:
        if self._abandoned:
            raise BatchError("stopped")


class _OnceOnly:
    """Passes tallies on, without the rows that an earlier attempt has told of."""

    def __init__(self, saw: Callable[[Tally], None], already: int) -> None:
        self._saw = saw
        self._already = already
        self.n_rows = 0

    def __call__(self, tally: Tally) -> None:
        self.n_rows += tally.n_rows
        if self.n_rows > self._already:
            self._saw(tally)

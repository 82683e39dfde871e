"""A process that scores units, held by a thread or an actor that outlives it.

A worker may be killed at any moment, by the system or by the very item that it scores. The holder starts another and
does the unit again: first as before, then row by row. A row that ends two careful workers is left out with an error.
"""

import ctypes
import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from model import MemeguardError, MemeLimits, Policy, load
from model.atomic import write_atomically
from model.runtime import Provider
from serving.batch.errors import BatchError
from serving.batch.opening import Opener
from serving.batch.unit import Tally, UnitTask, score_unit

#: Careful workers that one row may end.
_MOST_STRIKES = 2
#: Workers in a row that end before they are ready.
_MOST_FALSE_STARTS = 3
_START_S = 300.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker process needs to know. ``item_timeout_s``: a row that takes longer counts as having killed it."""

    bundle: Path
    ocr: str
    provider: Provider
    threads: int
    policy: Policy
    protocols: frozenset[str]
    limits: MemeLimits
    item_timeout_s: float


class _WorkerEndedError(Exception):
    """The process ended, or hung, while it worked on ``places``."""

    def __init__(self, places: range) -> None:
        super().__init__()
        self.places = places


class Worker:
    """Holds one worker process at a time. Used by one thread; ``abandon`` may be called by another."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._process: _Process | None = None
        self._abandoned = False

    def score(self, task: UnitTask, saw: Callable[[Tally], None]) -> None:
        """Score a unit until its shard is there; ``saw`` is told of rows as they are done, each row once.

        Raises ``BatchError`` when no worker can be started, or when the worker was abandoned.
        """
        strikes = _Strikes(task.unit)
        told = 0
        while True:
            seen = _OnceOnly(saw, told)
            try:
                self._attempt(replace(task, careful=strikes.any, poisoned=strikes.poisoned), seen)
            except _WorkerEndedError as ended:
                self.close()
                told = max(told, seen.n_rows)
                strikes.add(ended.places)
            else:
                strikes.clear()
                return

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

    def _ready(self) -> "_Process":
        """A process that has loaded its scorer."""
        for _ in range(_MOST_FALSE_STARTS):
            if self._abandoned:
                raise BatchError("stopped")
            if self._process is not None:
                return self._process
            process = self._process = _Process(self._spec)
            try:
                message = process.receive(_START_S, range(0))
            except _WorkerEndedError:
                self.close()
                continue
            if isinstance(message, MemeguardError):
                self.close()
                raise message
            return process
        raise BatchError(
            f"{_MOST_FALSE_STARTS} worker processes ended before they were ready: is there enough memory for all of "
            "--workers?"
        )


class _Process:
    """One worker process and the pipe to it."""

    def __init__(self, spec: WorkerSpec) -> None:
        # Not forked: a fork of a process with threads may hang, and holds memory that it does not need.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, spec, os.getpid()), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, task: UnitTask) -> None:
        """Hand a task over."""
        try:
            self._connection.send(task)
        except OSError as error:  # it ended since its last unit
            raise _WorkerEndedError(range(0)) from error

    def receive(self, timeout_s: float, places: range) -> Any:
        """The next message; raises ``_WorkerEndedError`` when there will be none in time."""
        if not wait([self._connection, self._process.sentinel], timeout_s):
            raise _WorkerEndedError(places)
        try:
            return self._connection.recv()  # what it sent before it ended is still there
        except (EOFError, OSError) as error:
            raise _WorkerEndedError(places) from error

    def kill(self) -> None:
        """Have it ended; ``end`` waits for that."""
        self._process.kill()

    def end(self) -> None:
        """End it and forget it."""
        self._process.kill()
        self._process.join()
        self._connection.close()


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


class _Strikes:
    """How often rows of a unit ended a worker; on disk, since the driver may be ended too."""

    def __init__(self, unit: Path) -> None:
        self._path = unit.with_suffix(".strikes.json")
        self._by_row: dict[int, int] = {}
        if self._path.exists():
            self._by_row = {int(row): n for row, n in json.loads(self._path.read_bytes()).items()}

    @property
    def any(self) -> bool:
        """Whether a worker ended in this unit."""
        return bool(self._by_row)

    @property
    def poisoned(self) -> frozenset[int]:
        """Rows that are left out."""
        return frozenset(row for row, n in self._by_row.items() if n > _MOST_STRIKES)

    def add(self, places: range) -> None:
        """A worker ended in these rows. Several rows are all under suspicion; one row alone gets a strike."""
        alone = len(places) == 1
        for place in places:
            self._by_row[place] = self._by_row.get(place, 0) + 1 if alone else self._by_row.get(place, 1)
        if places:
            write_atomically(self._path, json.dumps(self._by_row).encode())

    def clear(self) -> None:
        """The unit is done."""
        self._path.unlink(missing_ok=True)


def _serve(connection: Connection, spec: WorkerSpec, parent: int) -> None:
    """The worker process: load, say so, score what comes until nobody asks any more."""
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    try:
        scorer = load(
            spec.bundle,
            ocr=spec.ocr,
            provider=spec.provider,
            threads=spec.threads,
            policy=spec.policy,
            limits=spec.limits,
        )
    except MemeguardError as error:
        connection.send(error)
        return
    opener = Opener(spec.protocols, spec.limits)
    connection.send("ready")
    while True:
        try:
            task: UnitTask = connection.recv()
        except EOFError:
            return
        score_unit(scorer, opener, task, lambda places, done: connection.send((places, done)))
        connection.send(None)


def _end_with(parent: int) -> None:
    """Ask the kernel to end this process when its holder ends, however that happens."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)

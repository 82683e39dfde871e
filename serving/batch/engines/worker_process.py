"""Worker process: it loads a scorer, scores the partitions that come through a pipe, and ends with its supervisor."""

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from model import MemeLimits, Policy, Scorer, load
from model.engine import Engines
from serving.batch.engines.score_partition import PartitionTask, score_partition
from serving.batch.errors import BatchError, WorkersFailedError
from serving.batch.input.image_loader import ImageLoader, PictureGuard
from serving.batch.known import KnownFiles
from serving.batch.output.shard_format import ShardFormat, VerdictRows
from serving.batch.plan import ScoringIdentity

_PR_SET_PDEATHSIG = 1
_EXIT_S = 10.0
#: The kernel ends a child with the thread that started it, not with the process. So one thread starts them all, and it
#: lives as long as this process does: a supervisor may be called from any thread.
_START_THREAD = ThreadPoolExecutor(1, thread_name_prefix="batch-starter")


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker process needs to know. ``item_timeout_s``: a row that takes longer counts as having ended it.

    ``identity`` is what the plan was made for; a worker that finds something else in its place does not start.
    ``known`` is what it asks beside the network. ``guard``: see ``ImageLoader``.
    """

    bundle: Path
    ocr: str
    ocr_languages: str | None
    engines: Engines
    threads: int
    policy: Policy
    identity: ScoringIdentity
    protocols: frozenset[str]
    limits: MemeLimits
    item_timeout_s: float
    shard_format: ShardFormat = field(default_factory=VerdictRows)
    known: KnownFiles = field(default_factory=KnownFiles)
    guard: PictureGuard | None = None


class WorkerEndedError(Exception):
    """The process ended while it worked on ``rows`` of its partition, or hung there and was ended.

    ``by_itself``: not by SIGKILL from somewhere else.
    """

    def __init__(self, rows: range, *, by_itself: bool) -> None:
        super().__init__()
        self.rows = rows
        self.by_itself = by_itself


class WorkerProcess:
    """One worker process and the pipe to it. It ends with the process that made it, however that ends."""

    def __init__(self, spec: WorkerSpec) -> None:
        # Not forked: a fork of a process with threads may hang, and holds memory that it does not need.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, spec, os.getpid()), daemon=True)
        _START_THREAD.submit(self._process.start).result()
        theirs.close()

    def send(self, task: PartitionTask) -> None:
        """Hand a task over."""
        try:
            self._connection.send(task)
        except OSError as error:  # it ended since its last partition
            raise self._ended(range(0)) from error

    def receive(self, timeout_s: float, rows: range) -> Any:
        """The next message of a process that is at ``rows``.

        Raises ``WorkerEndedError`` when there will be none in time, ``BatchError`` when it says why it cannot work.
        """
        if not wait([self._connection, self._process.sentinel], timeout_s):
            raise WorkerEndedError(rows, by_itself=True)
        try:
            message = self._connection.recv()  # what it sent before it ended is still there
        except (EOFError, OSError) as error:
            raise self._ended(rows) from error
        if isinstance(message, BatchError):
            raise message
        return message

    def kill(self) -> None:
        """Have it ended; ``end`` waits for that."""
        self._process.kill()

    def end(self) -> None:
        """End it and forget it."""
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _ended(self, rows: range) -> WorkerEndedError:
        self._process.join(_EXIT_S)
        return WorkerEndedError(rows, by_itself=self._process.exitcode != -signal.SIGKILL)


def _serve(connection: Connection, spec: WorkerSpec, parent: int) -> None:
    """What the process runs: load, say so, score what comes until nobody asks any more."""
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    try:
        scorer = _scorer(spec)
        images = ImageLoader(spec.protocols, spec.limits, spec.item_timeout_s, spec.guard)
        connection.send("ready")
        _work(connection, scorer, images, spec.shard_format)
    except EOFError:
        return
    except Exception as error:
        # Not a row's fault, or it would have become a row: the disk is full, the partition is damaged.
        reason = str(error) if isinstance(error, BatchError) else f"{type(error).__name__}: {error}"
        told = f"a worker cannot go on: {reason}. When that is mended, the same command goes on"
        connection.send(WorkersFailedError(told))


def _scorer(spec: WorkerSpec) -> Scorer:
    scorer = load(
        spec.bundle,
        ocr=spec.ocr,
        ocr_languages=spec.ocr_languages,
        engine=spec.engines,
        threads=spec.threads,
        policy=spec.policy,
        limits=spec.limits,
        features=spec.shard_format.needs_features or spec.known.snapshot.memory is not None,
        fingerprints=spec.shard_format.needs_features or spec.known.snapshot.banks is not None,
    )
    problems = scorer.readiness().problems if spec.ocr != "none" else ()
    found = ScoringIdentity.of(scorer.bundle, scorer.policy, scorer.ocr, scorer.model.engines)
    differences = spec.identity.differences(found)
    if problems or differences:
        raise BatchError("; ".join((*problems, *differences)))
    return spec.known.asked_by(scorer)


def _work(connection: Connection, scorer: Scorer, images: ImageLoader, shard_format: ShardFormat) -> None:
    send: Callable[..., None] = connection.send
    while True:
        task: PartitionTask = connection.recv()
        score_partition(scorer, images, shard_format, task, lambda rows, done: send((rows, done)))
        send(None)


def _end_with(parent: int) -> None:
    """Ask the kernel to end this process with the thread that started it."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)

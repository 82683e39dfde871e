"""Processes that start in milliseconds with torch imported, and are ended by SIGKILL."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

#: The server imports these once and forks each process from itself; it runs nothing else.
_PRELOADED = ["support.toy_training", "transformers.models.bert.modeling_bert"]


def start(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Run ``target`` in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def run(target: Callable[..., None], *arguments: Any) -> int:
    """Run ``target`` to its end; its exit status, negative for the signal that ended it."""
    process = start(target, *arguments)
    process.join()
    return process.exitcode or 0


def run_until_written(path: Path, times: int, delay_s: float, target: Callable[..., None], *arguments: Any) -> int:
    """The same, killed ``delay_s`` after ``path`` was replaced ``times`` times, unless it ended before."""
    seen = _written_at(path)
    process = start(target, *arguments)
    while times and process.is_alive():
        time.sleep(0.001)
        now = _written_at(path)
        times, seen = times - (now != seen), now
    process.join(delay_s)
    process.kill()
    process.join()
    return process.exitcode or 0


def kill_at_sync(nth: int, *, before: bool) -> None:
    """From now on in this process: the ``nth`` time that a file is flushed to the disk, SIGKILL, before or after it."""
    flush, count = os.fsync, 0

    def killing(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count == nth and before:
            os.kill(os.getpid(), signal.SIGKILL)
        flush(descriptor)
        if count == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = killing


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0

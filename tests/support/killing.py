"""Processes that start in milliseconds with torch imported, and are ended by SIGKILL."""

import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

#: The server imports these once and forks each process from itself; it runs nothing else.
_PRELOADED = ["support.toy_training", "transformers.models.bert.modeling_bert"]
#: Audit events of a file or folder that appears, moves or goes.
_CHANGES = {"os.rename", "os.mkdir", "os.symlink", "os.remove", "os.rmdir"}


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

    def killing(fd: Any) -> None:
        nonlocal count
        count += 1
        if count == nth and before:
            os.kill(os.getpid(), signal.SIGKILL)
        flush(fd)
        if count == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = killing


def killed_everywhere(template: Path, act: Callable[[Path], object]) -> Iterator[tuple[Path, bool]]:
    """Call ``act`` in a fresh copy of the folder ``template``, in a child that is killed at its n-th change in there.

    For n = 1, 2, ... until a child lives to the end; gives the copy, and whether its child was killed.
    """
    for number in range(1, 1000):
        folder = template.with_name(f"{template.name}-{number}")
        shutil.copytree(template, folder, symlinks=True)
        child = os.fork()
        if child == 0:
            _kill_at_change(number, folder)
            act(folder)
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        yield folder, killed
        if not killed:
            return


def _kill_at_change(number: int, folder: Path) -> None:
    """From now on in this process: SIGKILL just before the ``number``-th change below ``folder``."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        inside = any(str(folder) in str(argument) for argument in arguments)
        # `shutil.rmtree` names what it removes by a descriptor of the folder that it is in.
        by_descriptor = event in ("os.remove", "os.rmdir") and arguments[1] != -1
        if by_descriptor or (inside and (writes or event in _CHANGES)):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0

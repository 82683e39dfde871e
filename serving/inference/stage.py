"""One stage of the pipeline: a pool of threads, and the time that work waits for one of them."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Stage:
    """A bounded pool. ``saw_queue(name, seconds)`` hears how long each piece of work waited for a thread."""

    def __init__(self, name: str, threads: int, saw_queue: Callable[[str, float], None]) -> None:
        self._name = name
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"memeguard-{name}")
        self._saw_queue = saw_queue

    async def run(self, work: Callable[[], T], *, since: float | None = None) -> T:
        """Do ``work`` on a thread. Cancelled while it waits for one, it is never begun.

        ``since``, by ``time.perf_counter``, is when it began to wait, if that was before this call.
        """
        queued = time.perf_counter() if since is None else since

        def begin() -> T:
            self._saw_queue(self._name, time.perf_counter() - queued)
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._pool, begin)

    def close(self) -> None:
        """Let the threads end; work that has not begun is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

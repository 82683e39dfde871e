"""One stage of the pipeline: pools of threads, the queues before them, and the time that work waits there.

Work that a picture can stretch comes in pieces, and each piece queues anew. What has had more than a second goes on in
a lane of its own, on threads that the system lets run when the others leave a core: so one that takes long, or many,
hardly delay the others, however many pieces they have.
"""

import asyncio
import heapq
import os
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, TypeVar

from model.budget import Budget
from serving.inference.concurrency import give

T = TypeVar("T")
#: Work that has had as many of these seconds is of one rank, and goes in the order in which it came.
_RANK_S = 1.0
#: A tenth of the weight of a thread that is not nice.
_LONG_NICENESS = 10


@dataclass(order=True)
class _Waiting:
    """A piece of work; those of a lower ``rank`` go first."""

    rank: int
    number: int
    work: Callable[[], Any] = field(compare=False)
    answer: "asyncio.Future[Any]" = field(compare=False)


class _Lane:
    """Threads and the queue before them. It lives in one event loop."""

    def __init__(self, name: str, threads: int, niceness: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=_yield_to, initargs=(niceness,))
        self._n_idle = threads
        self._waiting: list[_Waiting] = []

    def add(self, waiting: _Waiting) -> None:
        """Queue a piece of work."""
        heapq.heappush(self._waiting, waiting)
        self._begin()

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self) -> None:
        """Start as much as there are idle threads for."""
        while self._n_idle and self._waiting:
            waiting = heapq.heappop(self._waiting)
            if not waiting.answer.done():
                self._n_idle -= 1
                work = asyncio.get_running_loop().run_in_executor(self._pool, waiting.work)
                work.add_done_callback(partial(self._finish, waiting.answer))

    def _finish(self, answer: "asyncio.Future[Any]", done: "asyncio.Future[Any]") -> None:
        self._n_idle += 1
        if not done.cancelled():
            give(answer, done.exception() or done.result())
        # Not at once: whoever was answered may have another piece, which comes before work that has had more.
        asyncio.get_running_loop().call_soon(self._begin)


class Stage:
    """``threads`` for work, and as many for long work. ``saw_queue(name, seconds)`` hears how long each piece waited.

    It lives in one event loop.
    """

    def __init__(self, name: str, threads: int, saw_queue: Callable[[str, float], None]) -> None:
        self._name = name
        self._saw_queue = saw_queue
        self._lane = _Lane(f"memeguard-{name}", threads, 0)
        self._long_lane = _Lane(f"memeguard-{name}-long", threads, _LONG_NICENESS)
        self._numbers = count()

    async def run(self, work: Callable[[], T], *, since: float | None = None, is_long: bool = False) -> T:
        """Do ``work`` on a thread, ``is_long`` on one for long work. Cancelled while it waits, it is never begun.

        ``since``, by ``time.perf_counter``, is when it began to wait, if that was before this call.
        """
        result: T = await self._queued(int(is_long), work, since)
        return result

    async def run_steps(self, steps: Generator[None, None, T], budget: Budget, *, is_long: bool = False) -> T:
        """Do ``steps`` one by one, each on whichever thread is free; what they return. ``is_long`` as in ``run``.

        Cancelled, the next is never begun. The budget that they count their work in says how much they have had.
        """
        while True:
            rank = max(int(is_long), int(budget.used_s / _RANK_S))
            is_done, result = await self._queued(rank, lambda: _advanced(steps))
            if is_done:
                return result  # type: ignore[no-any-return]  # of a generator's end

    def close(self) -> None:
        """Let the threads end; work that has not begun is dropped."""
        self._lane.close()
        self._long_lane.close()

    async def _queued(self, rank: int, work: Callable[[], Any], since: float | None = None) -> Any:
        queued = time.perf_counter() if since is None else since

        def begin() -> Any:
            self._saw_queue(self._name, time.perf_counter() - queued)
            return work()

        answer = asyncio.get_running_loop().create_future()
        lane = self._long_lane if rank else self._lane
        lane.add(_Waiting(rank, next(self._numbers), begin, answer))
        return await answer


def _yield_to(niceness: int) -> None:
    """Let this thread run when others leave a core; to Linux, the process 0 is the calling thread."""
    if niceness:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)


def _advanced(steps: Generator[None, None, T]) -> tuple[bool, T | None]:
    """The next step: whether it was the last, and then what they all return."""
    try:
        next(steps)
    except StopIteration as end:
        return True, end.value
    return False, None

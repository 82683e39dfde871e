"""Micro-batches: what waits for the network goes through it together, and each meme gets its own answer or error."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from model import Judgement
from model.judge import Reading, ScoringError
from serving.inference.concurrency import give

JudgeBatch = Callable[[Sequence[Reading]], Sequence[Judgement | ScoringError]]
_Answer = Judgement | Exception


@dataclass(frozen=True)
class BatchLimits:
    """``threads`` batches at once, of ``max_words`` memes without a picture or of ``max_pictures`` with one.

    An idle thread waits ``max_wait_s`` for a batch to fill. An image tower that takes one picture at a time gains
    nothing from a batch, and each picture would wait for the others of its batch: its ``max_pictures`` is 1.
    """

    threads: int
    max_words: int
    max_pictures: int
    max_wait_s: float


@dataclass(frozen=True, eq=False)
class _Waiting:
    reading: Reading
    answer: "asyncio.Future[Judgement]"
    since: float = field(default_factory=time.perf_counter)

    @property
    def pictured(self) -> bool:
        return self.reading.meme.image is not None


class Batcher:
    """Collects readings into batches for ``judge_batch``. It lives in one event loop and needs no task of its own.

    A batch that raises is judged again one by one, so that a poisoned meme spoils only itself. A meme that has a long
    text or several views goes alone, and costs many runs of the network: after it, the others go first until they have
    had as much time. So long ones get at most half of the network while others wait, and never less.
    """

    def __init__(
        self,
        judge_batch: JudgeBatch,
        limits: BatchLimits,
        saw_queue: Callable[[str, float], None],
        saw_batch: Callable[[int], None],
    ) -> None:
        self._judge_batch = judge_batch
        self._limits = limits
        self._saw_queue = saw_queue
        self._saw_batch = saw_batch
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="memeguard-network")
        self._n_idle = limits.threads
        self._plain: deque[_Waiting] = deque()
        self._long: deque[_Waiting] = deque()
        self._owed_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def judge(self, reading: Reading) -> Judgement:
        """The judgement of one meme; raises what the network raised for it. Cancelled while it waits, it is dropped."""
        waiting = _Waiting(reading, asyncio.get_running_loop().create_future())
        (self._long if reading.is_long else self._plain).append(waiting)
        self._begin()
        return await waiting.answer

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self) -> None:
        """Start as many batches as there are idle threads and memes for them."""
        while self._n_idle:
            self._forget_cancelled()
            if not self._plain and not self._long:
                return
            if not self._long and self._may_fill_up():
                return
            self._start(self._next())

    def _may_fill_up(self) -> bool:
        """Whether a batch that is not full should wait; a timer then calls ``_begin`` again."""
        remaining_s = self._limits.max_wait_s - (time.perf_counter() - self._plain[0].since)
        if len(self._plain) >= self._most_with(self._plain[0]) or remaining_s <= 0:
            return False
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(remaining_s, self._time_is_up)
        return True

    def _time_is_up(self) -> None:
        self._timer = None
        self._begin()

    def _forget_cancelled(self) -> None:
        for queue in (self._plain, self._long):
            while queue and queue[0].answer.done():
                queue.popleft()

    def _next(self) -> list[_Waiting]:
        if self._long and (not self._plain or self._owed_s <= 0):
            return [self._long.popleft()]
        first = self._plain.popleft()
        batch, others = [first], deque[_Waiting]()
        while self._plain and len(batch) < self._most_with(first):
            waiting = self._plain.popleft()
            if not waiting.answer.done():
                (batch if waiting.pictured == first.pictured else others).append(waiting)
        self._plain = others + self._plain
        return batch

    def _most_with(self, first: _Waiting) -> int:
        return self._limits.max_pictures if first.pictured else self._limits.max_words

    def _start(self, batch: list[_Waiting]) -> None:
        started = time.perf_counter()
        for waiting in batch:
            self._saw_queue("network", started - waiting.since)
        self._saw_batch(len(batch))
        self._n_idle -= 1
        work = asyncio.get_running_loop().run_in_executor(self._pool, self._answers, batch)
        work.add_done_callback(lambda done: self._finish(batch, started, done))

    def _finish(self, batch: list[_Waiting], started: float, done: "asyncio.Future[list[_Answer]]") -> None:
        self._n_idle += 1
        self._settle(batch, time.perf_counter() - started)
        for waiting, answer in zip(batch, done.result(), strict=True):
            give(waiting.answer, answer)
        self._begin()

    def _settle(self, batch: list[_Waiting], took_s: float) -> None:
        """Keep the account between long memes and the others."""
        if batch[0].reading.is_long:
            self._owed_s = took_s
        elif self._long:
            self._owed_s -= took_s
        else:
            self._owed_s = 0.0

    def _answers(self, batch: list[_Waiting]) -> list[_Answer]:
        """On a thread: the batch, or where it raises each of its memes alone."""
        try:
            return list(self._judge_batch([waiting.reading for waiting in batch]))
        except Exception as error:
            if len(batch) == 1:
                return [error]
            return [answer for waiting in batch for answer in self._answers([waiting])]

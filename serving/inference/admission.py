"""Admission: the memes, requests and bytes that a worker takes on, each under a limit and refused beyond it.

A request is counted before its body is read, so memory stays flat whatever is sent. The limits hold for one worker.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import Message, Receive

from serving.problems import ProblemError
from serving.settings import Settings

_PACE_WINDOW_S = 10.0
_LONGEST_RETRY_S = 60


class Pace:
    """How many memes a second were finished in the last ten seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._finished: deque[float] = deque(maxlen=1024)

    def saw_finished(self, n_memes: int) -> None:
        """Count memes that were finished just now."""
        self._finished.extend([self._clock()] * n_memes)

    def seconds_for(self, n_memes: int) -> int:
        """Whole seconds that so many memes take at this pace, from 1 to 60; 1 while no pace is known."""
        now = self._clock()
        recent = [moment for moment in self._finished if now - moment <= _PACE_WINDOW_S]
        if not recent:
            return 1
        per_meme_s = max(now - recent[0], 0.1) / len(recent)
        return min(max(1, math.ceil(n_memes * per_meme_s)), _LONGEST_RETRY_S)


class Admission:
    """What one worker has taken on. ``saw_pending(n)`` hears how many memes that is.

    Once ``stopping`` is set, every new request is refused.
    """

    def __init__(self, settings: Settings, saw_pending: Callable[[int], None]) -> None:
        self.n_requests = 0
        self.n_streamed = 0
        self.n_memes = 0
        self.n_slow = 0
        self.n_bytes = 0
        self.stopping = False
        self._max_pending = settings.max_pending
        self._max_bytes = settings.max_pending_bytes
        self.longest_body = settings.max_body_bytes
        self._pace = Pace()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._saw_pending = saw_pending

    @contextmanager
    def request(self, n_bytes: int, *, streamed: bool = False) -> Iterator["ByteReservation"]:
        """Room for a request that declares a body of ``n_bytes``; raises ``ProblemError`` 503 without it.

        ``streamed`` are those whose bodies go to the disk, which may last for minutes. They get half of the room, so
        that the others find some; one that is the only one of its kind gets in.
        """
        if self.stopping:
            raise stopping()
        if self.n_requests >= self._max_pending:
            raise self._overloaded("max_pending", self._max_pending, "requests")
        if streamed and self.n_streamed and self.n_streamed >= self._max_pending // 2:
            raise self._overloaded("max_pending", self._max_pending, "requests, of which half may send a job's input,")
        reservation = ByteReservation(self)
        if n_bytes <= self.longest_body:  # a longer one is refused when its reading begins
            reservation.hold(n_bytes)
        self.n_requests += 1
        self.n_streamed += streamed
        try:
            yield reservation
        finally:
            self.n_streamed -= streamed
            self.n_requests -= 1
            self.n_bytes -= reservation.n_bytes

    @contextmanager
    def memes(self, n_memes: int, *, slow: bool = False) -> Iterator[None]:
        """Room for all the memes of a request, or ``ProblemError`` 503 for all of them.

        ``slow`` are those that take seconds each whatever the load. They get half of the room, so that the others find
        some; a request that is the only one of its kind may take more.
        """
        if self.n_memes + n_memes > self._max_pending:
            raise self._overloaded("max_pending", self._max_pending, "memes")
        if slow and self.n_slow and self.n_slow + n_memes > self._max_pending // 2:
            raise self._overloaded("max_pending", self._max_pending, "memes, of which half may be explained,")
        self._count(n_memes)
        self.n_slow += n_memes if slow else 0
        try:
            yield
        finally:
            self.n_slow -= n_memes if slow else 0
            self._count(-n_memes)
            self._pace.saw_finished(n_memes)

    @contextmanager
    def may_be_ended(self) -> Iterator[None]:
        """Let ``end_all`` cancel the task that runs this."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be ended")
        self._under_way.add(task)
        try:
            yield
        finally:
            self._under_way.discard(task)

    def end_all(self) -> None:
        """Cancel every request under way; ``RequestMiddleware`` then answers that the server is stopping."""
        for task in self._under_way:
            task.cancel()

    def check_bytes(self, n_bytes: int) -> None:
        """Raise ``ProblemError`` 503 where so many more bytes would be too many."""
        if self.n_bytes + n_bytes > self._max_bytes:
            raise self._overloaded("max_pending_bytes", self._max_bytes, "bytes of bodies")

    def retry_after(self) -> dict[str, str]:
        """The header that says when what is pending will be done, at the pace of the last seconds."""
        return {"Retry-After": str(self._pace.seconds_for(max(self.n_memes, self.n_requests)))}

    def _count(self, n_memes: int) -> None:
        self.n_memes += n_memes
        self._saw_pending(self.n_memes)

    def _overloaded(self, limit: str, value: int, things: str) -> ProblemError:
        detail = f"the limit {limit} of {value} pending {things} is reached; ask again later"
        return ProblemError(503, "overloaded", detail, self.retry_after(), limit=limit, limit_value=value)


class ByteReservation:
    """The bytes that one request holds."""

    def __init__(self, admission: Admission) -> None:
        self.n_bytes = 0
        self._admission = admission
        self._n_arrived = 0

    def hold(self, n_bytes: int) -> None:
        """Hold so many more; raises ``ProblemError`` 503 where they would be too many."""
        self._admission.check_bytes(n_bytes)
        self._admission.n_bytes += n_bytes
        self.n_bytes += n_bytes

    def hold_fetched(self, n_bytes: int) -> None:
        """Hold so many bytes of pictures that are fetched for the request; raises ``ProblemError`` 413 or 503.

        With its body they may be as many as if they had been sent in it: more would be refused however idle the server.
        """
        limit = self._admission.longest_body
        if self.n_bytes + n_bytes > limit:
            detail = f"the request and the pictures fetched for it are together over the limit of {limit} bytes"
            raise ProblemError(413, "too_many_bytes", detail, limit="max_body_bytes", limit_value=limit)
        self.hold(n_bytes)

    def counted(self, receive: Receive) -> Receive:
        """``receive``, holding what comes beyond the declared length: all of a body that declares none."""

        async def receive_counted() -> Message:
            message = await receive()
            self._n_arrived += len(message.get("body", b""))
            if self._n_arrived > self.n_bytes:
                self._hold_undeclared(self._n_arrived - self.n_bytes)
            return message

        return receive_counted

    def _hold_undeclared(self, n_bytes: int) -> None:
        try:
            self.hold(n_bytes)
        except ProblemError as problem:  # such a body may go on for ever, so the connection closes
            problem.headers = {**(problem.headers or {}), "Connection": "close"}
            raise


def stopping() -> ProblemError:
    """The answer to whom a stopping server does not judge any more."""
    headers = {"Connection": "close", "Retry-After": "1"}
    return ProblemError(503, "stopping", "this server is stopping; ask again", headers)

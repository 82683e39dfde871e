"""A light caller of an HTTP server: raw sockets, prebuilt requests, and a count of everything that comes back.

It reads no more of an answer than its status and length, so that it takes little from the cores that it measures.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, takewhile

#: Nobody listens: a clean refusal.
REFUSED = "refused"
#: A request was sent and got no whole answer.
LOST = "lost"


@dataclass
class Tally:
    """What came back: answers by status, and the seconds that each of them took."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    without_answer: Counter[str] = field(default_factory=Counter)

    def saw(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.seconds.setdefault(status, []).append(seconds)

    def add(self, other: "Tally") -> None:
        """Count what another one counted."""
        for status, seconds in other.seconds.items():
            self.seconds.setdefault(status, []).extend(seconds)
        self.without_answer += other.without_answer

    def n(self, status: int) -> int:
        """Answers of one status."""
        return len(self.seconds.get(status, ()))

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers of each status."""
        return {status: len(seconds) for status, seconds in sorted(self.seconds.items())}


def http_request(body: bytes, content_type: str, path: str = "/v1/classify") -> bytes:
    """A whole request, ready to be sent."""
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Caller:
    """One connection at a time to 127.0.0.1:``port``, opened anew whenever the server has closed it."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._port = port
        self._tally = tally
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, request: bytes) -> bool:
        """Send one request and count what comes back; False when nobody listens any more."""
        started = time.perf_counter()
        if self._streams is not None and self._streams[0].at_eof():  # the server has closed what was idle for long
            await self.close()
        try:
            reader, writer = self._streams = self._streams or await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            self._tally.without_answer[REFUSED] += 1
            return False
        try:
            writer.write(request)
            status, closes = await _answer(reader)
        except (OSError, asyncio.IncompleteReadError):
            self._tally.without_answer[LOST] += 1
            closes = True
        else:
            self._tally.saw(status, time.perf_counter() - started)
        if closes:
            await self.close()
        return True

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Status of the next answer, and whether the server closes the connection after it."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, rest = head.partition(b"content-length:")
    await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
    return int(head[9:12]), b"connection: close" in head


async def in_turns(port: int, requests: Sequence[bytes], n_callers: int, more: Callable[[], bool]) -> Tally:
    """``n_callers`` who each send the next request when they have their answer, for as long as ``more()`` says.

    A caller whose connection is refused asks no more.
    """
    tally = Tally()
    coming = _round_and_round(requests)

    async def calls() -> None:
        caller = Caller(port, tally)
        while more() and await caller.call(next(coming)):
            pass
        await caller.close()

    await asyncio.gather(*(calls() for _ in range(n_callers)))
    return tally


def for_seconds(seconds: float) -> Callable[[], bool]:
    """A ``more`` that says yes for so long from now."""
    ends = time.perf_counter() + seconds
    return lambda: time.perf_counter() < ends


async def at_rate(
    port: int, requests: Sequence[bytes], per_s: float, duration_s: float, watch: Callable[[], Awaitable[None]]
) -> Tally:
    """Requests at a fixed rate, whether the server keeps up or not; ``watch`` runs beside them and is cancelled."""
    watching = asyncio.ensure_future(watch())
    more = for_seconds(duration_s)
    tally = await at_moments(port, requests, takewhile(lambda _: more(), (n / per_s for n in count())))
    watching.cancel()
    return tally


async def at_moments(port: int, requests: Sequence[bytes], moments_s: Iterable[float]) -> Tally:
    """A request at each of these moments, rising and in seconds from now, whether the server keeps up or not."""
    tally = Tally()
    coming = _round_and_round(requests)
    idle: list[Caller] = []
    calls: set[asyncio.Task[None]] = set()

    async def one(caller: Caller) -> None:
        await caller.call(next(coming))
        idle.append(caller)

    started = time.perf_counter()
    for moment_s in moments_s:
        await asyncio.sleep(max(0.0, moment_s - (time.perf_counter() - started)))
        calls.add(task := asyncio.create_task(one(idle.pop() if idle else Caller(port, tally))))
        task.add_done_callback(calls.discard)
    await asyncio.gather(*calls)
    await asyncio.gather(*(caller.close() for caller in idle))
    return tally


def _round_and_round(requests: Sequence[bytes]) -> Iterator[bytes]:
    while True:
        yield from requests

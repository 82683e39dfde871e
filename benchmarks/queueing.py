"""Discrete-event simulation of servers that queue, batch and refuse as ours do; ``benchmarks.fleet`` is the command.

As in ``serving/inference``: a worker takes on ``max_pending`` memes and refuses what comes beyond at once
(``admission``); the others wait in the order in which they came (``stage``); a thread takes one meme, or of those that
may go together as many as a batch holds (``batcher``); and a meme that was not begun in its time is refused then
(``pipeline``).
Which worker a request reaches is chance: the system hands each connection to one of them.
"""

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fleet:
    """``workers`` processes of ``threads`` that each judge a batch at a time.

    ``shared_s`` is the share of a meme's time that a batch spends once for all of its memes: with 0 a batch takes as
    long as its memes one by one.
    """

    workers: int = 1
    threads: int = 1
    max_pending: int = 64
    timeout_s: float = 30.0
    max_batch: int = 1
    shared_s: float = 0.0

    def batch_s(self, services_s: Sequence[float]) -> float:
        """How long memes take together that alone take ``services_s``."""
        alone_s = sum(services_s)
        return self.shared_s * alone_s / len(services_s) + (1 - self.shared_s) * alone_s


@dataclass
class Outcome:
    """What became of the memes that came; times in seconds, one for each that was judged."""

    waits_s: list[float] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    n_full: int = 0
    n_late: int = 0
    busy_s: float = 0.0
    ended_s: float = 0.0

    @property
    def n_refused(self) -> int:
        """For want of room, or of time."""
        return self.n_full + self.n_late

    @property
    def refused_share(self) -> float:
        """Of all that came."""
        return self.n_refused / max(1, self.n_refused + len(self.times_s))

    def add(self, other: "Outcome") -> None:
        """Count another worker's."""
        self.waits_s += other.waits_s
        self.times_s += other.times_s
        self.n_full += other.n_full
        self.n_late += other.n_late
        self.busy_s += other.busy_s
        self.ended_s = max(self.ended_s, other.ended_s)

    def utilisation(self, fleet: Fleet) -> float:
        """Share of the time of all threads in which they judged."""
        return self.busy_s / (self.ended_s * fleet.workers * fleet.threads)


def poisson_moments(per_s: float, duration_s: float, rng: np.random.Generator) -> Floats:
    """Moments of independent arrivals at this rate."""
    n = rng.poisson(per_s * duration_s)
    return np.sort(rng.uniform(0.0, duration_s, size=n))


def simulate(fleet: Fleet, moments_s: Floats, services_s: Floats, rng: np.random.Generator) -> Outcome:
    """Memes that come at ``moments_s`` and alone take ``services_s``, both [N], each at a worker of chance."""
    chosen = rng.integers(fleet.workers, size=len(moments_s))
    outcome = Outcome()
    for number in range(fleet.workers):
        mine = chosen == number
        outcome.add(_Worker(fleet).run(moments_s[mine].tolist(), services_s[mine].tolist()))
    return outcome


class _Worker:
    """One process: its queue, and the batches under way as a heap of (end, memes in it)."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._waiting: deque[tuple[float, float]] = deque()
        self._under_way: list[tuple[float, int]] = []
        self._n_judged_now = 0
        self._outcome = Outcome()

    def run(self, moments_s: Sequence[float], services_s: Sequence[float]) -> Outcome:
        """All of its memes, in the order in which they come."""
        for moment_s, service_s in zip(moments_s, services_s, strict=True):
            self._go_on(moment_s)
            self._drop_late(moment_s)
            if len(self._waiting) + self._n_judged_now >= self._fleet.max_pending:
                self._outcome.n_full += 1
                continue
            self._waiting.append((moment_s, service_s))
            self._begin(moment_s)
        self._go_on(float("inf"))
        return self._outcome

    def _go_on(self, until_s: float) -> None:
        """End what ends by then, and begin what waits for it."""
        while self._under_way and self._under_way[0][0] <= until_s:
            now_s, n_memes = heapq.heappop(self._under_way)
            self._n_judged_now -= n_memes
            self._outcome.ended_s = now_s
            self._begin(now_s)

    def _begin(self, now_s: float) -> None:
        self._drop_late(now_s)
        while self._waiting and len(self._under_way) < self._fleet.threads:
            batch = list(self._batch())
            took_s = self._fleet.batch_s([service_s for _, service_s in batch])
            heapq.heappush(self._under_way, (now_s + took_s, len(batch)))
            self._n_judged_now += len(batch)
            self._outcome.busy_s += took_s
            self._outcome.waits_s += [now_s - came_s for came_s, _ in batch]
            self._outcome.times_s += [now_s + took_s - came_s for came_s, _ in batch]

    def _batch(self) -> Iterator[tuple[float, float]]:
        for _ in range(min(self._fleet.max_batch, len(self._waiting))):
            yield self._waiting.popleft()

    def _drop_late(self, now_s: float) -> None:
        """All have as much time, so whoever came first is late first."""
        while self._waiting and now_s - self._waiting[0][0] > self._fleet.timeout_s:
            self._waiting.popleft()
            self._outcome.n_late += 1

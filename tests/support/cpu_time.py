"""Processor time of a call, for tests of bounds: the least of several tries, which other work on the machine spares."""

import time
from collections.abc import Callable

_TRIES = 3


def least_cpu_s(call: Callable[[], object], enough_s: float = 0.0) -> float:
    """Seconds of the calling thread's processor time that ``call`` takes; no further try once it took ``enough_s``.

    A busy machine makes one try several times slower (caches, hyper-threads); work without a bound is slow each time.
    """
    costs: list[float] = []
    while len(costs) < _TRIES and not (costs and min(costs) <= enough_s):
        started = time.thread_time()
        call()
        costs.append(time.thread_time() - started)
    return min(costs)

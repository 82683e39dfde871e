"""Budget of one item: the seconds of work and the time of day up to which decoding, OCR and scoring may go on for it.

Work that a hostile picture could stretch (scans of a JPEG, frames, lines of text) is cut into pieces of a second or so;
before each the budget is asked. What was not done when it is spent is told in the verdict, and means review.
"""

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

#: Work of one item, in seconds of the thread that does it. A screenshot of a hundred lines takes about ten.
DEFAULT_WORK_S = 12.0


class Budget:
    """What one item may still cost. Used by one thread at a time; which one may change from piece to piece.

    ``work_s`` counts seconds of CPU time of the working thread, so that a busy machine reads no less of a picture than
    an idle one. ``deadline``, in the seconds of ``time.monotonic``, is when nobody waits for the answer any more.
    """

    def __init__(self, work_s: float = DEFAULT_WORK_S, deadline: float = math.inf) -> None:
        self.work_s = work_s
        self.deadline = deadline
        self._used_s = 0.0
        self._since: float | None = None

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what this thread does meanwhile. Inside another of the same budget it changes nothing."""
        if self._since is not None:
            yield
            return
        self._since = time.thread_time()
        try:
            yield
        finally:
            self._used_s, self._since = self.used_s, None

    @property
    def used_s(self) -> float:
        """Seconds of work so far."""
        return self._used_s + (0.0 if self._since is None else time.thread_time() - self._since)

    @property
    def is_spent(self) -> bool:
        """Whether no other piece of work should be begun."""
        return self.used_s >= self.work_s or time.monotonic() >= self.deadline


def result_of(steps: Generator[None, None, T]) -> T:
    """Do all the steps, one after the other; what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result

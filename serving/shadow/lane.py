"""Lane of a shadow: a bounded queue and one thread behind it. What finds no room in it is dropped."""

import threading
import time
from collections import deque
from collections.abc import Callable

from serving.inference.answered import Answered

#: Most bytes of pictures that wait in one lane.
_MAX_BYTES = 64 * 1024 * 1024
#: How often a busy server is looked at again, and how long a lane that stops is waited for.
_LOOK_S = 0.01
_STOP_S = 10.0


class Lane:
    """Does ``work`` for one decision after the other, on a thread of its own, when ``has_room`` says yes to it.

    ``work`` never raises; ``prepare`` is done before the first. ``drop`` is told of what waits when it stops.
    """

    def __init__(
        self,
        name: str,
        max_items: int,
        work: Callable[[Answered], None],
        drop: Callable[[Answered], None],
        *,
        prepare: Callable[[], None] = lambda: None,
        has_room: Callable[[Answered], bool] = lambda _: True,
    ) -> None:
        self._max_items = max_items
        self._work = work
        self._drop = drop
        self._prepare = prepare
        self._has_room = has_room
        self._waiting: deque[Answered] = deque()
        self._n_bytes = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"memeguard-shadow-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def offer(self, answered: Answered) -> bool:
        """Queue a decision; False where there is no room for it. It waits for nothing."""
        n_bytes = len(answered.item.image or b"")
        with self._changed:
            full = len(self._waiting) >= self._max_items or self._n_bytes + n_bytes > _MAX_BYTES
            if full or self._stopping:
                return False
            self._waiting.append(answered)
            self._n_bytes += n_bytes
            self._changed.notify()
        return True

    def stop(self) -> None:
        """End after what is under way; what waits is dropped."""
        with self._changed:
            self._stopping = True
            left = list(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        for answered in left:
            self._drop(answered)
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        self._prepare()
        while (answered := self._next()) is not None:
            self._work(answered)

    def _next(self) -> Answered | None:
        """The one that waits longest, once there is room; None: stop."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._waiting)
                if self._stopping:
                    return None
                if self._has_room(self._waiting[0]):
                    answered = self._waiting.popleft()
                    self._n_bytes -= len(answered.item.image or b"")
                    return answered
            time.sleep(_LOOK_S)

"""Single flight: work that several callers ask for at once is done once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Call(Generic[T]):
    task: "asyncio.Task[T]"
    n_waiting: int = 0


class SingleFlight(Generic[T]):
    """Work under way, by key. It lives in one event loop.

    Who asks may leave (be cancelled) without harm to the others; when the last one has left, the work is cancelled.
    """

    def __init__(self) -> None:
        self._calls: dict[Hashable, _Call[T]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._calls

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the work under ``key``, which is started where there is none; raises what it raises."""
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = _Call(asyncio.create_task(work()))
            call.task.add_done_callback(lambda _: self._forget(key, call))
        call.n_waiting += 1
        try:
            return await asyncio.shield(call.task)
        finally:
            call.n_waiting -= 1
            if not call.n_waiting and not call.task.done():
                call.task.cancel()
                self._forget(key, call)

    def _forget(self, key: Hashable, call: _Call[T]) -> None:
        if self._calls.get(key) is call:
            del self._calls[key]

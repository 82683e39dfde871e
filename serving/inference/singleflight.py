"""The same work asked for by several at once is done once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Flight(Generic[T]):
    task: "asyncio.Task[T]"
    n_aboard: int = 0


class SingleFlight(Generic[T]):
    """Work under way, by key. It lives in one event loop.

    Who asks may leave (be cancelled) without harm to the others; when the last one has left, the work is cancelled.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._flights

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the work under ``key``, which is started where there is none; raises what it raises."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(work()))
            flight.task.add_done_callback(lambda _: self._land(key, flight))
        flight.n_aboard += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.n_aboard -= 1
            if not flight.n_aboard and not flight.task.done():
                flight.task.cancel()
                self._land(key, flight)

    def _land(self, key: Hashable, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

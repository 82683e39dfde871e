"""Followers of what is kept in the ledger's database, started and waited for."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar


class Follower(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


T = TypeVar("T", bound=Follower)


@asynccontextmanager
async def started(follower: T) -> AsyncIterator[T]:
    await follower.start()
    try:
        yield follower
    finally:
        await follower.stop()


async def until(holds: Callable[[], bool], within_s: float = 2.0) -> bool:
    """Whether it holds within that time."""
    ends = time.monotonic() + within_s
    while not holds() and time.monotonic() < ends:
        await asyncio.sleep(0.02)
    return holds()

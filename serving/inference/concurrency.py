"""Coroutines of one request, run at the same time, and answers to those that wait for one."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Every result, in order. At the first error the rest is cancelled; it is raised when nothing runs any more."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def give(future: "asyncio.Future[T]", answer: T | BaseException) -> None:
    """Answer who waits, with a result or the error to raise; nobody where whoever asked has left."""
    if future.done():
        return
    if isinstance(answer, BaseException):
        future.set_exception(answer)
    else:
        future.set_result(answer)

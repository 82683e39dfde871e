"""Pictures that a request only points to are fetched, each with an error of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from serving.desk import Desk
from serving.problems import ProblemError
from serving.submission import BadItem, Item, LinkedItem, Submission


async def with_pictures(desk: Desk, items: Sequence[Item], deadline: float) -> list[Submission | BadItem]:
    """The items in their order; one whose picture could not be had is a ``BadItem`` now."""
    return list(await asyncio.gather(*(_with_picture(desk, item, deadline) for item in items)))


async def _with_picture(desk: Desk, item: Item, deadline: float) -> Submission | BadItem:
    if not isinstance(item, LinkedItem):
        return item
    try:
        return replace(item.rest, image=await desk.fetcher.fetch(item.url, deadline))
    except ProblemError as problem:
        return BadItem(item.rest.id, problem)

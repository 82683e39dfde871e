"""Pictures that a request only points to are fetched, each with an error of its own."""

from collections.abc import Sequence
from dataclasses import replace

from serving.asking import Asking
from serving.desk import Desk
from serving.problems import ProblemError
from serving.submission import BadItem, Item, LinkedItem, Submission
from serving.together import together


async def with_pictures(desk: Desk, items: Sequence[Item], asking: Asking) -> list[Submission | BadItem]:
    """The items in their order; one whose picture could not be had is a ``BadItem`` now.

    Raises ``ProblemError`` 503 when there is no room for the pictures.
    """
    return await together(_with_picture(desk, item, asking) for item in items)


async def _with_picture(desk: Desk, item: Item, asking: Asking) -> Submission | BadItem:
    if not isinstance(item, LinkedItem):
        return item
    try:
        return replace(item.rest, image=await desk.fetcher.fetch(item.url, asking.deadline, asking.hold))
    except ProblemError as problem:
        if problem.status == 503:
            raise
        return BadItem(item.rest.id, problem)

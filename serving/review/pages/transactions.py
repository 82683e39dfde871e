"""Transactions of the pages: a piece of work on the ledger for who is signed in, and errors as problems."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import sqlalchemy as sa
from starlette.requests import Request

from serving.app_state import app_state
from serving.ledger.database import Database
from serving.problems import ProblemError
from serving.review.errors import NotHeldError, NothingToUndoError, ReviewError, UnknownItemError
from serving.review.queue import Rules
from serving.settings import Settings

T = TypeVar("T")

_STATUS_OF_ERROR: dict[type[ReviewError], tuple[int, str]] = {
    UnknownItemError: (404, "unknown_item"),
    NotHeldError: (403, "item_not_yours"),
    NothingToUndoError: (409, "nothing_to_undo"),
}


async def reading(request: Request, work: Callable[[sa.Connection], T]) -> T:
    """Look something up; raises ``ProblemError``."""
    return await _run(request, work, writes=False)


async def writing(request: Request, work: Callable[[sa.Connection], T]) -> T:
    """Do something, wholly or not at all; raises ``ProblemError``."""
    return await _run(request, work, writes=True)


def rules_of(settings: Settings) -> Rules:
    """How items are given, by the settings."""
    return Rules(
        settings.review_golden_share, settings.review_second_share, timedelta(minutes=settings.review_claim_minutes)
    )


async def _run(request: Request, work: Callable[[sa.Connection], T], *, writes: bool) -> T:
    state = app_state(request)

    def transaction(database: Database) -> T:
        with database.writing() if writes else database.reading() as connection:
            return work(connection)

    try:
        return await state.decisions.run(transaction, state.settings.request_timeout_s)
    except ReviewError as error:
        status, code = _STATUS_OF_ERROR.get(type(error), (409, "review_refused"))
        raise ProblemError(status, code, str(error)) from error

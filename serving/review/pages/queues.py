"""``/review``: what waits, and taking the next item; leaving, and undo. Every step is a form, and needs no script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.app_state import app_state
from serving.review.actions import undo
from serving.review.pages.filters import filters_of, query_of
from serving.review.pages.progress import Progress, progress_of
from serving.review.pages.sign_in import reviewer_of
from serving.review.pages.transactions import reading, rules_of, writing
from serving.review.queue import QueueCount, held_item, n_escalated, queue_counts, release, take_next
from serving.web.forms import form_of
from serving.web.render import page, see_other
from serving.web.sessions import signed_in

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Queue:
    """A queue as a card: its filters as an address has them, and what waits in it."""

    title: str
    query: str
    waiting: int
    claimed: int = 0
    oldest: datetime | None = None
    is_held: bool = False


@router.get("/review")
async def queues(request: Request) -> Response:
    """What waits, by policy, and the filters."""
    session = await signed_in(request)
    state, reviewer = app_state(request), reviewer_of(session)

    def look(connection: sa.Connection) -> tuple[list[QueueCount], int, bool, Progress]:
        return (
            queue_counts(connection),
            n_escalated(connection) if reviewer.is_lead else 0,
            held_item(connection, reviewer) is not None,
            progress_of(connection, reviewer.name, state.settings.review_break_minutes),
        )

    found, escalated, is_held, progress = await reading(request, look)
    return page(
        request,
        "review/queues.html.j2",
        session,
        queues=_cards(found, escalated, is_held=is_held),
        policies=list(dict.fromkeys(count.policy for count in found)),
        banks=() if state.banks is None else state.banks.names,
        tells_scores=not state.settings.review_hide_scores,
        progress=progress,
        is_empty="empty" in request.query_params,
    )


@router.post("/review/next")
async def next_item(request: Request) -> Response:
    """Take the next item that the filters ask for; what the reviewer holds comes first."""
    session = await signed_in(request)
    form = await form_of(request, session)
    asked = dict(request.query_params) | {name: values[-1] for name, values in form.items()}
    settings = app_state(request).settings
    filters = filters_of(asked, tells_scores=not settings.review_hide_scores)
    rules, reviewer = rules_of(settings), reviewer_of(session)
    return to_item(await writing(request, lambda connection: take_next(connection, reviewer, filters, rules)), asked)


@router.post("/review/leave")
async def leave(request: Request) -> Response:
    """Hand back what the reviewer holds."""
    session = await signed_in(request)
    await form_of(request, session)
    await writing(request, lambda connection: release(connection, reviewer_of(session)))
    return see_other("/review")


@router.post("/review/undo")
async def undo_last(request: Request) -> Response:
    """Take the reviewer's last action back; they hold its item again."""
    session = await signed_in(request)
    await form_of(request, session)
    rules = rules_of(app_state(request).settings)
    decision_id = await writing(request, lambda connection: undo(connection, reviewer_of(session), rules))
    return see_other(f"/review/items/{decision_id}{query_of(request.query_params)}")


def to_item(decision_id: str | None, asked: Mapping[str, str]) -> Response:
    """To the item that the reviewer was given, or to the queues where there was none; the filters go with them."""
    query = query_of(asked)
    if decision_id is None:
        return see_other("/review?empty=1")
    return see_other(f"/review/items/{decision_id}{query}")


def _cards(counts: Sequence[QueueCount], escalated: int, *, is_held: bool) -> list[Queue]:
    """Everything first, then each policy where there are several, then what waits for a lead."""
    cards = [_card("Everything that waits", "", counts, is_held=is_held)]
    by_policy: dict[str, list[QueueCount]] = {}
    for count in counts:
        by_policy.setdefault(count.policy, []).append(count)
    if len(by_policy) > 1:
        cards += [_card(f"Policy {name}", f"?{urlencode({'policy': name})}", some) for name, some in by_policy.items()]
    if escalated:
        cards.append(Queue("Escalated, for a lead", "?escalated=1", escalated))
    return cards


def _card(title: str, query: str, counts: Sequence[QueueCount], *, is_held: bool = False) -> Queue:
    waiting, claimed = sum(count.waiting for count in counts), sum(count.claimed for count in counts)
    return Queue(title, query, waiting, claimed, min((count.oldest for count in counts), default=None), is_held)

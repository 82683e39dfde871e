"""``/review/items/{decision_id}``: one item, for who holds it or has spoken of it, and what they say of it."""

import re
from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import Response

from model.picture.containers.sniff import format_of
from model.verdict import ExplainLevel
from serving.app_state import AppState, app_state
from serving.html import small_jpeg
from serving.problems import ProblemError
from serving.requests.context import request_context
from serving.review.actions import cannot_judge, escalate, label, skip
from serving.review.audit import Reviewer
from serving.review.likes import known_likes
from serving.review.pages.evidence import evidence_of
from serving.review.pages.filters import filters_of, query_of
from serving.review.pages.item_view import ItemView, item_view
from serving.review.pages.progress import Progress, progress_of
from serving.review.pages.questions import labels_of, questions
from serving.review.pages.queues import to_item
from serving.review.pages.sign_in import reviewer_of
from serving.review.pages.transactions import reading, rules_of, writing
from serving.review.queue import Rules, take_next
from serving.review.shown import ShownItem, shown_item, shown_picture
from serving.schemas.ledger import MAX_REASON_CHARS
from serving.web.evidence import Evidence, shown_view
from serving.web.forms import form_of
from serving.web.render import PAGE_HEADERS, page
from serving.web.sessions import signed_in

#: What a reviewer says, done in a transaction.
Action = Callable[[sa.Connection, str, Reviewer, Rules], None]

router = APIRouter(include_in_schema=False)
_ID = re.compile(r"[0-9a-f]{32}")
_VIEW = re.compile(r"[0-9]{1,3}")
_STILL_SIDE_PX = 1600
_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}
_NO_ANSWER = "Answer the first question, or choose Cannot judge, Escalate or Skip."


@router.get("/review/items/{decision_id}")
async def item(request: Request, decision_id: str) -> Response:
    """The page of an item; ``?why=words`` asks for its evidence at once, ``?why=regions`` for its heat map too."""
    return await item_page(request, checked_id(decision_id))


@router.get("/review/items/{decision_id}/why")
async def why(request: Request, decision_id: str) -> Response:
    """What raised the score, as a part of the page, also of regions with ``?why=regions``; 403 while it is hidden."""
    session = await signed_in(request)
    view, evidence = await _evidence(request, reviewer_of(session), checked_id(decision_id))
    return page(request, "review/evidence.html.j2", session, view=view, evidence=evidence)


@router.get("/review/items/{decision_id}/picture")
async def picture(request: Request, decision_id: str) -> Response:
    """The kept picture file, as it came in; with ``?view=1`` the still picture that its view of that place is."""
    session = await signed_in(request)
    id, reviewer = checked_id(decision_id), reviewer_of(session)
    content = await reading(request, lambda connection: shown_picture(connection, id, reviewer))
    view = request.query_params.get("view")
    return picture_response(content if view is None else await _still(request, content, view))


@router.post("/review/items/{decision_id}")
async def say(request: Request, decision_id: str) -> Response:
    """What the reviewer says of the item that they hold; the next one follows."""
    session = await signed_in(request)
    form = await form_of(request, session)
    id, reviewer, state = checked_id(decision_id), reviewer_of(session), app_state(request)
    act = _action_of(form, tasks_of(state))
    if act is None:
        return await item_page(request, id, problem=_NO_ANSWER, reason=_reason(form) or "", status=422)
    rules = rules_of(state.settings)
    filters = filters_of(request.query_params, tells_scores=not state.settings.review_hide_scores)

    def act_and_take(connection: sa.Connection) -> str | None:
        act(connection, id, reviewer, rules)
        return take_next(connection, reviewer, filters, rules)

    return to_item(await writing(request, act_and_take), request.query_params)


async def item_page(
    request: Request, decision_id: str, *, problem: str | None = None, reason: str = "", status: int = 200
) -> Response:
    """The page of an item; with ``problem`` and the ``reason`` again where what was sent was refused."""
    session = await signed_in(request)
    reviewer, state = reviewer_of(session), app_state(request)
    minutes = state.settings.review_break_minutes

    def look(connection: sa.Connection) -> tuple[ItemView, Progress]:
        view, _ = _seen(connection, decision_id, reviewer, state)
        return view, progress_of(connection, reviewer.name, minutes)

    view, progress = await reading(request, look)
    evidence = None
    if "why" in request.query_params and not view.is_hidden:
        _, evidence = await _evidence(request, reviewer, decision_id)
    return page(
        request,
        "review/item.html.j2",
        session,
        status=status,
        view=view,
        evidence=evidence,
        cover=state.settings.review_pictures,
        progress=progress,
        problem=problem,
        reason=reason,
        query=query_of(request.query_params),
    )


def checked_id(decision_id: str) -> str:
    """The id, if it can be one of ours at all; raises ``ProblemError`` 404."""
    if not _ID.fullmatch(decision_id):
        raise ProblemError(404, "unknown_item", "there is no such decision; it was deleted, or never made here")
    return decision_id


async def _still(request: Request, content: bytes | None, view: str) -> bytes | None:
    """A view as a JPEG; None where there is none of that place."""
    if content is None or not _VIEW.fullmatch(view):
        return None
    state = app_state(request)

    def drawn() -> bytes | None:
        shown = shown_view(content, int(view), state.settings.limits)
        return None if shown is None else small_jpeg(shown, _STILL_SIDE_PX)

    return await state.classifier.pipeline.run(drawn)


def picture_response(content: bytes | None) -> Response:
    """A picture file as itself and nothing else; raises ``ProblemError`` 404 where none was kept."""
    media_type = None if content is None else _MEDIA_TYPES.get(format_of(content) or "")
    if content is None or media_type is None:
        raise ProblemError(404, "no_picture", "no picture is kept of this decision")
    # PAGE_HEADERS: kept by no cache, since it is shown to this reviewer only, and only while they may see it.
    return Response(content, media_type=media_type, headers=PAGE_HEADERS)


def tasks_of(state: AppState) -> tuple[str, ...]:
    """The tasks of the bundle that serves."""
    return tuple(task.name for task in state.classifier.scorer.bundle.manifest.tasks)


def _seen(
    connection: sa.Connection, decision_id: str, reviewer: Reviewer, state: AppState
) -> tuple[ItemView, ShownItem]:
    """What the page tells of an item, and what it is made of."""
    shown, banks = shown_item(connection, decision_id, reviewer), state.banks
    likes = () if banks is None else known_likes(connection, decision_id, banks.names, banks.answer)
    policies = state.classifier.policies.current.policies
    view = item_view(shown, likes, tasks_of(state), policies, hides_scores=state.settings.review_hide_scores)
    return view, shown


async def _evidence(request: Request, reviewer: Reviewer, decision_id: str) -> tuple[ItemView, Evidence]:
    """Raises ``ProblemError`` 403 while what the model made of it is hidden."""
    state = app_state(request)

    def look(connection: sa.Connection) -> tuple[ItemView, ShownItem, bytes | None]:
        return *_seen(connection, decision_id, reviewer, state), shown_picture(connection, decision_id, reviewer)

    view, shown, content = await reading(request, look)
    if view.is_hidden:
        raise ProblemError(403, "hidden_until_decided", "what the model made of it is hidden until you have decided")
    level: ExplainLevel = "regions" if request.query_params.get("why") == "regions" else "words"
    return view, await evidence_of(shown.decision, content, state, request_context(request), level)


def _action_of(form: Mapping[str, list[str]], tasks: Sequence[str]) -> Action | None:
    """What a form says; None where it labels nothing of the first task."""
    kind, reason = form.get("action", ["label"])[-1], _reason(form)
    if kind == "cannot_judge":
        return lambda connection, id, reviewer, _: cannot_judge(connection, id, reviewer, reason)
    if kind == "escalate":
        return lambda connection, id, reviewer, _: escalate(connection, id, reviewer, reason)
    if kind == "skip":
        return lambda connection, id, reviewer, _: skip(connection, id, reviewer)
    labels = labels_of(form, tasks)
    if questions(tasks)[0].name not in labels:
        return None
    return lambda connection, id, reviewer, rules: label(connection, id, reviewer, labels, reason, rules)


def _reason(form: Mapping[str, list[str]]) -> str | None:
    return form.get("reason", [""])[-1].strip()[:MAX_REASON_CHARS] or None

"""``/sign-in`` and ``/sign-out``: who reviews, and handing back what they hold when they go."""

import re

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.app_state import app_state
from serving.problems import ProblemError
from serving.review.audit import Reviewer, note
from serving.review.pages.transactions import writing
from serving.review.queue import release
from serving.security.keys import KeyEntry
from serving.web.forms import Form, form_of
from serving.web.render import page, see_other
from serving.web.sessions import Session, begin, end, may_review, session_of, set_cookie

router = APIRouter(include_in_schema=False)
#: Pages of this server alone: no address of another site can be gone on to.
_OUR_PAGE = re.compile(r"/(review|try)(/[A-Za-z0-9/_-]*)?")
_MAX_NAME = 64


def reviewer_of(session: Session) -> Reviewer:
    """Who acts in a session."""
    return Reviewer(session.reviewer, session.key_name, session.is_lead)


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """The form; whoever is signed in goes on."""
    target = _next(request.query_params.get("next", ""))
    if await session_of(request) is not None:
        return see_other(target)
    return _form(request, target)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session with a key, or with a name where there are no keys."""
    state = app_state(request)
    form = await form_of(request, None)
    target = _next(form.get("next", [""])[-1])
    entry = None
    if state.keys is not None:
        entry = state.keys.find(form.get("key", [""])[-1].strip())
        if entry is None or not may_review(entry):
            # One answer for a key that is unknown, revoked or of another scope.
            return _form(request, target, "This key does not open the reviewer's page.", status=403)
    name = _name(form, entry)
    if not name:
        return _form(request, target, "Give a name: it stands beside your decisions.", status=422)
    token = await begin(request, name, entry)
    who = Reviewer(name, None if entry is None else entry.name)
    await writing(request, lambda connection: note(connection, "signed_in", who))
    response = see_other(target)
    set_cookie(request, response, token)
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session; what the reviewer holds goes to others."""
    session = await session_of(request)
    if session is not None:
        await form_of(request, session)
        who = reviewer_of(session)
        await writing(request, lambda connection: (release(connection, who), note(connection, "signed_out", who)))
        await end(request)
    response = see_other("/")
    set_cookie(request, response, "")
    return response


def _form(request: Request, target: str, problem: str | None = None, *, status: int = 200) -> Response:
    state = app_state(request)
    if state.ledger is None:
        raise ProblemError(503, "ledger_off", "nothing is reviewed here: this server's ledger is switched off")
    needs_key = state.keys is not None
    return page(request, "sign_in.html.j2", None, status=status, next=target, problem=problem, needs_key=needs_key)


def _next(asked: str) -> str:
    return asked if _OUR_PAGE.fullmatch(asked) else "/review"


def _name(form: Form, entry: KeyEntry | None) -> str:
    """Who they are: a key's name, since a key belongs to one person."""
    if entry is not None:
        return entry.name
    return " ".join(form.get("name", [""])[-1].split())[:_MAX_NAME]

"""Sessions of people who are signed in: a cookie whose token is kept as a digest beside the ledger.

Where the server has keys, a session begins with one of the scope ``review`` or ``admin`` and ends with it; on one
without keys a name is enough. SameSite=Strict: no other site's link or form carries the cookie.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from serving.app_state import AppState, app_state
from serving.ledger.database import Database
from serving.ledger.tables import review_sessions
from serving.problems import ProblemError
from serving.requests.context import request_context
from serving.security.keys import KeyEntry
from serving.security.rate_limit import RateLimiter

_COOKIE = "memeguard_session"
#: Written down at most this often, so that reading a page is no write.
_SEEN_EVERY = timedelta(minutes=1)
#: Of a session's hours: without a click it ends after so much of them.
_IDLE_SHARE = 0.25


@dataclass(frozen=True)
class Session:
    """Who is signed in. ``csrf`` is what their forms carry; ``is_lead``: they see everybody's work."""

    reviewer: str
    key_name: str | None
    is_lead: bool
    csrf: str


async def session_of(request: Request) -> Session | None:
    """Who is signed in; None where nobody is, or no longer."""
    state, token = app_state(request), request.cookies.get(_COOKIE)
    if not token or state.ledger is None:
        return None
    found = await state.ledger.run(lambda database: _look_up(database, token, state), state.settings.request_timeout_s)
    if found is None:
        return None
    session, entry = found
    context = request_context(request)
    context.key_name = session.key_name
    context.rate_limiter = RateLimiter(state.buckets, entry)  # what a person tries counts like what their programs do
    return session


async def signed_in(request: Request) -> Session:
    """Who is signed in; raises ``ProblemError`` 303 to the page where one does, 503 where nothing is kept."""
    _ = app_state(request).decisions
    session = await session_of(request)
    if session is None:
        # A form that was sent too late is lost, so that only a page to look at is come back to.
        back = request.url.path if request.method in ("GET", "HEAD") else "/review"
        raise ProblemError(303, "sign_in_needed", "sign in first", {"Location": f"/sign-in?next={back}"})
    return session


async def begin(request: Request, reviewer: str, entry: KeyEntry | None) -> str:
    """Begin a session; its token. ``entry`` is the key that was shown, None on a server without keys."""
    state, token = app_state(request), secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    row = {
        "token_digest": _digest(token),
        "key_id": None if entry is None else entry.id,
        "key_name": None if entry is None else entry.name,
        "reviewer": reviewer,
        "is_lead": entry is None or "admin" in entry.scopes,
        "csrf": secrets.token_urlsafe(24),
        "created_at": now,
        "seen_at": now,
    }
    oldest = now - timedelta(hours=state.settings.review_session_hours)

    def write(database: Database) -> None:
        with database.writing() as connection:
            connection.execute(review_sessions.delete().where(review_sessions.c.created_at < oldest))
            connection.execute(review_sessions.insert().values(row))

    await state.decisions.run(write, state.settings.request_timeout_s)
    return token


async def end(request: Request) -> None:
    """End the session of this browser; its token is worth nothing from now on."""
    state, token = app_state(request), request.cookies.get(_COOKIE, "")

    def remove(database: Database) -> None:
        with database.writing() as connection:
            connection.execute(review_sessions.delete().where(review_sessions.c.token_digest == _digest(token)))

    await state.decisions.run(remove, state.settings.request_timeout_s)


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Give the browser its token; an empty one takes it away."""
    hours = app_state(request).settings.review_session_hours if token else 0
    response.set_cookie(
        _COOKIE,
        token,
        max_age=int(hours * 3600),
        path="/",
        secure=request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https",
        httponly=True,
        samesite="strict",
    )


def _look_up(database: Database, token: str, state: AppState) -> tuple[Session, KeyEntry | None] | None:
    """The session of a token, with the key that it began with."""
    table, now = review_sessions, datetime.now(UTC)
    is_this_one = table.c.token_digest == _digest(token)
    with database.reading() as connection:
        row = connection.execute(sa.select(table).where(is_this_one)).mappings().one_or_none()
    longest = timedelta(hours=state.settings.review_session_hours)
    if row is None or now - row["created_at"] > longest or now - row["seen_at"] > longest * _IDLE_SHARE:
        return None
    is_lead, entry = row["is_lead"], None
    if state.keys is not None:
        entry = None if row["key_id"] is None else state.keys.by_id(row["key_id"])
        if entry is None or not may_review(entry):
            return None
        is_lead = "admin" in entry.scopes
    if now - row["seen_at"] > _SEEN_EVERY:
        with database.writing() as connection:
            connection.execute(table.update().where(is_this_one).values(seen_at=now))
    return Session(row["reviewer"], row["key_name"], is_lead, row["csrf"]), entry


def may_review(entry: KeyEntry) -> bool:
    """Whether a key opens the reviewer's page."""
    return not {"review", "admin"}.isdisjoint(entry.scopes)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""ASGI middleware that checks API keys, their scopes and their rates, before any body is read.

It lies inside ``RequestMiddleware``, which answers what is raised here.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.app_state import AppState, app_state
from serving.http.credentials import key_of
from serving.perspective import paths as perspective
from serving.problems import ProblemError
from serving.requests.context import request_context
from serving.security.addresses import is_local
from serving.security.keys import KeyEntry, KeyScope
from serving.security.rate_limit import RateLimiter
from serving.web.problems import is_page

#: An orchestrator's probes carry no key, and a status alone tells nothing.
_HEALTH = ("/livez", "/readyz")
_METRICS = "/metrics"
_DOCS = ("/openapi.json", *perspective.DISCOVERY)
_STATIC = "/static/"
#: What a reviewer reads and writes, below and at these paths.
_REVIEW = ("/v1/feedback", "/v1/decisions", perspective.SUGGEST_SCORE)
#: What takes no meme rate, and disk: a right of its own.
_JOBS = "/v1/jobs"
#: What changes or looks through what is kept for everybody.
_ADMIN = ("/v1/banks", "/v1/search", "/v1/memory")
_HOW_TO_OPEN = (
    "this server answers callers from beyond its own machine only with API keys: make one with "
    "`memeguard keys create NAME` and set MEMEGUARD_KEYS_FILE, or set MEMEGUARD_ALLOW_ANONYMOUS=true"
)


class AuthMiddleware:
    """ASGI middleware. Fills in ``key_name``, ``is_admin``, ``knows_caller`` and ``rate_limiter``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or raise ``ProblemError`` 401, 403, 429 or 431."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state, context = app_state(scope), request_context(scope)
        _check_header_bytes(scope, state.settings.max_header_bytes)
        entry = _authenticated(scope, state)
        context.key_name = entry.name if entry else None
        context.is_admin = entry is not None and "admin" in entry.scopes
        context.knows_caller = _knows_caller(entry, scope, state)
        context.rate_limiter = limiter = RateLimiter(state.buckets, entry)
        limiter.count_request()

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *limiter.headers()]
            await send(message)

        await self._app(scope, receive, send_with_limits)


def _check_header_bytes(scope: Scope, limit: int) -> None:
    """The size as sent: the request line, and each header with its colon, space and line end."""
    line = len(scope["method"]) + len(scope.get("raw_path", b"")) + len(scope["query_string"]) + len("  ? HTTP/1.1")
    if line + sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > limit:
        raise ProblemError(
            431,
            "headers_too_large",
            f"request line and headers are over the limit of {limit} bytes",
            {"Connection": "close"},
        )


def _authenticated(scope: Scope, state: AppState) -> KeyEntry | None:
    """Whose key came along; None where none is needed. Raises ``ProblemError`` 401 or 403."""
    path = scope["path"]
    if state.keys is None:
        if path in _HEALTH or _may_be_anonymous(scope, state):
            return None
        raise ProblemError(403, "keys_required", _HOW_TO_OPEN)
    key = key_of(scope)
    entry = state.keys.find(key) if key else None
    if path in _open_paths(state) or is_page(path) or path.startswith(_STATIC):
        return entry  # pages ask who is signed in
    if entry is None:
        # One answer for a key that is missing, unknown or revoked.
        raise ProblemError(
            401,
            "key_needed",
            "send a valid API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`",
            {"WWW-Authenticate": 'Bearer realm="memeguard"'},
        )
    needed = _scope_of(scope["method"], path)
    if needed not in (None, *entry.scopes):
        raise ProblemError(403, "scope_missing", f"this key lacks the scope {needed!r}, which this route needs")
    return entry


def _open_paths(state: AppState) -> tuple[str, ...]:
    """Where a server with keys asks for none."""
    metrics = () if state.settings.protect_metrics else (_METRICS,)
    docs = () if state.settings.protect_docs else _DOCS
    return (*_HEALTH, *metrics, *docs)


def _scope_of(method: str, path: str) -> KeyScope | None:
    """What a key must be allowed to do; None: any key will do. A path that is no route tells nothing to strangers."""
    if path in _DOCS:
        return None
    if path == _METRICS:
        return "metrics"
    if path == _JOBS or path.startswith(f"{_JOBS}/"):
        return "jobs"  # one's own are deleted too
    if method == "DELETE" or path.startswith(_ADMIN):
        return "admin"  # what is deleted is gone from the ledger and from training
    return "feedback" if path.startswith(_REVIEW) else "classify"


def _may_be_anonymous(scope: Scope, state: AppState) -> bool:
    return state.settings.allow_anonymous or is_local(scope.get("server"))


def _knows_caller(entry: KeyEntry | None, scope: Scope, state: AppState) -> bool:
    """Whether details of this server may be told: to a key, and without keys to whoever may call at all."""
    return _may_be_anonymous(scope, state) if state.keys is None else entry is not None

"""ASGI middleware that surrounds every route: request id, deadline, errors as problem documents, metrics, a log line.

Not Starlette's ``BaseHTTPMiddleware``, so that a body is measured while it is read and not after (``body_limits``).
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.app_state import AppState, app_state
from serving.http.body_limits import LimitedReceive
from serving.inference.admission import stopping
from serving.observability.logs import Event, log_crash
from serving.observability.route_template import route_template
from serving.openai import errors as openai_errors
from serving.perspective import errors as perspective_errors
from serving.perspective import paths as perspective
from serving.problems import ProblemError, internal_error
from serving.requests.context import RequestContext
from serving.web.problems import is_page, problem_page

logger = logging.getLogger("memeguard.access")

#: Asked for every few seconds by orchestrators and scrapers: counted, but not logged.
_QUIET_ROUTES = ("/livez", "/readyz", "/metrics")


class RequestMiddleware:
    """ASGI middleware. A route may raise ``ProblemError`` and need not know how it is answered."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = app_state(scope)
        deadline = time.monotonic() + state.settings.request_timeout_s
        context = RequestContext(uuid.uuid4().hex, deadline, route_template(scope, self._routes))
        scope.setdefault("state", {})["context"] = context
        record = RequestRecord(state, context, scope, receive, send)
        try:
            await self._app(scope, record.body.receive, record.send)
        except ProblemError as problem:
            await record.answer(problem, receive)
        except ClientDisconnect:  # nobody reads this answer, but the metrics should know
            await record.answer(ProblemError(400, "client_disconnected", "the request body is incomplete"), receive)
        except asyncio.CancelledError:
            reason = record.why_cancelled()
            if reason is None:
                raise
            await record.answer(reason, receive)
        except Exception as error:
            log_crash(logger, error, request_id=context.request_id)
            await record.answer(internal_error(), receive)
        finally:
            record.body.close()
            record.finish()


class RequestRecord:
    """What happens to one request: its body as it comes in, and its answer, which is counted and logged."""

    def __init__(self, state: AppState, context: RequestContext, scope: Scope, receive: Receive, send: Send) -> None:
        self._state = state
        self._context = context
        self._scope = scope
        self._send = send
        self._started = time.perf_counter()
        self._status = 0
        self._code: str | None = None
        self._task = asyncio.current_task()
        self._left = False
        self.body = LimitedReceive(scope, receive, state.settings, time.monotonic(), self._leave)

    def why_cancelled(self) -> ProblemError | None:
        """The answer where the work ends early and not the process: the caller left, or the grace of a stop is over."""
        if self._left and self._task is not None:
            self._task.uncancel()
            return ProblemError(400, "client_disconnected", "the caller left before the answer")
        return stopping() if self._state.admission.stopping else None

    def _leave(self) -> None:
        if self._status == 0 and self._task is not None:
            self._left = True
            self._task.cancel()

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the request's id in its head."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [*message.get("headers", []), (b"x-request-id", self._context.request_id.encode())]
            # Google's client keeps its connection, and fails where uvicorn closed it after 5 s without a request.
            is_last = self._state.admission.stopping or self._scope["path"] in perspective.PATHS
            if is_last and not any(name.lower() == b"connection" for name, _ in headers):
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        await self._send(message)

    async def answer(self, problem: ProblemError, receive: Receive) -> None:
        """Answer with a problem document, a page with one, unless an answer has already begun."""
        self._code = problem.code
        self._state.metrics.saw_error(problem.code)
        if self._status == 0:
            await self._told(problem)(self._scope, receive, self.send)

    def _told(self, problem: ProblemError) -> Response:
        path, request_id = self._scope["path"], self._context.request_id
        if is_page(path):
            return problem_page(Request(self._scope), problem, request_id)
        # At most one of them knows the path.
        extra = openai_errors.extra_members(path, problem) | perspective_errors.extra_members(path, problem)
        return problem.response(request_id, extra)

    def finish(self) -> None:
        """Count the answer and log it."""
        seconds = time.perf_counter() - self._started
        route = self._context.route
        self._state.metrics.saw_request(route, self._status, seconds)
        if route not in _QUIET_ROUTES:
            logger.info(
                Event(
                    "answered",
                    request_id=self._context.request_id,
                    route=route,
                    status=self._status,
                    code=self._code,
                    ms=round(seconds * 1000, 1),
                    key=self._context.key_name,
                )
            )

"""What surrounds every route: request id, deadline, errors as problem documents, metrics and one log line.

Pure ASGI, so that a body is measured while it is read and not after (``intake.py``).
"""

import asyncio
import logging
import time
import uuid

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.body_limits import LimitedReceive
from serving.inference.admission import stopping
from serving.inference.classifier import Desk
from serving.observability.logs import Event, frames
from serving.observability.route_template import route_name
from serving.openai.errors import extra_members
from serving.problems import ProblemError

logger = logging.getLogger("memeguard.access")

#: Asked for every few seconds by orchestrators and scrapers: counted, but not logged.
_QUIET_ROUTES = ("/livez", "/readyz", "/metrics")


class RequestMiddleware:
    """ASGI middleware. A route may raise ``ProblemError`` and need not know how it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = RequestRecord(scope["app"].state.desk, scope, receive, send)
        try:
            await self._app(scope, visit.intake.receive, visit.send)
        except ProblemError as problem:
            await visit.answer(problem, receive)
        except ClientDisconnect:  # nobody reads this answer, but the metrics should know
            await visit.answer(ProblemError(400, "client_disconnected", "the request body is incomplete"), receive)
        except asyncio.CancelledError:
            reason = visit.why_cancelled()
            if reason is None:
                raise
            await visit.answer(reason, receive)
        except Exception as error:
            visit.log_crash(error)
            await visit.answer(ProblemError(500, "internal_error", "this is our fault; it was logged"), receive)
        finally:
            visit.intake.close()
            visit.record()


class RequestRecord:
    """One request on its way through."""

    def __init__(self, desk: Desk, scope: Scope, receive: Receive, send: Send) -> None:
        self._desk = desk
        self._scope = scope
        self._send = send
        self._started = time.perf_counter()
        self._id = uuid.uuid4().hex
        self._status = 0
        self._code: str | None = None
        self._task = asyncio.current_task()
        self._left = False
        arrived = time.monotonic()
        self.intake = LimitedReceive(scope, receive, desk.settings, arrived, self._leave)
        scope.setdefault("state", {})["request_id"] = self._id
        scope["state"]["deadline"] = arrived + desk.settings.request_timeout_s

    def why_cancelled(self) -> ProblemError | None:
        """The answer where the work ends early and not the process: the caller left, or the grace of a stop is over."""
        if self._left and self._task is not None:
            self._task.uncancel()
            return ProblemError(400, "client_disconnected", "the caller left before the answer")
        return stopping() if self._desk.admission.stopping else None

    def _leave(self) -> None:
        if self._status == 0 and self._task is not None:
            self._left = True
            self._task.cancel()

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the request's id in its head."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [*message.get("headers", []), (b"x-request-id", self._id.encode())]
            if self._desk.admission.stopping and not any(name.lower() == b"connection" for name, _ in headers):
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        await self._send(message)

    async def answer(self, problem: ProblemError, receive: Receive) -> None:
        """Answer with a problem document, unless an answer has already begun."""
        self._code = problem.code
        self._desk.metrics.saw_error(problem.code)
        if self._status == 0:
            extra = extra_members(self._scope["path"], problem)
            await problem.response(self._id, extra)(self._scope, receive, self.send)

    def log_crash(self, error: Exception) -> None:
        """Log where it happened, without the exception's message: that may hold what was sent."""
        logger.error(Event(f"crashed with {type(error).__name__}", request_id=self._id, stack=frames(error)))

    def record(self) -> None:
        """Count the answer and log it."""
        seconds = time.perf_counter() - self._started
        route = route_name(self._scope)
        self._desk.metrics.saw_request(route, self._status, seconds)
        if route not in _QUIET_ROUTES:
            logger.info(
                Event(
                    "answered",
                    request_id=self._id,
                    route=route,
                    status=self._status,
                    code=self._code,
                    ms=round(seconds * 1000, 1),
                    key=self._scope["state"].get("key_name"),
                )
            )

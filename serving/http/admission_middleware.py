"""ASGI middleware that takes on a request or refuses it, before its body is read."""

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.app_state import app_state
from serving.http.body_limits import declared_length, is_streamed
from serving.requests.context import request_context

#: Bodies of these are never read, and what they ask for is cheap: health, readiness and metrics are never refused.
_FREE_METHODS = ("GET", "HEAD", "OPTIONS")


class AdmissionMiddleware:
    """ASGI middleware: no request's body is read before there is room for it. Fills in ``hold_fetched``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http" or scope["method"] in _FREE_METHODS:
            await self._app(scope, receive, send)
            return
        admission = app_state(scope).admission
        if admission.stopping:
            await _read_and_forget(receive)
        streamed = is_streamed(scope)
        n_bytes = 0 if streamed else declared_length(scope)
        with admission.request(n_bytes, streamed=streamed) as reservation, admission.may_be_ended():
            request_context(scope).hold_fetched = reservation.hold_fetched
            await self._app(scope, receive if streamed else reservation.counted(receive), send)


async def _read_and_forget(receive: Receive) -> None:
    """Read a body to its end: closing before that would break the connection, and the caller would miss the answer."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)

"""HTTP's methods beyond those that routes name: HEAD wherever GET is, and what a path allows where one is refused."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_GET, _HEAD = "GET", "HEAD"


class HeadMiddleware:
    """ASGI middleware that answers HEAD as GET is answered, without the body. What lies inside it sees GET."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != _HEAD:
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        await self._app({**scope, "method": _GET}, receive, send_head)


def allowed_methods(scope: Scope, routes: Iterable[BaseRoute]) -> str:
    """The header Allow: what can be asked of the path of ``scope``."""
    found = {
        method
        for route in routes
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return ", ".join(sorted(found | {_HEAD} if _GET in found else found))

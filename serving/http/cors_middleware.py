"""ASGI middleware that lets pages of other origins call from a browser (CORS), where the operator lists those origins.

It lies outside everything else: refusals carry its headers too, and a preflight, which has no key, needs none.
"""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.app_state import app_state

_METHODS = ("GET", "HEAD", "POST", "DELETE")
#: What a page may read of an answer beside its body.
_EXPOSED = ("X-Request-ID", "Retry-After", "RateLimit", "RateLimit-Policy", "Allow", "WWW-Authenticate")


class CorsMiddleware:
    """ASGI middleware: Starlette's, made at the first request, because settings are read when the app starts.

    Cookies are never allowed: callers are known by a key in a header, and every header may be sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._with_cors: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._with_cors is None:
            origins = app_state(scope).settings.cors_origins
            self._with_cors = self._allowing(origins) if origins else self._app
        await self._with_cors(scope, receive, send)

    def _allowing(self, origins: tuple[str, ...]) -> ASGIApp:
        return CORSMiddleware(
            self._app, allow_origins=origins, allow_methods=_METHODS, allow_headers=("*",), expose_headers=_EXPOSED
        )

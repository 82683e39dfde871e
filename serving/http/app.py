"""The HTTP interface, as an ASGI app: its routes, what surrounds them, and when its parts start and stop."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serving.app_state import AppState
from serving.http.admission_middleware import AdmissionMiddleware
from serving.http.auth_middleware import AuthMiddleware
from serving.http.cors_middleware import CorsMiddleware
from serving.http.graceful_shutdown import stop_gracefully
from serving.http.methods import HeadMiddleware, allowed_methods
from serving.http.openapi import complete_openapi
from serving.http.request_middleware import RequestMiddleware
from serving.openai import route as moderations
from serving.perspective import discovery
from serving.perspective import route as comments
from serving.problems import ProblemError
from serving.review.pages import items, leads, queues, shadow, sign_in
from serving.routes import banks, catalogue, classify, feedback, jobs, match, operations, search
from serving.signals import coop, pict_rs
from serving.web import home, static_files, try_it

#: Of the interface, not of the package: a built bento holds no package metadata.
API_VERSION = "1.0"
_METHOD_NOT_ALLOWED = 405
#: Routes of pages for people; none of them is in the OpenAPI document.
_PAGES = (home, static_files, sign_in, queues, items, leads, shadow, try_it)
_HTTP_CODES = {404: "not_found", _METHOD_NOT_ALLOWED: "method_not_allowed"}


class MemeguardAPI(FastAPI):
    """Our app; its document is complete."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made at the first call."""
        return self.openapi_schema or complete_openapi(super().openapi())


def create_app(open_state: Callable[[], AppState]) -> FastAPI:
    """The app. ``open_state`` is called once, when the app starts; nothing is read or loaded before."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        _let_our_log_lines_through()
        state = app.state.app_state = await to_thread.run_sync(open_state)
        await state.start()
        stop_gracefully(state.admission, state.settings.grace_s)
        yield
        await state.stop()

    app = MemeguardAPI(
        title="Memeguard",
        version=API_VERSION,
        description="Scores memes for hate: a picture and its words in, a verdict with its evidence out. "
        "HEAD is answered wherever GET is. No compressed request body is read.",
        lifespan=lifespan,
        redirect_slashes=False,
        # Swagger's and ReDoc's pages load scripts from elsewhere; any viewer opens /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    judging = (classify, moderations, comments, coop, pict_rs, jobs)
    interface = (*judging, discovery, catalogue, feedback, match, search, banks, operations)
    routers = [module.router for module in (*interface, *_PAGES)]
    routes = [*app.routes, *(route for router in routers for route in router.routes)]
    app.add_middleware(AdmissionMiddleware)
    app.add_middleware(AuthMiddleware)
    app.add_middleware(RequestMiddleware, routes=routes)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(CorsMiddleware)  # what is added last is outermost

    async def as_problem(request: Request, error: HTTPException) -> Response:
        """Starlette's own 404 and 405, raised again in our shape for ``RequestMiddleware`` to answer."""
        code = _HTTP_CODES.get(error.status_code, "http_error")
        headers = dict(error.headers or {})
        if (
            error.status_code == _METHOD_NOT_ALLOWED
        ):  # Starlette names the methods of one route, and a path may have two
            headers["Allow"] = allowed_methods(request.scope, routes)
        raise ProblemError(error.status_code, code, error.detail, headers) from error

    async def as_invalid(_: Request, error: RequestValidationError) -> Response:
        """A parameter that is none, named and never repeated."""
        first = error.errors()[0]
        raise ProblemError(422, "invalid_request", f"{first['loc'][-1]}: {first['msg']}") from None

    app.exception_handler(HTTPException)(as_problem)
    app.exception_handler(RequestValidationError)(as_invalid)
    for router in routers:
        app.include_router(router)
    return app


def _let_our_log_lines_through() -> None:
    """BentoML's root logger stops at WARNING; ours say INFO, and a form parser's remarks on bad bytes say nothing."""
    logging.getLogger("memeguard").setLevel(logging.INFO)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)

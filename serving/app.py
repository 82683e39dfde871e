"""The HTTP interface, as an ASGI app: routes, and what OpenAPI says of them."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from serving.desk import Desk
from serving.problems import PROBLEM_TYPE, ProblemError
from serving.reception import Reception
from serving.schemas import ProblemDoc, ReadinessDoc, ResultsDoc, VerdictDoc, classify_request_body

#: Of the interface, not of the package: a built bento holds no package metadata.
API_VERSION = "1.0"
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}


def create_app(open_desk: Callable[[], Desk]) -> FastAPI:
    """The app. ``open_desk`` is called once, when the app starts; nothing is read or loaded before."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        _let_our_log_lines_through()
        app.state.desk = await to_thread.run_sync(open_desk)
        yield

    app = FastAPI(
        title="Memeguard",
        version=API_VERSION,
        description="Scores memes for hate: a picture and its words in, a verdict with its evidence out.",
        lifespan=lifespan,
        redirect_slashes=False,
        # Swagger's and ReDoc's pages load scripts from elsewhere; any viewer opens /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(Reception)
    app.exception_handler(HTTPException)(_as_problem)
    _add_health_routes(app)
    _add_classify_route(app)
    return app


def _add_classify_route(app: FastAPI) -> None:
    @app.post(
        "/v1/classify",
        operation_id="classify",
        summary="Judge one picture or several",
        response_model=None,
        responses={200: {"model": VerdictDoc | ResultsDoc}, **_problems(400, 413, 415, 422, 500, 503)},
        openapi_extra={"requestBody": classify_request_body()},
    )
    async def classify(request: Request) -> Response:
        """One picture gets its verdict. Several (or JSON with ``items``) get ``results`` in the order sent.

        In ``results`` a bad item gets an error of its own and the others their verdicts.
        """
        desk: Desk = request.app.state.desk
        body = await request.body()
        content_type = request.headers.get("content-type")
        return await to_thread.run_sync(lambda: JSONResponse(desk.answer(content_type, body)), limiter=desk.limiter)


def _add_health_routes(app: FastAPI) -> None:
    @app.get("/livez", operation_id="livez", response_class=PlainTextResponse)
    async def livez() -> str:
        """200 while the process answers."""
        return "ok\n"

    @app.get(
        "/readyz",
        operation_id="readyz",
        response_model=ReadinessDoc,
        responses={503: {"model": ReadinessDoc, "description": "A part is missing; problems names it"}},
    )
    async def readyz(request: Request) -> Response:
        """200 when the model is loaded, and the OCR engine and execution provider are those asked for."""
        readiness = await to_thread.run_sync(request.app.state.desk.readiness)
        return JSONResponse(readiness.model_dump(mode="json"), status_code=200 if readiness.ready else 503)

    @app.get("/metrics", operation_id="metrics", response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Prometheus metrics of all workers."""
        content = await to_thread.run_sync(request.app.state.desk.metrics.exposition)
        return Response(content, media_type=CONTENT_TYPE_LATEST)


async def _as_problem(_: Request, error: HTTPException) -> Response:
    """Starlette's own 404 and 405, raised again in our shape for ``Reception`` to answer."""
    code = _HTTP_CODES.get(error.status_code, "http_error")
    raise ProblemError(error.status_code, code, error.detail, dict(error.headers or {})) from error


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": "#/components/schemas/ProblemDoc"}
    # Naming the model under one media type puts it among the components.
    return {status: {"model": ProblemDoc, "content": {PROBLEM_TYPE: {"schema": schema}}} for status in statuses}


def _let_our_log_lines_through() -> None:
    """BentoML's root logger stops at WARNING; ours say INFO, and a form parser's remarks on bad bytes say nothing."""
    logging.getLogger("memeguard").setLevel(logging.INFO)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)

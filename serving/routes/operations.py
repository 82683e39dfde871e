"""``GET /livez``, ``GET /readyz`` and ``GET /metrics``: what orchestrators and scrapers ask."""

from anyio import to_thread
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, PlainTextResponse, Response

from serving.app_state import app_state
from serving.requests.context import request_context
from serving.schemas import ReadinessDoc

router = APIRouter()


@router.get("/livez", operation_id="livez", response_class=PlainTextResponse)
async def livez() -> str:
    """200 while the process answers."""
    return "ok\n"


@router.get(
    "/readyz",
    operation_id="readyz",
    response_model=ReadinessDoc,
    responses={503: {"model": ReadinessDoc, "description": "A part is missing; problems names it"}},
)
async def readyz(request: Request) -> Response:
    """200 when the model is loaded, and the OCR engine and execution provider are those asked for.

    Without a key, on a server that has keys, only ``ready`` is told: versions and paths are an operator's business.
    """
    readiness = await to_thread.run_sync(app_state(request).readiness)
    shown = readiness if request_context(request).knows_caller else readiness.without_details()
    return JSONResponse(shown.model_dump(mode="json"), status_code=200 if readiness.ready else 503)


@router.get("/metrics", operation_id="metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Prometheus metrics of all workers."""
    content = await to_thread.run_sync(app_state(request).metrics.exposition)
    return Response(content, media_type=CONTENT_TYPE_LATEST)

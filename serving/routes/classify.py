"""``POST /v1/classify``: one meme or many, a verdict or an error each."""

import time

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from serving.asking import Asking
from serving.desk import Desk
from serving.routes.documents import problems
from serving.schemas import ResultsDoc, VerdictDoc, classify_request_body
from serving.submission import parse_body

router = APIRouter()


@router.post(
    "/v1/classify",
    operation_id="classify",
    summary="Judge one picture or several",
    response_model=None,
    responses={200: {"model": VerdictDoc | ResultsDoc}, **problems(400, 413, 415, 422, 500, 503)},
    openapi_extra={"requestBody": classify_request_body()},
)
async def classify(request: Request) -> Response:
    """One picture gets its verdict. Several (or JSON with ``items``) get ``results`` in the order sent.

    In ``results`` a bad item gets an error of its own and the others their verdicts.
    """
    desk: Desk = request.app.state.desk
    asking = Asking(deadline=time.monotonic() + desk.settings.request_timeout_s, request_id=request.state.request_id)
    content_type, body = request.headers.get("content-type"), await request.body()
    order = await desk.run(lambda: parse_body(content_type, body, desk.settings.max_items))
    if order.many:
        return JSONResponse({"results": [one.to_dict() for one in await desk.verdicts(order.items, asking)]})
    (item,) = order.items
    return JSONResponse((await desk.verdict(item, asking)).to_dict())

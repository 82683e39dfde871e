"""``POST /v1/classify``: one meme or many, a verdict or an error each."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from serving.inference.classifier import Desk
from serving.inference.image_fetcher import with_pictures
from serving.requests.classify_body import parse_body
from serving.requests.context import asking_of
from serving.schemas import ResultsDoc, VerdictDoc, classify_request_body
from serving.schemas.examples import CLASSIFY_REQUESTS, VERDICT
from serving.schemas.responses import example, problems

router = APIRouter()


@router.post(
    "/v1/classify",
    operation_id="classify",
    summary="Judge one meme or several",
    response_model=None,
    responses={200: {"model": VerdictDoc | ResultsDoc, **example(VERDICT)}, **problems(400, 413, 415, 422)},
    openapi_extra={"requestBody": classify_request_body(CLASSIFY_REQUESTS)},
)
async def classify(request: Request) -> Response:
    """One meme gets its verdict. Several pictures (or JSON with ``items``) get ``results`` in the order sent.

    In ``results`` a bad item gets an error of its own and the others their verdicts.
    """
    desk: Desk = request.app.state.desk
    content_type, body = request.headers.get("content-type"), await request.body()
    order = await desk.run(lambda: parse_body(content_type, body, desk.settings))
    desk.parts.policies.get(order.policy)  # a name that there is not is the fault of the request, not of its items
    request.state.meter.count_memes(len(order.items))
    asking = asking_of(request, order.policy, order.explain)
    items = await with_pictures(desk.fetcher, order.items, asking)
    if order.many:
        return JSONResponse({"results": [one.to_dict() for one in await desk.verdicts(items, asking)]})
    (item,) = items
    return JSONResponse((await desk.verdict(item, asking)).to_dict())

"""``POST /v1/classify``: one meme or many, a verdict or an error each."""

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from model import Failure, Verdict
from serving.app_state import app_state
from serving.inference.image_fetcher import with_pictures
from serving.problems import ProblemError
from serving.requests.body import whole_body
from serving.requests.classify_body import BadItem, Item, ItemPlaces
from serving.requests.classify_parser import parse_body
from serving.requests.context import request_context
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
    state, context = app_state(request), request_context(request)
    content_type, body = request.headers.get("content-type"), await whole_body(request)
    classifier = state.classifier
    asked = await classifier.pipeline.run(lambda: parse_body(content_type, body, state.settings))
    policy = classifier.policies.get(asked.policy)
    context.rate_limiter.count_memes(len(asked.items))
    items = await with_pictures(state.fetcher, asked.items, context)
    if asked.many:
        results = await classifier.classify_many(items, context, policy, explain=asked.explain)
        named = map(_with_place, results, asked.items, asked.places)
        return JSONResponse({"results": [result.to_dict() for result in named]})
    (item,) = items
    try:
        return JSONResponse((await classifier.classify(item, context, policy, explain=asked.explain)).to_dict())
    except ProblemError as problem:
        raise problem.at(asked.places[0].of(problem.code)) from problem


def _with_place(result: Verdict | Failure, item: Item, places: ItemPlaces) -> Verdict | Failure:
    """``result`` of one of several items: of an error it is told which member of which item it is about."""
    if isinstance(result, Verdict) or isinstance(item, BadItem):
        return result
    return replace(result, message=f"{places.of(result.code)}: {result.message}")

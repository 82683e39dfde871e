"""``POST /v1/match``: which entries of the banks a meme is, without a judgement."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from model.known.fingerprint import Fingerprint
from serving.app_state import AppState, app_state
from serving.inference.image_fetcher import with_pictures
from serving.known.bank_follower import BankFollower
from serving.problems import ProblemError
from serving.requests.body import whole_body
from serving.requests.classify_body import BadItem, ClassifyRequest
from serving.requests.classify_parser import parse_body
from serving.requests.context import RequestContext, request_context
from serving.schemas.banks import MatchesDoc, match_request_body
from serving.schemas.examples import CLASSIFY_REQUESTS
from serving.schemas.responses import problems

router = APIRouter()
_Banks = Annotated[list[str] | None, Query(description="Only the bank of this name; may be repeated.")]


@router.post(
    "/v1/match",
    operation_id="match",
    summary="Ask the banks of known memes for one",
    response_model=MatchesDoc,
    responses=problems(400, 404, 413, 415, 422, 500, 503),
    openapi_extra={"requestBody": match_request_body({"words": CLASSIFY_REQUESTS["words"]})},
)
async def match(request: Request, bank: _Banks = None) -> Response:
    """A picture, words, or both, as for ``/v1/classify``; the words of a picture are read where they are not given.

    Nothing is judged, kept or counted.
    """
    state, context = app_state(request), request_context(request)
    banks = known_banks(state)
    asked = await only_meme_of(request, state)
    ((id, fingerprint),) = await fingerprints_of(asked, state, context)
    answer = await state.classifier.pipeline.run(lambda: banks.answer(fingerprint, bank or banks.names))
    if answer.missing:
        raise unknown_bank()
    document = MatchesDoc.model_validate(
        {"id": id or context.request_id, "matches": [one.to_dict() for one in answer.matches]}
    )
    return JSONResponse(document.model_dump(mode="json"))


def known_banks(state: AppState) -> BankFollower:
    """The banks of this worker; raises ``ProblemError`` 503 where there is no ledger to hold any."""
    if state.banks is None:
        raise ProblemError(
            503, "ledger_off", "this server has no banks: its ledger is switched off (MEMEGUARD_LEDGER_URL=none)"
        )
    return state.banks


def unknown_bank() -> ProblemError:
    """The answer to the name of no bank."""
    return ProblemError(404, "unknown_bank", "there is no such bank; GET /v1/banks names those that there are")


async def memes_of(request: Request, state: AppState) -> ClassifyRequest:
    """The memes of a body as ``/v1/classify`` takes it; raises ``ProblemError``."""
    content_type, body = request.headers.get("content-type"), await whole_body(request)
    return await state.classifier.pipeline.run(lambda: parse_body(content_type, body, state.settings))


async def only_meme_of(request: Request, state: AppState) -> ClassifyRequest:
    """``memes_of`` for a route that takes one; raises ``ProblemError`` 413 for several."""
    asked = await memes_of(request, state)
    if len(asked.items) > 1:
        raise ProblemError(413, "too_many_items", f"{len(asked.items)} memes in one request; send one at a time")
    return asked


async def fingerprints_of(
    asked: ClassifyRequest, state: AppState, context: RequestContext
) -> list[tuple[str | None, Fingerprint]]:
    """By what each of the memes is known again, with the id that its caller gave it.

    Raises ``ProblemError`` for the first that is none.
    """
    context.rate_limiter.count_memes(len(asked.items))
    found: list[tuple[str | None, Fingerprint]] = []
    with state.admission.memes(len(asked.items)):
        items = await with_pictures(state.fetcher, asked.items, context)
        for item, places in zip(items, asked.places, strict=True):
            if isinstance(item, BadItem):
                raise item.problem
            try:
                found.append((item.id, await state.classifier.pipeline.fingerprint(item, context.deadline)))
            except ProblemError as problem:
                raise problem.at(places.of(problem.code)) from problem
    return found

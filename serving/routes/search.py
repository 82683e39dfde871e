"""``POST /v1/search``: past decisions about memes like one, by what the ledger kept of them."""

from dataclasses import asdict, replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from model.known.features import MemeFeatures
from model.projections.description import can_describe, description_of
from model.verdict import Judgement
from serving.app_state import AppState, app_state
from serving.index.ledger_search import LEDGER_WAYS, LedgerQuery, LedgerWay, query_of_decision, search_ledger
from serving.inference.image_fetcher import with_pictures
from serving.inference.pipeline import Pipeline
from serving.ledger.database import Database
from serving.ledger.ledger import Ledger
from serving.problems import ProblemError
from serving.requests.classify_body import BadItem, ClassifyInput
from serving.requests.context import RequestContext, request_context
from serving.routes.match import only_meme_of
from serving.schemas.examples import CLASSIFY_REQUESTS
from serving.schemas.responses import problems
from serving.schemas.search import SearchDoc, search_request_body

router = APIRouter()
_MOST = 100
_By = Annotated[LedgerWay | None, Query(description="In which way; absent: in the first that the query has.")]
_Like = Annotated[
    str | None, Query(max_length=200, description="A decision to look for others like; there is no body then.")
]
_Top = Annotated[int, Query(ge=1, le=_MOST, description="How many to tell of.")]


@router.post(
    "/v1/search",
    operation_id="search",
    summary="Find past decisions about memes like one",
    response_model=SearchDoc,
    responses=problems(400, 404, 413, 415, 422, 500, 503),
    openapi_extra={"requestBody": search_request_body({"words": CLASSIFY_REQUESTS["words"]})},
)
async def search(request: Request, like: _Like = None, by: _By = None, top: _Top = 20) -> Response:
    """By a picture, by words, or by a decision (``like``), over what the ledger kept: hashes and features.

    Nothing is kept or counted of the query.
    """
    state, context = app_state(request), request_context(request)
    ledger, scorer = state.decisions, state.classifier.scorer
    if like is not None:
        query = await _query_like(state, ledger, like)
    else:
        query = await _query_of_body(request, state, context, by)
    query = replace(query, description=description_of(scorer.bundle, query.features.text))
    way = _way(query, by, describable=can_describe(scorer.bundle))
    found = await ledger.run(
        lambda database: search_ledger(database, query, way, top),
        state.settings.request_timeout_s,
    )
    document = SearchDoc.model_validate({"by": way, "found": [asdict(one) for one in found]})
    return JSONResponse(document.model_dump(mode="json"))


async def _query_like(state: AppState, ledger: Ledger, decision_id: str) -> LedgerQuery:
    digest = state.classifier.scorer.bundle.digest

    def find(database: Database) -> LedgerQuery | None:
        with database.reading() as connection:
            return query_of_decision(connection, decision_id, digest)

    found = await ledger.run(find, state.settings.request_timeout_s)
    if found is None:
        raise ProblemError(404, "unknown_decision", "there is no such decision, or nothing was kept to find others by")
    return found


async def _query_of_body(
    request: Request, state: AppState, context: RequestContext, by: LedgerWay | None
) -> LedgerQuery:
    asked = await only_meme_of(request, state)
    context.rate_limiter.count_memes(1)
    with state.admission.memes(1):
        (item,) = await with_pictures(state.fetcher, asked.items, context)
        if isinstance(item, BadItem):
            raise item.problem
        judgement = await _judged(state.classifier.pipeline, item, context.deadline, by)
    known = judgement.fingerprint
    features = judgement.features or MemeFeatures(None, None)
    return LedgerQuery(features, None if known is None else known.pdq, state.classifier.scorer.bundle.digest)


async def _judged(pipeline: Pipeline, item: ClassifyInput, deadline: float, by: LedgerWay | None) -> Judgement:
    """What the towers see of a query. To read the words of a picture takes long: only where they are looked for."""
    if by in ("meaning", "description"):
        return await pipeline.judge(item, explain=False, deadline=deadline, fingerprint=True)
    return await pipeline.judge_picture(item, deadline)


def _way(query: LedgerQuery, asked: LedgerWay | None, *, describable: bool) -> LedgerWay:
    """How to look; raises ``ProblemError`` 422 where the query has nothing for that."""
    if asked == "description" and not describable:
        raise ProblemError(
            422,
            "cannot_search",
            "the towers of this bundle do not share a space, so a description finds no picture; that needs the bundle "
            "of an open_clip model",
        )
    ways = [way for way in LEDGER_WAYS if query.can(way)]
    if not ways or (asked is not None and asked not in ways):
        have = ", ".join(ways) or "nothing: a picture, or a bundle with features of words, is needed"
        raise ProblemError(
            422, "cannot_search", f"this query cannot be searched by {asked or 'anything'}; it has {have}"
        )
    return asked or ways[0]

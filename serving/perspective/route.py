"""``POST /v1alpha1/comments:analyze`` and ``comments:suggestscore``: the calls of the Perspective API."""

from collections.abc import Callable, Collection
from typing import TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from model import Policy
from serving.app_state import AppState, app_state
from serving.perspective.comment_judge import CommentJudge
from serving.perspective.errors import bad_requests
from serving.perspective.paths import ANALYZE, SUGGEST_SCORE
from serving.perspective.request import parse_analyze, parse_suggestion
from serving.perspective.response import answer_of, answer_to_nothing
from serving.perspective.suggestion import keep_suggestion
from serving.requests.body import whole_body
from serving.requests.context import request_context
from serving.schemas import PerspectiveProblemDoc
from serving.schemas.examples import COMMENT, COMMENT_REQUESTS, SUGGESTION_REQUESTS
from serving.schemas.perspective import (
    AnalyzeCommentDoc,
    AnalyzeCommentRequest,
    SuggestCommentScoreDoc,
    SuggestCommentScoreRequest,
    request_body,
)
from serving.schemas.requests import POLICY_HEADER, POLICY_PARAMETER
from serving.schemas.responses import example, problems
from serving.settings import Settings

router = APIRouter()
_ERRORS = problems(400, 415, 500, 503, document=PerspectiveProblemDoc.__name__)
_Parsed = TypeVar("_Parsed")
_Parser = Callable[[str | None, bytes, Settings, Collection[str]], _Parsed]


@router.post(
    ANALYZE,
    operation_id="analyze_comment",
    summary="Score a comment, in the shape of the Perspective API",
    response_model=AnalyzeCommentDoc,
    responses={200: example(COMMENT), **_ERRORS},
    openapi_extra={
        "requestBody": request_body(AnalyzeCommentRequest, COMMENT_REQUESTS),
        "parameters": [POLICY_PARAMETER],
    },
)
async def analyze(request: Request) -> Response:
    """Of its attributes ``IDENTITY_ATTACK`` is answered, by the score ``hateful``; any other one is unknown.

    With ``spanAnnotations`` each sentence is scored by itself too. ``doNotStore`` leaves nothing in the ledger.
    """
    state, context = app_state(request), request_context(request)
    with bad_requests():
        asked, policy = await _read(request, state, parse_analyze)
        if not asked.thresholds:
            return _json(answer_to_nothing(asked, policy))
        return _json(answer_of(asked, await CommentJudge(state, policy, context).judge(asked)))


@router.post(
    SUGGEST_SCORE,
    operation_id="suggest_comment_score",
    summary="Say what a comment's score should have been, in the shape of the Perspective API",
    response_model=SuggestCommentScoreDoc,
    responses=_ERRORS,
    openapi_extra={
        "requestBody": request_body(SuggestCommentScoreRequest, SUGGESTION_REQUESTS),
        "parameters": [POLICY_PARAMETER],
    },
)
async def suggest_score(request: Request) -> Response:
    """Kept as feedback on the last decision about the same words. Words that were never judged are judged first."""
    state, context = app_state(request), request_context(request)
    with bad_requests():
        said, policy = await _read(request, state, parse_suggestion)
        await keep_suggestion(state, said, policy, context)
    return _json(SuggestCommentScoreDoc(client_token=said.client_token))


async def _read(request: Request, state: AppState, parser: _Parser[_Parsed]) -> tuple[_Parsed, Policy]:
    """What a body says, and the policy that is to decide."""
    content_type, body = request.headers.get("content-type"), await whole_body(request)
    classifier = state.classifier
    tasks = [task.name for task in classifier.scorer.bundle.tasks]
    parsed = await classifier.pipeline.run(lambda: parser(content_type, body, state.settings, tasks))
    return parsed, classifier.policies.get(request.headers.get(POLICY_HEADER))


def _json(document: BaseModel) -> JSONResponse:
    """As protobuf's JSON is written: what has no value is left out."""
    return JSONResponse(document.model_dump(mode="json", by_alias=True, exclude_none=True))

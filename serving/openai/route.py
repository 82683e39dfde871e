"""``POST /v1/moderations``: OpenAI's moderation endpoint, with hate judged on pictures too."""

import re
import uuid

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from model import Verdict
from model.verdict import ModelRef
from serving.app_state import AppState, app_state
from serving.inference.concurrency import together
from serving.openai.post import JudgedPart, PostJudge
from serving.openai.request import ModerationRequest, parse_moderation
from serving.openai.response import result_of
from serving.problems import ProblemError
from serving.requests.body import whole_body
from serving.requests.context import request_context
from serving.schemas import OpenAIProblemDoc
from serving.schemas.examples import MODERATION_REQUESTS, MODERATIONS
from serving.schemas.moderations import ModerationsDoc, moderation_schema
from serving.schemas.requests import POLICY_HEADER, POLICY_PARAMETER
from serving.schemas.responses import example, problems

router = APIRouter()

#: What OpenAI calls its own models; the official client sends one of them when its user names none.
_OPENAI_MODELS = re.compile(r"(omni|text)-moderation-[\w.-]{1,100}", re.ASCII)
_EXTRA = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": moderation_schema(), "examples": MODERATION_REQUESTS}},
    },
    "parameters": [POLICY_PARAMETER],
}


@router.post(
    "/v1/moderations",
    operation_id="moderations",
    summary="Judge strings, or the pictures and words of one post, in OpenAI's shape",
    response_model=ModerationsDoc,
    responses={200: example(MODERATIONS), **problems(400, 404, 413, 415, document=OpenAIProblemDoc.__name__)},
    openapi_extra=_EXTRA,
)
async def moderations(request: Request) -> Response:
    """Strings get a result each; a list of parts gets one result for all of its pictures and words.

    Each picture is judged together with the words of the post and, again, with the words that are read from it; the
    highest score counts. Only the category ``hate`` is judged: ``category_applied_input_types`` is empty for the
    others, and their ``false`` and ``0`` say nothing. A part that could not be judged is named in
    ``memeguard.errors``, and its result is flagged for review.
    """
    state = app_state(request)
    content_type, body = request.headers.get("content-type"), await whole_body(request)
    try:
        run = state.classifier.pipeline.run
        asked = await run(lambda: parse_moderation(content_type, body, state.settings))
        document = await _answered(state, asked, request)
    except ProblemError as problem:
        if problem.status == 422:
            problem.status = 400  # what OpenAI's clients know as a bad request
        raise
    return JSONResponse(document.model_dump(mode="json"))


async def _answered(state: AppState, asked: ModerationRequest, request: Request) -> ModerationsDoc:
    classifier, context = state.classifier, request_context(request)
    model = classifier.scorer.model
    check_model(asked.model, model)
    policy = classifier.policies.get(asked.policy or request.headers.get(POLICY_HEADER))
    context.rate_limiter.count_memes(asked.n_memes)
    judge = PostJudge(state, policy, context)
    with state.admission.memes(asked.n_memes):
        judged = await together(judge.judge(post) for post in asked.posts)
    _check_any(judged)
    return ModerationsDoc(
        id=f"modr-{uuid.uuid4().hex}",
        model=model_id(model),
        results=[result_of(parts, policy) for parts in judged],
    )


def model_id(model: ModelRef) -> str:
    """How a model is called in OpenAI's shape."""
    return f"{model.name}-{model.version}"


def check_model(asked: str | None, model: ModelRef) -> None:
    """Raise ``ProblemError`` 404 for a name that is neither this model's nor one of OpenAI's own."""
    if asked is None or asked in (model.name, model_id(model)) or _OPENAI_MODELS.fullmatch(asked):
        return
    raise ProblemError(404, "model_not_found", f"there is no such model; this server has {model_id(model)}")


def _check_any(judged: list[list[JudgedPart]]) -> None:
    """With no judgement and an error, the error is the answer."""
    outcomes = [part.outcome for parts in judged for part in parts]
    problems_found = [outcome for outcome in outcomes if isinstance(outcome, ProblemError)]
    if problems_found and not any(isinstance(outcome, Verdict) for outcome in outcomes):
        raise problems_found[0]

"""``POST /v1/signals/pict-rs``: what pict-rs, and so Lemmy, asks of a picture before it is published.

pict-rs posts the picture's file as it is (``media.external_validation``). It takes any 2xx for yes, and refuses the
upload otherwise; it reads no body.
"""

from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from model import Verdict
from model.errors import MemeErrorCode
from serving.app_state import app_state
from serving.problems import ProblemError
from serving.requests.body import whole_body
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import request_context
from serving.schemas.requests import POLICY
from serving.schemas.responses import problems
from serving.schemas.signals import PictureAnswerDoc
from serving.schemas.verdict import ItemErrorDoc
from serving.signals.partly_judged import not_judged
from serving.signals.paths import PICT_RS

router = APIRouter()
_FILE = {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_SERVERS_FAULT = 500
#: Not of this picture: the caller sent nothing.
_EMPTY = "empty"


@router.post(
    PICT_RS,
    operation_id="signal_pict_rs",
    summary="Whether a picture may be published, as pict-rs asks",
    response_model=PictureAnswerDoc,
    responses=problems(400, 404, 413, 415, 422),
    openapi_extra={"requestBody": _FILE},
)
async def pict_rs(
    request: Request,
    review: Annotated[
        Literal["accept", "reject"],
        Query(description="What becomes of a picture that people should look at, or that could not be judged."),
    ] = "accept",
    policy: Annotated[str | None, Query(min_length=1, max_length=200, description=POLICY)] = None,
) -> Response:
    """200 lets the picture through, 422 refuses it. Its Content-Type is not believed: the bytes say what it is.

    What cannot be judged, or not all of it (a video, a damaged file, words that nobody could read), means review:
    ``judged`` is false. 503 is for what has to do with the server and not with the picture, which may be sent again.
    The key may come as the password of Basic, since the caller can only be told an address.
    """
    state, context = app_state(request), request_context(request)
    picture = await whole_body(request)
    chosen = state.classifier.policies.get(policy)
    context.rate_limiter.count_memes(1)
    try:
        answer = _told(await state.classifier.classify(ClassifyInput(picture), context, chosen))
    except ProblemError as problem:
        if not _is_of_picture(problem):
            raise
        state.metrics.saw_error(problem.code)
        answer = _unjudged(problem)
    if answer.decision == "block":
        raise _refused("blocked_by_policy", answer)
    if answer.decision == "review" and review == "reject":
        raise _refused("needs_review", answer)
    return JSONResponse(answer.model_dump(mode="json"))


def _told(verdict: Verdict) -> PictureAnswerDoc:
    part = not_judged(verdict)
    return PictureAnswerDoc(
        decision=verdict.decision,
        judged=part is None,
        decision_id=verdict.decision_id,
        reasons=list(verdict.policy.reasons),
        error=None if part is None else ItemErrorDoc(code=part.code, message=part.message),
    )


def _unjudged(problem: ProblemError) -> PictureAnswerDoc:
    error = ItemErrorDoc(code=problem.code, message=problem.detail)
    return PictureAnswerDoc(decision="review", judged=False, decision_id=None, reasons=[], error=error)


def _is_of_picture(problem: ProblemError) -> bool:
    return problem.status < _SERVERS_FAULT and problem.code in get_args(MemeErrorCode) and problem.code != _EMPTY


def _refused(code: str, answer: PictureAnswerDoc) -> ProblemError:
    unjudged = [] if answer.error is None else [f"not judged ({answer.error.message})"]
    why = "; ".join([*answer.reasons, *unjudged])
    named = "" if answer.decision_id is None else f" (decision {answer.decision_id})"
    return ProblemError(422, code, f"{answer.decision}: {why}{named}")

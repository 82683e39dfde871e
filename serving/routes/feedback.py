"""``POST /v1/feedback``, what reviewers say; ``/v1/decisions/{decision_id}``, for appeals and for deletion."""

import re

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from model.taxonomy import TASKS
from serving.app_state import app_state
from serving.ledger.feedback_labels import checked_labels
from serving.ledger.queries import Review
from serving.problems import ProblemError
from serving.requests.body import whole_body
from serving.requests.context import request_context
from serving.requests.json_body import json_object, validated
from serving.schemas.ledger import DecisionDoc, FeedbackDoc, FeedbackRequest, feedback_request_body
from serving.schemas.responses import problems

router = APIRouter()
_DECISION_ID = re.compile(r"[0-9a-f]{32}")
_MAX_VALUES = 10_000
_KNOWN = frozenset(FeedbackRequest.model_fields) | frozenset(TASKS)


@router.post(
    "/v1/feedback",
    operation_id="feedback",
    summary="Say what a decision should have been",
    status_code=201,
    response_model=FeedbackDoc,
    responses=problems(400, 404, 413, 415, 422, 500, 503),
    openapi_extra={"requestBody": feedback_request_body()},
)
async def feedback(request: Request) -> Response:
    """Several may be given for one decision: the last that names a task counts for it.

    Feedback that repeats the last one of its decision word for word is answered with that one.
    """
    state, context = app_state(request), request_context(request)
    ledger = state.decisions
    said = _parsed(request.headers.get("content-type"), await whole_body(request))
    labels = checked_labels(said.labels if said.labels is not None else {"hateful": said.label or ""})
    review = Review(_known_form(said.decision_id), labels, said.reason, said.reviewer, context.key_name)
    row = await ledger.feedback(review, state.settings.request_timeout_s)
    if row is None:
        raise _no_such_decision()
    return JSONResponse(FeedbackDoc.model_validate(row).model_dump(mode="json"), status_code=201)


@router.get(
    "/v1/decisions/{decision_id}",
    operation_id="decision",
    summary="What is kept of a decision",
    response_model=DecisionDoc,
    responses=problems(404, 500, 503),
)
async def decision(request: Request, decision_id: str) -> Response:
    """Scores, versions and feedback; the words only where the server keeps them."""
    state = app_state(request)
    row = await state.decisions.find(_known_form(decision_id), state.settings.request_timeout_s)
    if row is None:
        raise _no_such_decision()
    return JSONResponse(DecisionDoc.model_validate(row).model_dump(mode="json"))


@router.delete(
    "/v1/decisions/{decision_id}",
    operation_id="delete_decision",
    summary="Delete a decision",
    status_code=204,
    response_model=None,
    responses=problems(404, 500, 503),
)
async def delete_decision(request: Request, decision_id: str) -> Response:
    """With its feedback, and with its picture unless another decision is about the same one."""
    state = app_state(request)
    if not await state.decisions.delete(_known_form(decision_id), state.settings.request_timeout_s):
        raise _no_such_decision()
    return Response(status_code=204)


def _parsed(content_type: str | None, body: bytes) -> FeedbackRequest:
    return validated(FeedbackRequest, json_object(content_type, body, _MAX_VALUES), _KNOWN, "feedback")


def _known_form(decision_id: str) -> str:
    """The id, if it can be one of ours at all."""
    if not _DECISION_ID.fullmatch(decision_id):
        raise _no_such_decision()
    return decision_id


def _no_such_decision() -> ProblemError:
    return ProblemError(404, "unknown_decision", "there is no such decision; it was deleted, or never made here")

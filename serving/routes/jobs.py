"""``/v1/jobs``: batch runs that a caller sends or names an input for, asks after, cancels and reads the results of."""

import re
from typing import Any

from fastapi import APIRouter, Request
from python_multipart.multipart import parse_options_header
from starlette.responses import FileResponse, JSONResponse, Response

from serving.app_state import AppState, app_state
from serving.jobs.document import job_document
from serving.jobs.jobs import Jobs, no_such_job
from serving.jobs.policies import why_not
from serving.jobs.store import Visibility
from serving.problems import ProblemError
from serving.requests.context import RequestContext, request_context
from serving.requests.json_body import JSON, json_object, validated
from serving.schemas.jobs import JobDoc, JobOptions, JobRequest, JobsDoc, job_parameters, job_request_body
from serving.schemas.responses import problems

router = APIRouter()
_JOB_ID = re.compile(r"[0-9a-f]{32}")
_MAX_VALUES = 100
_MAX_JSON_BYTES = 64 * 1024
_JSON_LINES = "application/x-ndjson"


@router.post(
    "/v1/jobs",
    operation_id="create_job",
    summary="Judge many memes, as a job",
    status_code=202,
    response_model=JobDoc,
    responses=problems(400, 413, 415, 422, 429, 500, 503, 507),
    openapi_extra={"requestBody": job_request_body(), "parameters": job_parameters()},
)
async def create(request: Request) -> Response:
    """The body is the input, or JSON with its address. It is kept until the job has ended, its results longer."""
    state, context = app_state(request), request_context(request)
    jobs = _jobs(state)
    media_type = parse_options_header(request.headers.get("content-type"))[0]
    if media_type == JSON:
        if request.query_params:  # rather than to leave unread what was asked for
            detail = "options of a job whose input is fetched stand in its JSON, beside input_url, and not in the query"
            raise ProblemError(422, "invalid_body", detail)
        asked = await _linked(request)
        options = JobOptions(**asked.model_dump(exclude={"input_url"}))
        _check_policy(state, options)
        row = await jobs.link(asked.input_url, options, context.key_name)
    else:
        options = validated(JobOptions, dict(request.query_params), frozenset(JobOptions.model_fields), "query")
        _check_policy(state, options)
        row = await jobs.upload(request.stream(), media_type.decode("latin-1"), options, context.key_name)
    return _answer(row, 202, {"Location": f"/v1/jobs/{row['job_id']}"})


@router.get(
    "/v1/jobs",
    operation_id="jobs",
    summary="The jobs of this key",
    response_model=JobsDoc,
    responses=problems(500, 503),
)
async def list_jobs(request: Request) -> Response:
    """The newest first. A key with the scope admin sees those of every key."""
    rows = await _jobs(app_state(request)).list(_seen(request_context(request)))
    return JSONResponse(JobsDoc(jobs=[job_document(row) for row in rows]).model_dump(mode="json"))


@router.get(
    "/v1/jobs/{job_id}",
    operation_id="job",
    summary="How far a job is",
    response_model=JobDoc,
    responses=problems(404, 500, 503),
)
async def one_job(request: Request, job_id: str) -> Response:
    """Its state, its rows, and what went wrong."""
    return _answer(await _jobs(app_state(request)).find(*_named(request, job_id)))


@router.post(
    "/v1/jobs/{job_id}/cancel",
    operation_id="cancel_job",
    summary="Cancel a job",
    response_model=JobDoc,
    responses=problems(404, 500, 503),
)
async def cancel(request: Request, job_id: str) -> Response:
    """One that runs is cancelled within seconds; one that has ended is answered as it is. It has no results."""
    return _answer(await _jobs(app_state(request)).cancel(*_named(request, job_id)))


@router.delete(
    "/v1/jobs/{job_id}",
    operation_id="delete_job",
    summary="Delete a job that has ended",
    status_code=204,
    response_model=None,
    responses=problems(404, 409, 500, 503),
)
async def delete(request: Request, job_id: str) -> Response:
    """With its results."""
    await _jobs(app_state(request)).delete(*_named(request, job_id))
    return Response(status_code=204)


@router.get(
    "/v1/jobs/{job_id}/results",
    operation_id="job_results",
    summary="The results of a job",
    response_class=FileResponse,
    responses={
        200: {
            "description": "A line of JSON for each row, as for one meme of /v1/classify",
            "content": {_JSON_LINES: {}},
        },
        **problems(404, 409, 500, 503),
    },
)
async def results(request: Request, job_id: str) -> Response:
    """In the order of the input. A Range is answered with that part."""
    path = await _jobs(app_state(request)).results(*_named(request, job_id))
    return FileResponse(path, media_type=_JSON_LINES, filename=f"{job_id}.jsonl")


def _jobs(state: AppState) -> Jobs:
    if state.jobs is None:
        raise ProblemError(
            503,
            "jobs_off",
            "this server runs no jobs; its operator switches them on with MEMEGUARD_JOBS_FOLDER",
            {"Connection": "close"},
        )
    return state.jobs


def _check_policy(state: AppState, options: JobOptions) -> None:
    """Raise ``ProblemError`` 422 for a policy that cannot decide in a job, before anything is sent for nothing."""
    if reason := why_not(state.classifier.policies.get(options.policy)):
        raise ProblemError(422, "policy_not_for_jobs", reason)


async def _linked(request: Request) -> JobRequest:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON_BYTES:
            detail = f"the JSON of a job is over the limit of {_MAX_JSON_BYTES} bytes; an input is sent as another type"
            raise ProblemError(413, "body_too_large", detail, {"Connection": "close"})
    document = json_object(request.headers.get("content-type"), bytes(body), _MAX_VALUES)
    return validated(JobRequest, document, frozenset(JobRequest.model_fields), "job")


def _seen(context: RequestContext) -> Visibility:
    return Visibility(context.key_name, sees_all=context.is_admin)


def _named(request: Request, job_id: str) -> tuple[str, Visibility]:
    """The id, if it can be one of ours at all, and whose jobs the caller may see."""
    if not _JOB_ID.fullmatch(job_id):
        raise no_such_job()
    return job_id, _seen(request_context(request))


def _answer(row: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(job_document(row).model_dump(mode="json"), status_code=status, headers=headers)

"""Errors as OpenAI's clients read them, beside the problem document that every route answers with."""

from typing import Any

from serving.problems import ProblemError
from serving.schemas import OpenAIErrorDoc

#: What OpenAI's clients call; below it, one model.
_PATHS = ("/v1/moderations", "/v1/models")
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
}
#: The member of the request that an error is about, where it was not told its place and its code says so.
_PARAMS = {"model_not_found": "model", "unknown_policy": "policy", "too_many_items": "input"}


def extra_members(path: str, problem: ProblemError) -> dict[str, Any]:
    """What a problem document holds besides, on this path: the member that the official client shows."""
    if path not in _PATHS and not path.startswith("/v1/models/"):
        return {}
    error = OpenAIErrorDoc(
        message=problem.detail,
        type=_TYPES.get(problem.status, "invalid_request_error"),
        param=problem.place or _PARAMS.get(problem.code),
        code=problem.code,
    )
    return {"error": error.model_dump()}

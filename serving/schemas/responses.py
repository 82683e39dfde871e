"""OpenAPI's ``responses`` of errors and examples, for every route."""

from typing import Any

from serving.problems import PROBLEM_TYPE

_MEANINGS = {
    400: "The body or the picture is empty, damaged or malformed",
    401: "No valid API key, on a server that has keys",
    403: "This server wants keys, or this key may not do that",
    404: "There is no such thing",
    408: "The body did not arrive in time",
    409: "There is one of this name already",
    413: "Over a limit of size or number",
    415: "Not a picture that is read, or another kind of body",
    422: "Understood, but not valid",
    429: "Over the rate or the number of jobs of this key",
    431: "Request line and headers are over the limit",
    500: "A bug; it was logged",
    503: "The model is not loaded, a part is missing, or there is no time or room to answer",
    507: "There is no room on the disk",
}


def problems(*statuses: int, document: str = "ProblemDoc") -> dict[int | str, dict[str, Any]]:
    """Responses of a route that are problem documents, described by the schema called ``document``."""
    content = {PROBLEM_TYPE: {"schema": {"$ref": f"#/components/schemas/{document}"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def example(value: Any) -> dict[str, Any]:
    """An example of a JSON answer, beside its model."""
    return {"content": {"application/json": {"example": value}}}

"""Parser of a JSON body, to plain values or to the problem that it is."""

from collections.abc import Collection
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from python_multipart.multipart import parse_options_header

from serving.problems import ProblemError

_INVALID = "invalid_body"
_Model = TypeVar("_Model", bound=BaseModel)


def require_json(content_type: str | None) -> None:
    """Raise ``ProblemError`` 415 for a body that is declared to be anything but JSON."""
    if parse_options_header(content_type)[0] != b"application/json":
        raise ProblemError(415, "unsupported_media_type", "send application/json")


def json_object(body: bytes, max_values: int) -> dict[str, Any]:
    """The object that a body holds; raises ``ProblemError`` 400, 413 or 422.

    ``max_values`` bounds lists and members, each of which costs many times its bytes in memory. A picture in base64
    holds no comma, and a text over its limit is refused anyway.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > max_values:
        raise ProblemError(
            413, "too_many_values", f"the JSON body has more than {max_values} lists, objects and commas"
        )
    try:
        document = from_json(body)
    except ValueError as error:
        raise ProblemError(400, "malformed_json", "the body is not valid JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise ProblemError(422, _INVALID, "the JSON body must be an object")
    return document


def validated(model: type[_Model], document: object, known: Collection[str], whole: str) -> _Model:
    """``document`` as ``model``; raises ``ProblemError`` 422 with the first thing that is wrong.

    Only names in ``known`` and indices of lists are repeated, since any other key is the caller's content; ``whole`` is
    the name of what was validated.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _invalid(error, known, whole) from error


def _invalid(error: ValidationError, known: Collection[str], whole: str) -> ProblemError:
    first = error.errors(include_url=False, include_input=False)[0]
    steps = [str(step) for step in first["loc"] if isinstance(step, int) or step in known]
    location = ".".join(steps) or ("an unknown field" if first["loc"] else whole)
    message = first["msg"].removeprefix("Value error, ")
    return ProblemError(422, _INVALID, f"{location}: {message}")

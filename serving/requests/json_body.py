"""Parser of a JSON body, to plain values or to the problem that it is."""

import json
from collections.abc import Collection
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from python_multipart.multipart import parse_options_header

from model.errors.validation import place_and_message
from serving.problems import ProblemError
from serving.requests.charsets import UTF_8, decoded, known_charset

_INVALID = "invalid_body"
JSON = b"application/json"
_URL_ENCODED = b"application/x-www-form-urlencoded"
_BODY = "the JSON body"
_UTF_8_WITH_BOM, _BOM_BYTES = "utf-8-sig", 3
_WITH_BOM = (_UTF_8_WITH_BOM, "utf-16", "utf-32")
_Model = TypeVar("_Model", bound=BaseModel)


def other_kind(kind: bytes, wanted: str) -> ProblemError:
    """The answer to a body of a media type that is not read; an url-encoded form is what curl and browsers send."""
    had = f"; {_URL_ENCODED.decode()} (what curl -d sends) is not read" if kind == _URL_ENCODED else ""
    return ProblemError(415, "unsupported_media_type", f"send {wanted}{had}")


def json_object(content_type: str | None, body: bytes, max_values: int) -> dict[str, Any]:
    """The object that a body holds; raises ``ProblemError`` 400, 413, 415 or 422.

    ``max_values`` bounds lists and members, each of which costs many times its bytes in memory. A picture in base64
    holds no comma, and a text over its limit is refused anyway.
    """
    kind, options = parse_options_header(content_type)
    if kind != JSON:
        raise other_kind(kind, JSON.decode())
    body = _in_utf_8(body, options.get(b"charset"))
    if sum(map(body.count, (b",", b"[", b"{"))) > max_values:
        raise ProblemError(
            413, "too_many_values", f"the JSON body has more than {max_values} lists, objects and commas"
        )
    try:
        document = from_json(body)
    except ValueError as error:
        raise ProblemError(400, "malformed_json", "the body is not valid JSON") from error
    if not isinstance(document, dict):
        raise ProblemError(422, _INVALID, "the JSON body must be an object")
    return document


def _in_utf_8(body: bytes, declared: bytes | None) -> bytes:
    """``body`` in UTF-8, out of what its byte order mark says, or else its Content-Type, or else its first bytes."""
    charset: str = json.detect_encoding(body)
    if declared is not None:
        known = known_charset(declared.decode("latin-1"), _BODY)
        charset = charset if charset in _WITH_BOM else known
    if charset == _UTF_8_WITH_BOM:
        return body[_BOM_BYTES:]
    return body if charset == UTF_8 else decoded(body, charset, _BODY).encode()


def validated(model: type[_Model], document: object, known: Collection[str], whole: str, within: str = "") -> _Model:
    """``document`` as ``model``; raises ``ProblemError`` 422 with the first thing that is wrong.

    Only names in ``known`` and indices of lists are repeated, since any other key is the caller's content; ``whole`` is
    the name of what was validated, and ``within`` is its place in the request where that has others beside it.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        place, message = place_and_message(error, whole, known=known, within=within)
        raise ProblemError(422, _INVALID, message).at(place) from error

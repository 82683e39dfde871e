"""``GET /$discovery/rest``: the discovery document, from which Google's clients learn where to call and with what.

Its shape is Google's API Discovery Service, version 1: https://developers.google.com/discovery/v1/reference/apis.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from serving.perspective.paths import ANALYZE, DISCOVERY, KEY_PARAMETER, SUGGEST_SCORE
from serving.schemas import PerspectiveProblemDoc
from serving.schemas.perspective import (
    AnalyzeCommentDoc,
    AnalyzeCommentRequest,
    SuggestCommentScoreDoc,
    SuggestCommentScoreRequest,
)
from serving.schemas.responses import problems

router = APIRouter()
_NAME, _VERSION = "commentanalyzer", "v1alpha1"
#: Of each schema in Google's document, and the model that is sent or answered here.
_SCHEMAS: dict[str, type[BaseModel]] = {
    "AnalyzeCommentRequest": AnalyzeCommentRequest,
    "AnalyzeCommentResponse": AnalyzeCommentDoc,
    "SuggestCommentScoreRequest": SuggestCommentScoreRequest,
    "SuggestCommentScoreResponse": SuggestCommentScoreDoc,
}
_PARAMETERS = {
    "alt": {
        "type": "string",
        "location": "query",
        "default": "json",
        "enum": ["json"],
        "description": "Format of the answer.",
    },
    KEY_PARAMETER: {"type": "string", "location": "query", "description": "API key."},
}
_Version = Annotated[Literal["v1alpha1"], Query(description="Of the interface; there is one.")]


async def discovery(request: Request, version: _Version = "v1alpha1") -> Response:
    """Google's Python client, given this address, calls this server. The addresses in it are those that were called."""
    # Who ends TLS before this server says so.
    is_https = request.headers.get("x-forwarded-proto") == "https"
    root = request.base_url.replace(scheme="https") if is_https else request.base_url
    return JSONResponse(discovery_document(str(root)))


for _path, _operation in zip(DISCOVERY, ("discovery", "discovery_of_directory"), strict=True):
    router.get(
        _path,
        operation_id=_operation,
        summary="The discovery document of the Perspective API's calls",
        response_model=dict[str, Any],
        responses=problems(500, 503, document=PerspectiveProblemDoc.__name__),
    )(discovery)


def discovery_document(root_url: str) -> dict[str, Any]:
    """The document of a server at ``root_url``, which ends in a slash."""
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": f"{_NAME}:{_VERSION}",
        "name": _NAME,
        "canonicalName": "Comment Analyzer",
        "version": _VERSION,
        "title": "Perspective Comment Analyzer API, answered by Memeguard",
        "description": "Scores comments. IDENTITY_ATTACK is answered.",
        "protocol": "rest",
        "rootUrl": root_url,
        "servicePath": "",
        "baseUrl": root_url,
        "batchPath": "batch",
        "parameters": _PARAMETERS,
        "schemas": _schemas(),
        "resources": {
            "comments": {
                "methods": {
                    "analyze": _method(ANALYZE, "AnalyzeComment", "Scores of the attributes that are asked for."),
                    "suggestscore": _method(SUGGEST_SCORE, "SuggestCommentScore", "What scores should have been."),
                }
            }
        },
    }


def _method(path: str, name: str, description: str) -> dict[str, Any]:
    relative = path.removeprefix("/")
    return {
        "id": f"{_NAME}.comments.{path.rpartition(':')[2]}",
        "path": relative,
        "flatPath": relative,
        "httpMethod": "POST",
        "description": description,
        "parameters": {},
        "parameterOrder": [],
        "request": {"$ref": f"{name}Request"},
        "response": {"$ref": f"{name}Response"},
    }


def _schemas() -> dict[str, Any]:
    """The schemas of the four documents and of what they hold, each by its name, as Google writes them."""
    found: dict[str, Any] = {}
    for name, model in _SCHEMAS.items():
        schema = model.model_json_schema(ref_template="{model}")
        parts = {**schema.pop("$defs", {}), name: schema}
        found |= {part: {"id": part, **_in_googles_words(one)} for part, one in parts.items()}
    return found


def _in_googles_words(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema in the older form of the discovery service: no unions, and a format for each number."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if kinds:
        return _in_googles_words(kinds[0]) | _kept(schema, "description")
    found = _kept(schema, "type", "description", "enum")
    if "const" in schema:
        found["enum"] = [schema["const"]]
    if schema.get("type") in _FORMATS:
        found["format"] = _FORMATS[schema["type"]]
    if "properties" in schema:
        found["properties"] = {name: _in_googles_words(one) for name, one in schema["properties"].items()}
    if "items" in schema:
        found["items"] = _in_googles_words(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = _in_googles_words(schema["additionalProperties"])
    return found


_FORMATS = {"number": "float", "integer": "int32"}


def _kept(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: schema[name] for name in names if name in schema}

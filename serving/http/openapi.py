"""The OpenAPI document, completed with what surrounds every route: keys, and errors from before it."""

from typing import Any

from serving.http.credentials import API_KEY, BASIC, BEARER, QUERY_KEY, more_schemes
from serving.perspective import paths as perspective
from serving.schemas import OpenAIProblemDoc, PerspectiveProblemDoc, ProblemDoc
from serving.schemas.examples import PROBLEM
from serving.schemas.responses import problems

_SCHEMES = {
    BEARER: {"type": "http", "scheme": "bearer", "description": "An API key of `memeguard keys create`."},
    BASIC: {
        "type": "http",
        "scheme": "basic",
        "description": "The same key as the password of any user, for webhooks.",
    },
    API_KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key, elsewhere."},
    QUERY_KEY: {
        "type": "apiKey",
        "in": "query",
        "name": perspective.KEY_PARAMETER,
        "description": "The same key, for clients of the Perspective API.",
    },
}
#: Of errors as the clients of other interfaces read them; every other route has the first.
_PROBLEMS = (ProblemDoc, OpenAIProblemDoc, PerspectiveProblemDoc)
_OPEN = ("/livez", "/readyz")
_OF_OPEN_ROUTES = (403, 429, 431, 500, 503)
_OF_ALL_ROUTES = (401, 403, 408, 429, 431, 500, 503)
_HEADERS = {
    "X-Request-ID": {"schema": {"type": "string"}, "description": "Names this request in logs and problems."},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds after which to come again."},
}
_MADE_BY_FASTAPI = ("HTTPValidationError", "ValidationError")


def complete_openapi(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's ``document``, changed in place: it knows only what is written at a route."""
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for model in _PROBLEMS:
        schemas.setdefault(model.__name__, model.model_json_schema(ref_template="#/components/schemas/{model}"))
        schemas |= schemas[model.__name__].pop("$defs", {})
    schemas[ProblemDoc.__name__]["examples"] = [PROBLEM]
    parts["securitySchemes"] = _SCHEMES
    parts["headers"] = _HEADERS
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    # Requests are validated by the routes themselves, and refused with problem documents.
    for name in _MADE_BY_FASTAPI:
        schemas.pop(name, None)
    return document


def _complete(path: str, operation: dict[str, Any]) -> None:
    keys: list[dict[str, list[str]]] = [{name: []} for name in (*more_schemes(path), BEARER, API_KEY)]
    operation["security"] = [] if path in _OPEN else [*keys, {}]  # a server without keys asks for none
    responses = operation["responses"]
    if _MADE_BY_FASTAPI[0] in str(responses.get("422")):
        del responses["422"]
    named = [model.__name__ for model in _PROBLEMS if f"/{model.__name__}'" in str(responses)]
    common = problems(
        *(_OF_OPEN_ROUTES if path in _OPEN else _OF_ALL_ROUTES), document=named[0] if named else ProblemDoc.__name__
    )
    for status, response in common.items():
        responses.setdefault(str(status), response)
    for status, response in responses.items():
        names = ["X-Request-ID", *(["Retry-After"] if status in ("429", "503") else [])]
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    operation["responses"] = dict(sorted(responses.items()))

"""The API key of a request: where it stands depends on what the caller's client can be told.

Anywhere as ``Authorization: Bearer`` or ``X-API-Key``. A client of Google's has no other place than the query, and a
webhook of which only the address can be set sends ``user:KEY@host`` as Basic: each on its own routes and nowhere else.
"""

import base64

from starlette.datastructures import Headers, QueryParams
from starlette.types import Scope

from serving.perspective import paths as perspective
from serving.signals import paths as signals

#: Names of the schemes in the OpenAPI document.
BEARER, API_KEY, QUERY_KEY, BASIC = "bearer", "api_key", "query_key", "basic"


def more_schemes(path: str) -> tuple[str, ...]:
    """By which schemes a key may come at this path beside the headers that every route reads."""
    if path in perspective.PATHS:
        return (QUERY_KEY,)
    return (BASIC,) if path in signals.PATHS else ()


def key_of(scope: Scope) -> str | None:
    """The key as it was sent; None where there is none."""
    headers, more = Headers(scope=scope), more_schemes(scope["path"])
    found = _key_in_headers(headers)
    if not found and QUERY_KEY in more:  # nothing logs or traces a query
        found = QueryParams(scope["query_string"]).get(perspective.KEY_PARAMETER)
    if not found and BASIC in more:
        found = _basic_password(headers)
    return found


def _key_in_headers(headers: Headers) -> str | None:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")


def _basic_password(headers: Headers) -> str | None:
    """The password of Basic credentials (RFC 7617); any user name will do."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2] or None
    except ValueError:
        return None

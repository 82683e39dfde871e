"""What a route is called in logs, metrics and traces: its template, never the path that was sent."""

from collections.abc import Iterable, Iterator
from typing import Any

from starlette.routing import Match
from starlette.types import Scope

UNMATCHED = "unmatched"


def route_name(scope: Scope) -> str:
    """The template, such as "/v1/classify", also of a request that was refused before it was routed."""
    routed = getattr(scope.get("route"), "path", None)
    if isinstance(routed, str):
        return routed
    for route in _flat(scope["app"].routes):
        if route.matches(scope)[0] is not Match.NONE:
            return str(route.path)
    return UNMATCHED


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    """Every route with a path of its own: FastAPI keeps those of an included router inside one without."""
    for route in routes:
        router = getattr(route, "original_router", None)
        if router is None:
            yield route
        else:
            yield from _flat(router.routes)

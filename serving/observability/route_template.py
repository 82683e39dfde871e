"""Template of a request's route, by which logs, metrics and traces call it: never the path that was sent."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

UNMATCHED = "unmatched"


def route_template(scope: Scope, routes: Iterable[BaseRoute]) -> str:
    """The template, such as "/v1/classify", of a request that may be refused before it is routed."""
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            return route.path
    return UNMATCHED

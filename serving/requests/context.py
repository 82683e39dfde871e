"""One request on its way: who asks, by when, and what the request may take. The same object from end to end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from serving.security.rate_limit import RateLimiter
from serving.security.token_bucket import TokenBuckets


@dataclass(slots=True)
class RequestContext:
    """Made once, by ``RequestMiddleware``; the middlewares inside it fill in what they find out.

    ``deadline`` is in the seconds of ``time.monotonic``. ``route`` is the template that the request came by, such as
    "/v1/classify".
    """

    request_id: str
    deadline: float
    route: str
    #: By ``AuthMiddleware``: the name of the caller's API key, None without one; whether it has the scope admin;
    #: whether details of this server may be told to them; and what counts against the rates of the key.
    key_name: str | None = None
    is_admin: bool = False
    knows_caller: bool = False
    rate_limiter: RateLimiter = field(default_factory=lambda: RateLimiter(TokenBuckets(), None))
    #: By ``AdmissionMiddleware``: counts bytes that are fetched for the request, or fewer again when negative; raises
    #: ``ProblemError`` where they would be too many.
    hold_fetched: Callable[[int], None] = lambda _: None


def request_context(connection: Mapping[str, Any]) -> RequestContext:
    """The context of ``connection``: a route's ``Request``, or the scope of a middleware."""
    context: RequestContext = connection["state"]["context"]
    return context

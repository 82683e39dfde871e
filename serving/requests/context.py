"""What a request asks for beside its memes, and who asks."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request


@dataclass(frozen=True)
class Asking:
    """``deadline`` is in the seconds of ``time.monotonic``. ``key_name`` names the caller's API key, None without.

    ``route`` is the template that the request came by, such as "/v1/classify". ``hold`` counts bytes that are fetched
    for the request, or fewer again when negative; it raises ``ProblemError`` where they would be too many.
    """

    deadline: float
    request_id: str
    policy: str | None = None
    explain: bool = False
    key_name: str | None = None
    route: str | None = None
    hold: Callable[[int], None] = lambda _: None


def asking_of(request: Request, policy: str | None = None, explain: bool = False) -> Asking:
    """The asking of ``request``, with what the middleware has left in its state."""
    state = request.state
    route = request.scope["route"].path
    return Asking(
        state.deadline, state.request_id, policy, explain, state.key_name, route, hold=state.visit.hold_fetched
    )

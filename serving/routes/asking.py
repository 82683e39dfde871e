"""What a judging route asks for, put together from the request and its surroundings."""

import time

from fastapi import Request

from serving.asking import Asking


def asking_of(request: Request, policy: str | None = None, explain: bool = False) -> Asking:
    """The asking of ``request``: its id, its caller's key (None without) and when its time is over.

    The deadline counts from the request's arrival where ``request.state`` holds it, and else from now.
    """
    state = request.state
    deadline = getattr(state, "deadline", None)
    if deadline is None:
        deadline = time.monotonic() + request.app.state.desk.settings.request_timeout_s
    route = request.scope["route"].path
    key_name = getattr(state, "key_name", None)
    return Asking(deadline, state.request_id, policy, explain, key_name, route, state.visit.hold_fetched)

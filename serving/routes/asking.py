"""What a judging route asks for, put together from the request and its surroundings."""

from fastapi import Request

from serving.asking import Asking


def asking_of(request: Request, policy: str | None = None, explain: bool = False) -> Asking:
    """The asking of ``request``, with what ``Reception``, ``Gate`` and ``AdmissionGate`` have left in its state."""
    state = request.state
    route = request.scope["route"].path
    return Asking(
        state.deadline, state.request_id, policy, explain, state.key_name, route, hold=state.visit.hold_fetched
    )

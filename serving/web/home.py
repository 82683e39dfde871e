"""``/``: what runs here, whether all of it does, and where to go on from."""

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.app_state import AppState, app_state
from serving.requests.context import request_context
from serving.web.render import page
from serving.web.sessions import session_of

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request) -> Response:
    """The home page. To strangers of a server that has keys it tells no more than that something is served."""
    state, session = app_state(request), await session_of(request)
    readiness = await to_thread.run_sync(state.readiness)
    knows = session is not None or request_context(request).knows_caller
    return page(
        request,
        "home.html.j2",
        session,
        readiness=readiness if knows else readiness.without_details(),
        knows=knows,
        policies=_policies(state) if knows else (),
        has_keys=state.keys is not None,
    )


def _policies(state: AppState) -> tuple[tuple[str, str], ...]:
    """The name and version of each policy in force, the default first."""
    if not state.has_model:
        return ()
    return tuple((one.name, one.version) for one in state.classifier.policies.current.policies.values())

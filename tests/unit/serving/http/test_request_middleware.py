import time
from pathlib import Path

from fastapi import Request
from starlette.testclient import TestClient

from model import Scorer
from serving.app_state import AppState, app_state
from serving.http.app import create_app
from serving.requests.context import RequestContext, request_context
from serving.security.key_file import change_keys
from serving.security.keys import KeyList, new_key
from serving.settings import Settings


def test_one_context_goes_from_the_outermost_middleware_to_the_route(scorer: Scorer, tmp_path: Path) -> None:
    key, entry = new_key("shop", ("classify",), "9/min", None)
    change_keys(tmp_path / "keys.json", lambda _: KeyList(keys=(entry,)))
    state = AppState(Settings(ocr="none", keys_file=tmp_path / "keys.json", request_timeout_s=30), scorer)
    app, seen = create_app(lambda: state), list[RequestContext]()

    @app.post("/probe")
    async def probe(request: Request) -> int:
        request_context(request).hold_fetched(1000)
        seen.append(request_context(request))
        return app_state(request).admission.n_bytes

    with TestClient(app) as client:
        answer = client.post("/probe", content=b"12345", headers={"X-API-Key": key})
    (context,) = seen
    assert answer.json() == 1005
    assert state.admission.n_bytes == 0
    assert context.request_id == answer.headers["X-Request-ID"]
    assert 0 < context.deadline - time.monotonic() <= 30
    assert (context.key_name, context.knows_caller, context.route) == ("shop", True, "unmatched")
    assert dict(context.rate_limiter.headers())[b"ratelimit"].startswith(b'"requests";r=8')

"""HEAD wherever GET is, and what is allowed where a method is not."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.security.key_file import change_keys
from serving.security.keys import KeyList, new_key
from serving.settings import Settings

DECISION = "/v1/decisions/" + "0" * 32
GET_PATHS = ["/livez", "/readyz", "/openapi.json", "/v1/policies", "/v1/models", "/v1/models/compact"]
ERROR_PATHS = ["/nowhere", "/v1/models/none", DECISION, "/v1/classify", "/v1/moderations", "/"]
_OF_ONE_REQUEST = ("x-request-id",)


def _lasting(headers: object) -> dict[str, str]:
    assert hasattr(headers, "items")
    return {name: value for name, value in headers.items() if name not in _OF_ONE_REQUEST}


@pytest.mark.parametrize("path", [*GET_PATHS, *ERROR_PATHS])
def test_head_has_the_status_and_headers_of_get_and_no_body(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code
    assert _lasting(head.headers) == _lasting(got.headers)
    assert (int(head.headers["content-length"]), head.content) == (len(got.content), b"")
    assert head.headers["x-request-id"] != got.headers["x-request-id"]


def test_head_of_the_metrics_has_no_body_and_is_counted_by_its_route(client: TestClient) -> None:
    head = client.head("/metrics")
    assert (head.status_code, head.content) == (200, b"")
    assert 'memeguard_requests_total{route="/metrics",status="200"}' in client.get("/metrics").text


def test_every_documented_get_answers_head(client: TestClient) -> None:
    paths = [path for path, methods in client.get("/openapi.json").json()["paths"].items() if "get" in methods]
    assert len(paths) > 6
    for path in (path.format(model_id="compact", decision_id="x", bank="x", job_id="x") for path in paths):
        head = client.head(path)
        assert head.status_code == client.get(path).status_code, path
        assert head.status_code != 405, path


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/classify", "POST"),
        ("/v1/moderations", "POST"),
        ("/v1/feedback", "POST"),
        (DECISION, "DELETE, GET, HEAD"),
        *((path, "GET, HEAD") for path in [*GET_PATHS, "/metrics"]),
    ],
)
def test_a_method_that_is_not_allowed_is_told_those_that_are(client: TestClient, path: str, allowed: str) -> None:
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"} - {*allowed.split(", ")}:
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed), method


def test_head_needs_the_key_that_get_needs(scorer: Scorer, tmp_path: Path) -> None:
    key, entry = new_key("shop", ("classify",), None, None)
    change_keys(tmp_path / "keys.json", lambda _: KeyList(keys=(entry,)))
    state = AppState(Settings(ocr="none", keys_file=tmp_path / "keys.json", ledger_url="none"), scorer)
    with TestClient(create_app(lambda: state)) as client:
        assert client.head("/livez").status_code == 200
        stranger = client.head("/v1/models")
        assert client.head("/v1/models", headers={"X-API-Key": key}).status_code == 200
    assert (stranger.status_code, stranger.content) == (401, b"")
    assert stranger.headers["www-authenticate"] == 'Bearer realm="memeguard"'

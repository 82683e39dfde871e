"""Pages of other origins: those that the operator lists may call, and read errors too; no other may."""

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.security.key_file import change_keys
from serving.security.keys import KeyList, new_key
from serving.settings import Settings, SettingsError, from_env

LISTED, OTHER = "https://app.example.org", "https://app.example.com"
ALLOWED = "access-control-allow-origin"
_PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-api-key,x-memeguard-policy,x-stainless-os",
}


@pytest.fixture(scope="module")
def pages(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app with keys that lists two origins."""
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    change_keys(file, lambda _: KeyList(keys=(new_key("page", ("classify",), None, None)[1],)))
    origins = (LISTED, "http://localhost:5173")
    settings = Settings(ocr="none", keys_file=file, cors_origins=origins, ledger_url="none")
    with TestClient(create_app(lambda: AppState(settings, scorer)), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("path", ["/v1/classify", "/v1/moderations", "/v1/feedback", "/v1/models", "/nowhere"])
def test_a_preflight_of_a_listed_origin_needs_no_key(pages: TestClient, path: str) -> None:
    for origin in (LISTED, "http://localhost:5173"):
        answer = pages.options(path, headers=_PREFLIGHT | {"Origin": origin})
        assert answer.status_code == 200
        assert answer.headers[ALLOWED] == origin
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == _PREFLIGHT["Access-Control-Request-Headers"]
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_every_method_of_the_interface_may_be_asked_for(pages: TestClient, method: str) -> None:
    asked = {"Origin": LISTED, "Access-Control-Request-Method": method}
    assert pages.options("/v1/classify", headers=asked).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [OTHER, "null", "", "http://app.example.org", LISTED + ":8443", LISTED + ".evil.org", "https://example.org"],
)
def test_another_origin_is_allowed_nothing(pages: TestClient, origin: str) -> None:
    preflight = pages.options("/v1/classify", headers=_PREFLIGHT | {"Origin": origin})
    assert preflight.status_code == 400
    assert ALLOWED not in preflight.headers
    assert ALLOWED not in pages.get("/livez", headers={"Origin": origin}).headers


def test_a_page_reads_every_refusal_and_its_request_id(pages: TestClient) -> None:
    for answer, status in (
        (pages.get("/livez", headers={"Origin": LISTED}), 200),
        (pages.post("/v1/classify", json={"text": "words"}, headers={"Origin": LISTED}), 401),
        (pages.get("/v1/nowhere", headers={"Origin": LISTED}), 401),
        (pages.get("/livez", headers={"Origin": LISTED, "X-Long": "x" * 20_000}), 431),
        (pages.post("/livez", headers={"Origin": LISTED}), 405),
    ):
        assert (answer.status_code, answer.headers[ALLOWED]) == (status, LISTED)
        assert "Origin" in answer.headers["vary"]
        assert {"X-Request-ID", "Retry-After"} <= set(answer.headers["access-control-expose-headers"].split(", "))


def test_errors_of_the_routes_carry_the_headers_too(scorer: Scorer) -> None:
    settings = Settings(ocr="none", cors_origins=("*",), max_body_bytes=100, ledger_url="none")
    with TestClient(create_app(lambda: AppState(settings, scorer)), raise_server_exceptions=False) as client:
        origin = {"Origin": OTHER}
        answers = {
            200: client.post("/v1/classify", json={"text": "words"}, headers=origin),
            404: client.get("/v1/models/none", headers=origin),
            405: client.get("/v1/classify", headers=origin),
            413: client.post("/v1/classify", content=b"x" * 101, headers=origin),
            415: client.post("/v1/classify", content=b"x", headers=origin),
            422: client.post("/v1/classify", json={}, headers=origin),
            503: client.post("/v1/feedback", json={"decision_id": "x", "label": "hateful"}, headers=origin),
        }
    assert {status: answer.status_code for status, answer in answers.items()} == {status: status for status in answers}
    assert {answer.headers[ALLOWED] for answer in answers.values()} == {"*"}


def test_without_the_setting_no_page_may_call(client: TestClient) -> None:
    assert client.options("/v1/classify", headers=_PREFLIGHT | {"Origin": LISTED}).status_code == 405
    answer = client.get("/livez", headers={"Origin": LISTED})
    assert not [name for name in (*answer.headers,) if name.startswith("access-control-")]


def test_origins_are_read_from_one_variable() -> None:
    settings = from_env({"MEMEGUARD_CORS_ORIGINS": "HTTPS://App.example.org, http://[::1]:3000,chrome-extension://abc"})
    assert settings.cors_origins == (LISTED, "http://[::1]:3000", "chrome-extension://abc")
    assert from_env({"MEMEGUARD_CORS_ORIGINS": "*"}).cors_origins == ("*",)


@pytest.mark.parametrize(
    "given",
    [
        "example.org",
        "https://example.org/",
        "https://example.org/app",
        "null",
        "https://*.example.org",
        "https://a b",
        ",",
    ],
)
def test_what_is_no_origin_is_refused_when_the_server_starts(given: str) -> None:
    with pytest.raises(SettingsError, match=re.escape("MEMEGUARD_CORS_ORIGINS: ")):
        from_env({"MEMEGUARD_CORS_ORIGINS": given})

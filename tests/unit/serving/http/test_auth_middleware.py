import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.keys import add_key
from support.pictures import meme

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings, SettingsError, from_env

URL = "/v1/classify"
PICTURE = meme()


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def keys(keys_file: Path) -> dict[str, str]:
    return {
        "classify": add_key(keys_file, "pipeline"),
        "feedback": add_key(keys_file, "reviewers", "feedback"),
        "metrics": add_key(keys_file, "scraper", "metrics"),
        "admin": add_key(keys_file, "keeper", "admin"),
        "three": add_key(keys_file, "three", rate="3/day"),
        "memes": add_key(keys_file, "memes", meme_rate="4/day"),
        "both": add_key(keys_file, "both", rate="10/min", meme_rate="20/hour:30"),
    }


@pytest.fixture(scope="module")
def client(scorer: Scorer, keys_file: Path, keys: dict[str, str]) -> Iterator[TestClient]:
    assert keys
    settings = Settings(ocr="none", keys_file=keys_file, protect_metrics=True, protect_docs=True)
    with TestClient(create_app(lambda: AppState(settings, scorer))) as test_client:
        yield test_client


def _classify(client: TestClient, key: str, n_pictures: int = 1) -> Any:
    files = [("image", ("a.png", PICTURE, "image/png"))] * n_pictures
    return client.post(URL, files=files, data={"text": ["words"] * n_pictures}, headers={"X-API-Key": key})


def _assert_problem(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_key_is_taken_as_bearer_and_as_x_api_key(client: TestClient, keys: dict[str, str]) -> None:
    key = keys["classify"]
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key}"},
        {"X-API-Key": key},
        {"Authorization": "Basic dTpw", "X-API-Key": key},
    ):
        assert client.get("/v1/nowhere", headers=headers).status_code == 404


def test_every_wrong_key_gets_the_same_401(client: TestClient, keys: dict[str, str]) -> None:
    key = keys["classify"]
    swapped = f"mg_{keys['feedback'].split('_')[1]}_{key.split('_', 2)[2]}"
    bodies = set()
    wrong: tuple[dict[str, Any], ...] = (
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {key}"},
        {"Authorization": "Bearer mg_unknown"},
        {"X-API-Key": key[:-1]},
        {"X-API-Key": swapped},
        {"X-API-Key": b"\xff\xfe"},
        {"Authorization": "Bearer wrong", "X-API-Key": key},
    )
    for headers in wrong:
        answer = client.post(URL, content=b"x", headers=headers)
        _assert_problem(answer, 401, "key_needed")
        assert answer.headers["www-authenticate"] == 'Bearer realm="memeguard"'
        bodies.add(answer.json()["detail"])
    assert len(bodies) == 1


def test_a_stranger_learns_no_path(client: TestClient) -> None:
    for method, path in (
        ("GET", "/v1/nowhere"),
        ("GET", URL),
        ("OPTIONS", URL),
        ("GET", "http://testserver//metrics"),
        ("GET", "/x"),
    ):
        _assert_problem(client.request(method, path), 401, "key_needed")


def test_no_body_is_read_before_the_key_is_known(client: TestClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(10**12)}  # reading it would be 413
    _assert_problem(client.post(URL, content=b"x", headers=headers), 401, "key_needed")


def test_scopes_keep_keys_to_their_routes(client: TestClient, keys: dict[str, str]) -> None:
    for path, scope in ((URL, "classify"), ("/v1/feedback", "feedback"), ("/metrics", "metrics")):
        for name in ("classify", "feedback", "metrics"):
            answer = client.get(path, headers={"X-API-Key": keys[name]})
            assert (answer.status_code == 403) == (name != scope), (path, name)
    _assert_problem(client.get("/v1/feedback", headers={"X-API-Key": keys["classify"]}), 403, "scope_missing")
    assert client.get("/metrics", headers={"X-API-Key": keys["metrics"]}).status_code == 200


def test_decisions_are_read_with_the_scope_of_feedback_and_deleted_by_an_admin(
    client: TestClient, keys: dict[str, str]
) -> None:
    path = "/v1/decisions/" + "0" * 32
    for method, allowed in (("GET", "feedback"), ("DELETE", "admin")):
        for name in ("classify", "feedback", "metrics", "admin"):
            answer = client.request(method, path, headers={"X-API-Key": keys[name]})
            assert (answer.status_code == 403) == (name != allowed), (method, name)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/banks", "admin"),
        ("POST", "/v1/banks", "admin"),
        ("GET", "/v1/banks/removed", "admin"),
        ("POST", "/v1/banks/removed/entries", "admin"),
        ("DELETE", "/v1/banks/removed/entries/0", "admin"),
        ("POST", "/v1/search", "admin"),
        ("POST", "/v1/match", "classify"),
    ],
)
def test_banks_are_changed_and_looked_through_by_an_admin_and_asked_by_who_may_classify(
    client: TestClient, keys: dict[str, str], method: str, path: str, scope: str
) -> None:
    for name in ("classify", "feedback", "metrics", "admin"):
        answer = client.request(method, path, headers={"X-API-Key": keys[name]})
        assert (answer.status_code == 403) == (name != scope), (method, path, name)


def test_the_interface_document_is_for_any_key_when_protected(client: TestClient, keys: dict[str, str]) -> None:
    _assert_problem(client.get("/openapi.json"), 401, "key_needed")
    for name in ("classify", "feedback", "metrics"):
        assert client.get("/openapi.json", headers={"X-API-Key": keys[name]}).status_code == 200


def test_metrics_and_the_interface_document_are_open_unless_protected(scorer: Scorer, keys_file: Path) -> None:
    state = AppState(Settings(ocr="none", keys_file=keys_file), scorer)
    with TestClient(create_app(lambda: state)) as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/openapi.json").status_code == 200
        assert client.post(URL).status_code == 401


def test_health_is_open_and_tells_strangers_only_that(client: TestClient, keys: dict[str, str], scorer: Scorer) -> None:
    assert client.get("/livez").text == "ok\n"
    stranger = client.get("/readyz").json()
    assert stranger["ready"] is True
    assert stranger["model"] is None
    assert scorer.bundle.digest not in str(stranger)
    assert client.get("/readyz", headers={"X-API-Key": "mg_wrong"}).json() == stranger
    known = client.get("/readyz", headers={"X-API-Key": keys["metrics"]}).json()
    assert known["model"]["digest"] == scorer.bundle.digest


def test_a_key_over_its_rate_gets_429_with_the_limit_and_when_to_come_back(
    client: TestClient, keys: dict[str, str]
) -> None:
    first = _classify(client, keys["three"])
    assert first.status_code == 200
    assert first.headers["ratelimit-policy"] == '"requests";q=3;w=86400'
    assert re.fullmatch(r'"requests";r=2;t=\d+', first.headers["ratelimit"])
    assert [_classify(client, keys["three"]).status_code for _ in range(3)] == [200, 200, 429]
    over = _classify(client, keys["three"])
    _assert_problem(over, 429, "rate_limited")
    assert "limit of requests is reached: 3 in 86400 s" in over.json()["detail"]
    assert 0 < int(over.headers["retry-after"]) <= 86400 / 3 + 1
    assert over.headers["ratelimit"].startswith('"requests";r=0;')
    assert over.headers.get_list("ratelimit-policy") == ['"requests";q=3;w=86400']


def test_another_key_is_not_held_up(client: TestClient, keys: dict[str, str]) -> None:
    assert _classify(client, keys["classify"]).status_code == 200


def test_memes_are_counted_and_not_requests_where_the_limit_is_of_memes(
    client: TestClient, keys: dict[str, str]
) -> None:
    first = _classify(client, keys["memes"], 3)
    assert first.status_code == 200
    assert first.headers["ratelimit"].startswith('"memes";r=1;')
    _assert_problem(_classify(client, keys["memes"], 2), 429, "rate_limited")
    assert _classify(client, keys["memes"], 1).status_code == 200
    # Nothing is left, which is known before the body is read.
    _assert_problem(client.post(URL, content=b"no meme", headers={"X-API-Key": keys["memes"]}), 429, "rate_limited")


def test_both_limits_of_a_key_are_told(client: TestClient, keys: dict[str, str]) -> None:
    answer = _classify(client, keys["both"])
    assert answer.headers["ratelimit-policy"] == '"requests";q=10;w=60, "memes";q=20;w=3600'
    assert re.fullmatch(r'"requests";r=9;t=\d+, "memes";r=29;t=\d+', answer.headers["ratelimit"])


def test_a_server_without_keys_has_no_limits_and_ignores_a_key(scorer: Scorer) -> None:
    with TestClient(create_app(lambda: AppState(Settings(ocr="none"), scorer))) as client:
        answer = _classify(client, "mg_anything")
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers


def test_without_keys_callers_from_beyond_this_machine_are_refused(scorer: Scorer) -> None:
    app = create_app(lambda: AppState(Settings(ocr="none"), scorer))
    with TestClient(app, base_url="http://192.0.2.2:3000") as client:
        for path in (URL, "/metrics", "/openapi.json", "/v1/nowhere"):
            answer = client.get(path)
            _assert_problem(answer, 403, "keys_required")
            assert "MEMEGUARD_ALLOW_ANONYMOUS" in answer.json()["detail"]
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").json()["model"] is None
    with TestClient(app, base_url="http://127.0.0.7:3000") as client:
        assert client.get("/metrics").status_code == 200


def test_an_operator_may_open_a_server_without_keys_by_name(scorer: Scorer) -> None:
    app = create_app(lambda: AppState(Settings(ocr="none", allow_anonymous=True), scorer))
    with TestClient(app, base_url="http://192.0.2.2:3000") as client:
        assert _classify(client, "").status_code == 200


def test_headers_over_the_limit_get_431(client: TestClient, keys: dict[str, str]) -> None:
    headers = {"X-API-Key": keys["classify"]}
    assert client.get("/v1/nowhere", headers=headers | {"X-Long": "x" * 14_000}).status_code == 404
    for answer in (
        client.get("/livez", headers={"X-Long": "x" * 17_000}),
        client.get("/livez", headers={f"X-{number}": "x" * 90 for number in range(180)}),
        client.get("/livez?" + "x" * 17_000),
    ):
        _assert_problem(answer, 431, "headers_too_large")
        assert "16384" in answer.json()["detail"]
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MEMEGUARD_ALLOW_ANONYMOUS": "true", "MEMEGUARD_KEYS_FILE": "keys.json"}, "give one of them"),
        ({"MEMEGUARD_PROTECT_METRICS": "true"}, "give a keys_file"),
        ({"MEMEGUARD_FETCH_HOSTS": "https://example.org"}, "is no host"),
        ({"MEMEGUARD_FETCH_HOSTS": "*"}, "is no host"),
        ({"MEMEGUARD_FETCH_CA_FILE": "nowhere.pem"}, "there is no file nowhere.pem"),
        ({"MEMEGUARD_MAX_HEADER_BYTES": "1000000"}, "MEMEGUARD_MAX_HEADER_BYTES: "),
    ],
)
def test_settings_that_contradict_or_cannot_be_are_refused(variables: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        from_env(variables)


def test_a_list_of_hosts_is_read_from_one_variable() -> None:
    settings = from_env({"MEMEGUARD_FETCH_HOSTS": "CDN.example.org, *.example.com:8443"})
    assert settings.fetch_hosts == ("cdn.example.org", "*.example.com:8443")

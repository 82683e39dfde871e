"""Keys in the query, which clients of the Perspective API have no other place for: taken there, told nowhere."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.keys import add_key

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.perspective.paths import ANALYZE, DISCOVERY, SUGGEST_SCORE
from serving.settings import Settings

ASKED: dict[str, Any] = {
    "comment": {"text": "One. Two."},
    "requestedAttributes": {"IDENTITY_ATTACK": {}},
    "spanAnnotations": True,
}


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def keys(keys_file: Path) -> dict[str, str]:
    return {
        "classify": add_key(keys_file, "forum", "classify"),
        "feedback": add_key(keys_file, "reviewers", "feedback"),
        "rated": add_key(keys_file, "rated", "classify", meme_rate="4/day"),
    }


@pytest.fixture(scope="module")
def client(scorer: Scorer, keys_file: Path, keys: dict[str, str]) -> Iterator[TestClient]:
    assert keys
    settings = Settings(ocr="none", keys_file=keys_file, protect_docs=True)
    with TestClient(create_app(lambda: AppState(settings, scorer))) as test_client:
        yield test_client


def test_a_key_in_the_query_opens_these_paths_and_no_other(client: TestClient, keys: dict[str, str]) -> None:
    key = {"key": keys["classify"]}
    assert client.post(ANALYZE, json=ASKED, params=key).status_code == 200
    assert [client.get(path, params=key).status_code for path in DISCOVERY] == [200, 200]
    for path in ("/v1/classify", "/v1/moderations", f"{ANALYZE}/", "/v1alpha1/comments", "/metrics/"):
        answer = client.post(path, json={"text": "words"}, params=key)
        assert (answer.status_code, answer.json()["code"]) == (401, "key_needed"), path


def test_a_key_in_a_header_counts_before_one_in_the_query(client: TestClient, keys: dict[str, str]) -> None:
    wrong, right = "mg_wrong", keys["classify"]
    for in_header, in_query, status in ((right, wrong, 200), (wrong, right, 401), ("", right, 200)):
        headers = {"X-API-Key": in_header}
        assert client.post(ANALYZE, json=ASKED, headers=headers, params={"key": in_query}).status_code == status


def test_scopes_are_those_of_judging_and_of_feedback(client: TestClient, keys: dict[str, str]) -> None:
    said = {"comment": {"text": "words"}, "attributeScores": {"IDENTITY_ATTACK": {"summaryScore": {"value": 0}}}}
    for name, status in (("classify", (200, 403)), ("feedback", (403, 200))):
        key = {"key": keys[name]}
        analyzed, suggested = (
            client.post(path, json=body, params=key) for path, body in ((ANALYZE, ASKED), (SUGGEST_SCORE, said))
        )
        assert (analyzed.status_code, suggested.status_code) == status
    assert suggested.status_code == 200
    refused = client.post(SUGGEST_SCORE, json=said, params={"key": keys["classify"]}).json()["error"]
    assert (refused["status"], "feedback" in refused["message"]) == ("PERMISSION_DENIED", True)


def test_each_sentence_counts_against_the_rate_of_memes(client: TestClient, keys: dict[str, str]) -> None:
    key = {"key": keys["rated"]}
    first, second = (client.post(ANALYZE, json=ASKED, params=key) for _ in range(2))
    assert first.headers["ratelimit"].startswith('"memes";r=1;')
    assert (second.status_code, second.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert int(second.headers["retry-after"]) > 0


def test_a_key_is_in_no_log_line_metric_or_error(
    client: TestClient, keys: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = (keys["classify"], "mg_wrong_and_secret")
    told = ""
    for key in secrets:
        for body in (ASKED, dict[str, Any]()):
            told += client.post(ANALYZE, json=body, params={"key": key}).text
        told += client.get(DISCOVERY[0], params={"key": key}).text
    told += client.get("/metrics", headers={"X-API-Key": keys["classify"]}).text
    # The test's own client logs what it asks for.
    told += "".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    assert "answered" in told
    assert not any(key in told for key in secrets)


def test_the_discovery_document_is_open_unless_documents_are_protected(
    client: TestClient, scorer: Scorer, keys_file: Path
) -> None:
    assert client.get(DISCOVERY[0]).status_code == 401
    state = AppState(Settings(ocr="none", keys_file=keys_file), scorer)
    with TestClient(create_app(lambda: state)) as unprotected:
        assert unprotected.get(DISCOVERY[0]).status_code == 200
        refused = unprotected.post(ANALYZE, json=ASKED)
    assert (refused.status_code, refused.json()["error"]["status"]) == (401, "UNAUTHENTICATED")

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.pictures import meme

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings

UNKNOWN = "0" * 32


@pytest.fixture(scope="module")
def keeping(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app that keeps words and pictures."""
    url = f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db"
    with _client(scorer, ledger_url=url, ledger_store_text=True, ledger_store_pictures=True) as client:
        yield client


def _client(scorer: Scorer, **settings: Any) -> TestClient:
    validated = Settings.model_validate({"ocr": "none"} | settings)
    return TestClient(create_app(lambda: AppState(validated, scorer)), raise_server_exceptions=False)


def _classify(client: TestClient, text: str = "some words") -> dict[str, Any]:
    answer = client.post("/v1/classify", files={"image": meme()}, data={"text": text, "tags": "cat"})
    assert answer.status_code == 200
    verdict: dict[str, Any] = answer.json()
    return verdict


def _say(client: TestClient, **body: Any) -> Any:
    return client.post("/v1/feedback", json=body)


def test_a_decision_can_be_looked_up_with_the_words_where_they_are_kept(keeping: TestClient) -> None:
    verdict = _classify(keeping)
    kept = keeping.get(f"/v1/decisions/{verdict['decision_id']}").json()
    for mine, theirs in (("decision", "decision"), ("scores", "scores"), ("severity", "severity")):
        assert kept[mine] == verdict[theirs]
    assert kept["reasons"] == verdict["policy"]["reasons"]
    assert (kept["text"], kept["tags"], kept["picture_stored"]) == ("some words", ["cat"], True)
    assert (kept["route"], kept["kind"], kept["feedback"]) == ("/v1/classify", "picture", [])


def test_by_default_no_content_is_kept(client: TestClient) -> None:
    kept = client.get(f"/v1/decisions/{_classify(client, 'telltale words')['decision_id']}")
    assert kept.json()["picture_stored"] is False
    assert "telltale" not in kept.text


def test_every_item_of_a_request_for_many_is_kept(client: TestClient) -> None:
    items = [{"text": f"words {n}", "id": f"post-{n}"} for n in range(3)]
    results = client.post("/v1/classify", json={"items": items}).json()["results"]
    kept = [client.get(f"/v1/decisions/{result['decision_id']}").json() for result in results]
    assert [(row["caller_id"], row["kind"]) for row in kept] == [(f"post-{n}", "text") for n in range(3)]


def test_feedback_is_kept_with_its_decision(client: TestClient) -> None:
    decision_id = _classify(client)["decision_id"]
    short = _say(client, decision_id=decision_id, label="hateful", reviewer="ann", reason="a slogan")
    long = _say(client, decision_id=decision_id, labels={"offensive": "offensive", "attack": ["slurs", "mocking"]})
    assert (short.status_code, long.status_code) == (201, 201)
    assert short.json()["labels"] == {"hateful": "hateful"}
    kept = client.get(f"/v1/decisions/{decision_id}").json()["feedback"]
    assert kept == [short.json(), long.json()]
    assert kept[1]["labels"] == {"offensive": "offensive", "attack": ["mocking", "slurs"]}


def test_feedback_on_an_unknown_decision_gets_404(client: TestClient) -> None:
    for decision_id in (UNKNOWN, "\0", "post-1"):
        answer = _say(client, decision_id=decision_id, label="hateful")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_decision")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"labels": {"hatefull": "hateful"}}, "known: hateful, offensive"),
        ({"labels": {"hateful": "secret"}}, "known: not_hateful, hateful"),
        ({"labels": {"hateful": ["hateful"]}}, "must be one class"),
        ({"labels": {"attack": []}}, "leave the task out"),
        ({"labels": {"attack": ["secret"]}}, "attack is no class"),
        ({"labels": {}}, "labels"),
        ({"label": "secret"}, "label"),
        ({}, "give labels or label"),
        ({"label": "hateful", "labels": {"hateful": "hateful"}}, "give labels or label"),
        ({"label": "hateful", "secret": 1}, "an unknown field"),
        ({"label": "hateful", "reason": "x" * 5000}, "reason"),
    ],
)
def test_feedback_that_says_nothing_sound_gets_422(client: TestClient, body: dict[str, Any], said: str) -> None:
    answer = _say(client, decision_id=UNKNOWN, **body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert "secret" not in answer.text


def test_feedback_that_is_no_json_is_refused(client: TestClient) -> None:
    for content, kind, status in ((b"{", "application/json", 400), (b"[]", "application/json", 422), (b"", "", 415)):
        assert client.post("/v1/feedback", content=content, headers={"Content-Type": kind}).status_code == status


def test_a_deleted_decision_is_gone_with_its_feedback(keeping: TestClient) -> None:
    decision_id = _classify(keeping)["decision_id"]
    _say(keeping, decision_id=decision_id, label="hateful")
    assert keeping.delete(f"/v1/decisions/{decision_id}").status_code == 204
    for answer in (
        keeping.get(f"/v1/decisions/{decision_id}"),
        keeping.delete(f"/v1/decisions/{decision_id}"),
        _say(keeping, decision_id=decision_id, label="hateful"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_decision")


def test_a_ledger_that_is_off_takes_no_feedback_and_holds_up_no_verdict(scorer: Scorer) -> None:
    with _client(scorer, ledger_url="none") as client:
        verdict = _classify(client)
        answer = _say(client, decision_id=verdict["decision_id"], label="hateful")
        assert client.get("/readyz").status_code == 200
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_off")
    assert "MEMEGUARD_LEDGER_URL=none" in answer.json()["detail"]


def test_without_a_database_nothing_is_decided_and_the_worker_is_not_ready(scorer: Scorer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where a folder should be")
    with _client(scorer, ledger_url=f"sqlite:///{tmp_path}/file/ledger.db") as client:
        ready = client.get("/readyz")
        answer = client.post("/v1/classify", json={"text": "some words"})
        several = client.post("/v1/classify", json={"items": [{"text": "some words"}]})
        metrics = client.get("/metrics").text
    assert ready.status_code == 503
    assert "ledger" in json.dumps(ready.json()["problems"])
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")
    assert answer.headers["retry-after"] == "5"
    assert several.json()["results"][0]["error"]["code"] == "ledger_unavailable"
    assert 'memeguard_ledger_writes_total{result="failed"} 2.0' in metrics


def test_openapi_documents_feedback_and_decisions(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {"201", "404", "422", "503"} <= set(document["paths"]["/v1/feedback"]["post"]["responses"])
    assert {"get", "delete"} <= set(document["paths"]["/v1/decisions/{decision_id}"])
    assert {"FeedbackDoc", "DecisionDoc"} <= set(document["components"]["schemas"])

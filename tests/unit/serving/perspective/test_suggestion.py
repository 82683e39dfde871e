"""``comments:suggestscore``: feedback on the decision about the same words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.signals import client_with_policies

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.perspective.paths import ANALYZE, SUGGEST_SCORE
from serving.settings import Settings


@pytest.fixture(scope="module")
def keeping(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, AppState]]:
    """An app whose ledger is its own."""
    url = f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db"
    state = AppState(Settings.model_validate({"ocr": "none", "ledger_url": url, "ledger_store_text": True}), scorer)
    with TestClient(create_app(lambda: state)) as client:
        yield client, state


def _analyzed(client: TestClient, text: str) -> str:
    asked = {"comment": {"text": text}, "requestedAttributes": {"IDENTITY_ATTACK": {}}}
    decision_id: str = client.post(ANALYZE, json=asked).json()["memeguard"]["decisionId"]
    return decision_id


def _suggest(client: TestClient, text: str, value: float | None, **more: Any) -> Any:
    said = {"comment": {"text": text}, "attributeScores": {"IDENTITY_ATTACK": {"summaryScore": {"value": value}}}}
    return client.post(SUGGEST_SCORE, json=said | more)


def _labels(client: TestClient, decision_id: str) -> list[tuple[Any, ...]]:
    kept = client.get(f"/v1/decisions/{decision_id}").json()["feedback"]
    return [(one["labels"]["hateful"], one["reason"]) for one in kept]


def test_a_suggestion_is_a_label_of_the_last_decision_about_these_words(keeping: tuple[TestClient, AppState]) -> None:
    client, _ = keeping
    older, last, other = (_analyzed(client, text) for text in ("same words", "same words", "other words"))
    answer = _suggest(client, "same words", 0.5, clientToken="comment-53922", communityId="/forum/movies")
    assert (answer.status_code, answer.json()) == (200, {"clientToken": "comment-53922"})
    assert _suggest(client, "same words", 0.25).json() == {}
    assert _labels(client, last) == [
        ("hateful", "suggested IDENTITY_ATTACK 0.5, community /forum/movies"),
        ("not_hateful", "suggested IDENTITY_ATTACK 0.25"),
    ]
    assert (_labels(client, older), _labels(client, other)) == ([], [])


def test_words_that_were_never_judged_are_judged_first(keeping: tuple[TestClient, AppState]) -> None:
    client, state = keeping
    assert _suggest(client, "words that nobody sent before", 1).status_code == 200
    with state.decisions.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT decision_id, route, text FROM decisions ORDER BY created_at").all()
    decision_id, route, text = rows[-1]
    assert (route, text) == (SUGGEST_SCORE, "words that nobody sent before")
    assert _labels(client, decision_id) == [("hateful", "suggested IDENTITY_ATTACK 1")]
    _suggest(client, "words that nobody sent before", 0)
    assert len(_labels(client, decision_id)) == 2


def test_what_waits_for_reviewers_goes_on_waiting(scorer: Scorer, tmp_path: Path) -> None:
    with client_with_policies(scorer, tmp_path, ledger_url=f"sqlite:///{tmp_path}/ledger.db") as client:

        def states() -> list[str]:
            with client.app.state.app_state.decisions.database.reading() as connection:  # type: ignore[attr-defined]
                return list(connection.exec_driver_sql("SELECT state FROM review_items").scalars())

        asked = {"comment": {"text": "words to look at"}, "requestedAttributes": {"IDENTITY_ATTACK": {}}}
        answer = client.post(ANALYZE, json=asked, headers={"X-Memeguard-Policy": "reviewing"}).json()["memeguard"]
        assert _suggest(client, "words to look at", 0).status_code == 200
        assert (len(_labels(client, answer["decisionId"])), states()) == (1, ["open"])
        said = {"decision_id": answer["decisionId"], "labels": {"hateful": "not_hateful"}}
        assert client.post("/v1/feedback", json=said).is_success
        assert states() == ["decided"]


@pytest.mark.parametrize(
    ("scores", "error_type", "message"),
    [
        (None, "NO_REQUESTED_ATTRIBUTES", "Missing attribute_scores"),
        ({"TOXICITY": {"summaryScore": {"value": 0}}}, "INVALID_REQUEST", "Unknown requested attribute: TOXICITY"),
        (
            {"IDENTITY_ATTACK": {"spanScores": [{"begin": 0, "end": 2, "score": {"value": 1}}]}},
            "INVALID_REQUEST",
            "attributeScores.IDENTITY_ATTACK needs a summaryScore with a value",
        ),
        (
            {"IDENTITY_ATTACK": {"summaryScore": {"value": 1.5}}},
            "INVALID_REQUEST",
            "attributeScores.summaryScore.value",
        ),
        (
            {"IDENTITY_ATTACK": {"summaryScore": {"value": 1, "type": "RAW"}}},
            "INVALID_REQUEST",
            "Requested score type RAW is not supported",
        ),
    ],
)
def test_a_suggestion_that_cannot_be_kept_is_refused(
    client: TestClient, scores: Any, error_type: str, message: str
) -> None:
    answer = client.post(SUGGEST_SCORE, json={"comment": {"text": "words"}, "attributeScores": scores})
    error = answer.json()["error"]
    assert (answer.status_code, error["details"][0]["errorType"]) == (400, error_type)
    assert error["message"].startswith(message)


def test_words_over_the_limit_are_refused_before_anything_is_kept(client: TestClient) -> None:
    answer = _suggest(client, "word " * 2001, 1)
    assert (answer.status_code, answer.json()["error"]["details"][0]["errorType"]) == (400, "COMMENT_TOO_LONG")


def test_a_server_that_keeps_no_decisions_says_so(scorer: Scorer) -> None:
    state = AppState(Settings(ocr="none", ledger_url="none"), scorer)
    with TestClient(create_app(lambda: state)) as client:
        answer = _suggest(client, "words", 1)
    assert (answer.status_code, answer.json()["error"]["status"]) == (503, "UNAVAILABLE")
    assert "MEMEGUARD_LEDGER_URL" in answer.json()["error"]["message"]

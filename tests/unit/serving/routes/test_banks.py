import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from support.banks import SENTENCE, photo, random_pdq

from model import Scorer
from model.known.words import words_key
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings

POLICIES = """format_version: 1
default: banked
policies:
  banked:
    version: "1"
    thresholds: {hateful: {review: 0.99, block: never}}
    banks: {removed: , jokes: {same_picture: benign}}
  unknown:
    version: "1"
    extends: bundle
    banks: {nowhere: }
"""
OTHER_WORDS = "these are quite other words than before"
WITHIN_S = 2.0


@pytest.fixture(scope="module")
def served(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("banks")
    (folder / "policies.yaml").write_text(POLICIES)
    asked = Settings.model_validate(
        {
            "ocr": "none",
            "ledger_url": f"sqlite:///{folder}/ledger.db",
            "ledger_store_fingerprints": True,
            "policy_file": folder / "policies.yaml",
        }
    )
    with TestClient(create_app(lambda: AppState(asked, scorer)), raise_server_exceptions=False) as client:
        for name, action in (("removed", "block"), ("jokes", "benign")):
            assert client.post("/v1/banks", json={"name": name, "action": action}).status_code == 201
        assert _until(lambda: client.get("/readyz").json()["warnings"] == [_WARNING])
        yield client


_WARNING = (
    "banks: a policy names the bank 'nowhere', and there is no such one, so that memes are at least reviewed; make it "
    "with `memeguard bank create nowhere`"
)


def _until(holds: Callable[[], bool]) -> bool:
    ends = time.monotonic() + WITHIN_S
    while not holds() and time.monotonic() < ends:
        time.sleep(0.05)
    return holds()


def _add(client: TestClient, bank: str, **body: Any) -> str:
    answer = client.post(f"/v1/banks/{bank}/entries", **body)
    assert answer.status_code == 201, answer.text
    (entry,) = answer.json()["entries"]
    assert _until(lambda: client.get(f"/v1/banks/{bank}/entries").json()["entries"] != [])
    return str(entry["entry_id"])


def _upload(picture: bytes, text: str | None = SENTENCE) -> dict[str, Any]:
    return {"files": {"image": picture}, "data": {} if text is None else {"text": text}}


def _matches(client: TestClient, picture: bytes, text: str | None = SENTENCE, bank: str = "removed") -> list[Any]:
    answer = client.post(f"/v1/match?bank={bank}", **_upload(picture, text))
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["matches"]
    return found


def _classify(client: TestClient, picture: bytes, text: str = SENTENCE, **data: str) -> dict[str, Any]:
    answer = client.post("/v1/classify", files={"image": picture}, data={"text": text} | data)
    assert answer.status_code == 200, answer.text
    verdict: dict[str, Any] = answer.json()
    return verdict


def test_an_altered_copy_is_blocked_and_parts_of_it_are_reviewed_with_bank_entry_and_kind(served: TestClient) -> None:
    entry = _add(served, "removed", **_upload(photo(1)))
    copy = photo(1, quality=40, scale=0.7)
    assert _until(lambda: _matches(served, copy) != [])
    for picture, text, kind, action, decision in (
        (photo(1), SENTENCE, "same_meme", "block", "block"),
        (copy, SENTENCE.upper(), "same_meme", "block", "block"),
        (copy, OTHER_WORDS, "same_picture", "review", "review"),
        (photo(2), SENTENCE, "same_words", "review", "review"),
    ):
        verdict = _classify(served, picture, text)
        (known,) = verdict["known"]
        assert (known["bank"], known["entry"], known["kind"], known["action"]) == ("removed", entry, kind, action)
        assert verdict["decision"] == decision
        assert f"bank removed: the {'same meme as' if kind == 'same_meme' else ''}" in verdict["policy"]["reasons"][0]
    assert _classify(served, photo(3), OTHER_WORDS)["known"] == []


def test_a_match_tells_distances_and_judges_nothing(served: TestClient) -> None:
    _add(served, "removed", **_upload(photo(4), "a sentence of the fourth picture here"))
    assert _until(lambda: _matches(served, photo(4), OTHER_WORDS) != [])
    (found,) = _matches(served, photo(4, quality=40), "a sentence of the fourth picture here")
    assert found.keys() == {
        "bank", "entry", "kind", "action", "picture_distance", "words_distance", "mirrored", "quarantined"
    }  # fmt: skip
    assert found["kind"] == "same_meme"
    assert found["action"] == "block"
    assert 0 <= found["picture_distance"] < 20
    assert found["words_distance"] == 0
    alone = served.post("/v1/match", json={"text": "a sentence of the fourth picture here", "id": "post-1"}).json()
    assert alone["id"] == "post-1"
    assert [one["kind"] for one in alone["matches"]] == ["same_words"]


def test_a_policy_that_says_so_lets_a_benign_picture_pass_whatever_its_words(served: TestClient) -> None:
    _add(served, "jokes", **_upload(photo(5), "a joke that everybody knows already"))
    assert _until(lambda: _matches(served, photo(5), bank="jokes") != [])
    verdict = _classify(served, photo(5), OTHER_WORDS)
    assert [one["action"] for one in verdict["known"]] == ["benign"]
    assert verdict["decision"] == "allow"


def test_a_policy_with_a_bank_that_is_not_there_reviews_every_meme(served: TestClient) -> None:
    verdict = _classify(served, photo(6), OTHER_WORDS, policy="unknown")
    assert verdict["decision"] == "review"
    assert any("bank nowhere: it is not there" in reason for reason in verdict["policy"]["reasons"])


def test_an_entry_of_a_decision_goes_when_the_decision_goes(served: TestClient) -> None:
    verdict = _classify(served, photo(7), OTHER_WORDS)
    _add(served, "removed", json={"decision_id": verdict["decision_id"], "note": "an appeal"})
    assert _until(lambda: _matches(served, photo(7, quality=50), OTHER_WORDS) != [])
    assert served.delete(f"/v1/decisions/{verdict['decision_id']}").status_code == 204
    assert _until(lambda: _matches(served, photo(7), OTHER_WORDS) == [])


def test_an_entry_of_hashes_alone_is_found_and_can_be_taken_out(served: TestClient) -> None:
    words = "hashes of words that nobody sent"
    body = {"pdq": random_pdq(8).hex(), "pdq_quality": 90, "words_key": words_key(words), "owner": "ann"}
    entry = _add(served, "removed", json=body)
    assert _add(served, "removed", json=body) == entry
    assert _until(lambda: _matches(served, photo(8), words) != [])
    assert served.delete(f"/v1/banks/removed/entries/{entry}").status_code == 204
    assert _until(lambda: _matches(served, photo(8), words) == [])
    assert served.delete(f"/v1/banks/removed/entries/{entry}").json()["code"] == "unknown_entry"


def test_banks_are_listed_made_once_and_deleted_with_their_entries(served: TestClient) -> None:
    asked = {"name": "brief", "action": "review", "owner": "ann", "expires_at": "2999-01-01T00:00:00Z"}
    made = served.post("/v1/banks", json=asked).json()
    assert made["expires_at"] == "2999-01-01T00:00:00Z"
    assert served.post("/v1/banks", json=asked).json()["code"] == "bank_exists"
    _add(served, "brief", json={"sha256": "A" * 64})
    assert [one["entries"] for one in served.get("/v1/banks").json()["banks"] if one["name"] == "brief"] == [1]
    assert served.get("/v1/banks/brief").json()["entries"] == 1
    (entry,) = served.get("/v1/banks/brief/entries").json()["entries"]
    assert (entry["sha256"], entry["pdq"]) == ("a" * 64, None)
    assert served.delete("/v1/banks/brief").status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/entries"), ("DELETE", "/entries/0")):
        answer = served.request(method, f"/v1/banks/brief{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_bank")
    gone: dict[str, Any] = {"url": "/v1/match?bank=brief", "json": {"text": "words"}}
    assert _until(lambda: served.post(**gone).status_code == 404)
    assert served.post(**gone).json()["code"] == "unknown_bank"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/banks", {"name": "../etc", "action": "block"}, 422, "invalid_body"),
        ("/v1/banks", {"name": "x", "action": "allow"}, 422, "invalid_body"),
        ("/v1/banks", {"name": "x", "action": "block", "note": "a\nb"}, 422, "invalid_body"),
        ("/v1/banks", {"name": "x", "action": "block", "expires_at": "2999-01-01T00:00:00"}, 422, "invalid_body"),
        ("/v1/banks", {"name": "x", "action": "block", "more": 1}, 422, "invalid_body"),
        ("/v1/banks/removed/entries", {"pdq": "00"}, 422, "invalid_body"),
        ("/v1/banks/removed/entries", {"words_key": "00"}, 422, "invalid_body"),
        ("/v1/banks/removed/entries", {"decision_id": "0" * 32}, 404, "unknown_decision"),
        ("/v1/banks/removed/entries?expires_at=soon", {"text": "some words"}, 422, "invalid_body"),
        ("/v1/banks/removed/entries", {"note": "no meme"}, 422, "invalid_body"),
        ("/v1/banks/none/entries", {"text": "some words"}, 404, "unknown_bank"),
        ("/v1/match", {"items": [{"text": "a"}, {"text": "b"}]}, 413, "too_many_items"),
        ("/v1/match", {"image": "JUNK"}, 415, "unsupported_format"),
    ],
)
def test_what_cannot_be_is_a_problem_with_a_code(
    served: TestClient, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = served.post(path, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_bodies = st.dictionaries(
    st.sampled_from(["pdq", "sha256", "words_key", "decision_id", "note", "expires_at", "pdq_quality", "text"]), _values
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(_bodies)
def test_no_body_brings_an_entry_route_down(served: TestClient, body: dict[str, Any]) -> None:
    assert served.post("/v1/banks/removed/entries", json=body).status_code in (201, 404, 413, 422)


def test_without_a_ledger_there_are_no_banks_and_a_policy_that_names_some_is_warned_of(
    scorer: Scorer, tmp_path: Path
) -> None:
    (tmp_path / "policies.yaml").write_text(POLICIES)
    asked = Settings.model_validate({"ocr": "none", "ledger_url": "none", "policy_file": tmp_path / "policies.yaml"})
    with TestClient(create_app(lambda: AppState(asked, scorer))) as client:
        assert client.get("/v1/banks").json()["code"] == "ledger_off"
        assert client.post("/v1/match", json={"text": "words"}).json()["code"] == "ledger_off"
        assert "the ledger that would hold them is switched off" in client.get("/readyz").json()["warnings"][0]
        assert _classify(client, photo(9))["decision"] == "review"


def test_a_policy_without_banks_asks_none(served: TestClient) -> None:
    verdict = _classify(served, photo(1), policy="default")
    assert verdict["known"] == []

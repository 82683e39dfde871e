"""``comments:analyze`` in this process: what becomes of each comment, what is kept of it, and every error's body."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.perspective.paths import ANALYZE as URL
from serving.perspective.paths import DISCOVERY
from serving.schemas import PerspectiveProblemDoc
from serving.schemas.examples import COMMENT, COMMENT_REQUESTS
from serving.schemas.perspective import AnalyzeCommentDoc
from serving.settings import Settings

ASKED: dict[str, Any] = {"IDENTITY_ATTACK": {}}
WORDS = "What kind of name is foo? Sorry, I like your name."
POLICIES = """
format_version: 1
default: lenient
policies:
  lenient:
    version: "1"
    thresholds: {hateful: {review: 0.999, block: never}}
    word_lists:
      ours: {action: block, entries: [zebra]}
  strict:
    version: "1"
    thresholds: {hateful: {review: 0.0001, block: never}}
"""


def _analyzed(client: TestClient, text: str, headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    asked = {"comment": {"text": text}, "requestedAttributes": ASKED} | more
    answer = client.post(URL, json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    AnalyzeCommentDoc.model_validate_json(answer.content)
    document: dict[str, Any] = answer.json()
    return document


def _attack(document: dict[str, Any]) -> dict[str, Any]:
    scores: dict[str, Any] = document["attributeScores"]["IDENTITY_ATTACK"]
    return scores


def _hateful(client: TestClient, text: str) -> float:
    score: float = client.post("/v1/classify", json={"text": text}).json()["scores"]["hateful"]
    return score


@pytest.fixture(scope="module")
def ruled(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app with two policies, which lets three memes into a request and keeps no decisions."""
    path: Path = tmp_path_factory.mktemp("policies") / "policies.yaml"
    path.write_text(POLICIES)
    settings = Settings(ocr="none", policy_file=path, max_items=3, ledger_url="none")
    with TestClient(create_app(lambda: AppState(settings, scorer)), raise_server_exceptions=False) as client:
        yield client


def test_identity_attack_is_the_score_that_classify_gives_and_its_span_is_the_comment(client: TestClient) -> None:
    document = _analyzed(client, WORDS, languages=["en"], clientToken="comment-53922", sessionId="5", communityId="/f")
    attack = _attack(document)
    assert attack["summaryScore"] == {"value": pytest.approx(_hateful(client, WORDS), abs=1e-6), "type": "PROBABILITY"}
    assert attack["spanScores"] == [{"begin": 0, "end": len(WORDS), "score": attack["summaryScore"]}]
    assert (document["languages"], document["clientToken"]) == (["en"], "comment-53922")
    assert document["memeguard"]["decision"] == "allow"


def test_each_sentence_gets_the_score_that_it_has_alone(client: TestClient) -> None:
    attack = _attack(_analyzed(client, WORDS, spanAnnotations=True))
    assert [(one["begin"], one["end"]) for one in attack["spanScores"]] == [(0, 25), (26, 50)]
    alone = [_hateful(client, WORDS[:25]), _hateful(client, WORDS[26:])]
    assert [one["score"]["value"] for one in attack["spanScores"]] == pytest.approx(alone, abs=1e-5)
    assert attack["summaryScore"]["value"] == pytest.approx(_hateful(client, WORDS), abs=1e-5)


def test_a_comment_of_many_sentences_gets_as_many_parts_as_a_request_may_have_beside_it(ruled: TestClient) -> None:
    attack = _attack(_analyzed(ruled, "One. Two. Three. Four. Five.", spanAnnotations=True))
    assert [(one["begin"], one["end"]) for one in attack["spanScores"]] == [(0, 16), (17, 28)]


def test_one_sentence_is_the_comment_with_what_surrounds_it(client: TestClient) -> None:
    (span,) = _attack(_analyzed(client, " One sentence. ", spanAnnotations=True))["spanScores"]
    assert (span["begin"], span["end"]) == (0, 15)


def test_html_is_judged_without_its_tags(client: TestClient) -> None:
    html = {"text": "<p>some <b>words</b> &amp; more</p>", "type": "HTML"}
    attack = _attack(_analyzed(client, "", comment=html))
    assert attack["summaryScore"]["value"] == pytest.approx(_hateful(client, "some words & more\n"), abs=1e-6)
    assert attack["spanScores"][0]["end"] == len(html["text"])


def test_scores_below_a_threshold_are_left_out(client: TestClient) -> None:
    score = _hateful(client, "some words")
    for threshold, is_there in ((0, True), (score - 1e-4, True), (score + 1e-4, False)):
        document = _analyzed(
            client, "some words", requestedAttributes={"IDENTITY_ATTACK": {"scoreThreshold": threshold}}
        )
        assert ("attributeScores" in document) == is_there, threshold
        assert document["memeguard"]["scores"]["hateful"] == pytest.approx(score, abs=1e-6)


def test_names_with_underscores_and_members_that_are_null_are_read_as_protobuf_reads_them(client: TestClient) -> None:
    asked = {
        "comment": {"text": WORDS, "type": None},
        "requested_attributes": {"IDENTITY_ATTACK": {"score_threshold": None, "score_type": "PROBABILITY"}},
        "span_annotations": True,
        "do_not_store": True,
        "context": {"entries": [{"text": "what it answers", "type": "PLAIN_TEXT"}]},
        "languages": None,
    }
    document = client.post(URL, json=asked).json()
    assert len(_attack(document)["spanScores"]) == 2
    assert "decisionId" not in document["memeguard"]


def test_a_decision_is_kept_without_words_and_none_where_nothing_is_to_be_stored(client: TestClient) -> None:
    kept = _analyzed(client, "telltale words")["memeguard"]["decisionId"]
    row = client.get(f"/v1/decisions/{kept}")
    assert (row.json()["route"], row.json()["kind"]) == (URL, "text")
    assert "telltale" not in row.text


def test_what_is_not_to_be_stored_leaves_no_row_and_is_counted(scorer: Scorer, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    settings = Settings.model_validate({"ocr": "none", "ledger_url": url, "ledger_store_text": True})
    with TestClient(create_app(lambda: AppState(settings, scorer))) as client:
        _analyzed(client, "telltale words. And more.", doNotStore=True, spanAnnotations=True)
        assert 'memeguard_decisions_total{decision="allow",policy="default"} 1.0' in client.get("/metrics").text
        _analyzed(client, "other words", doNotStore=False)
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"other words" in content
    assert b"telltale" not in content


def test_english_of_any_region_is_judged_and_other_languages_are_told_as_perspective_tells_them(
    client: TestClient,
) -> None:
    assert _analyzed(client, "some words", languages=["en-GB", "EN"])["languages"] == ["en-GB", "EN"]
    assert _analyzed(client, "some words")["languages"] == ["en"]
    for text, languages, told in (
        ("words", ["it"], {"requestedLanguages": ["it"]}),
        ("words", ["en", "hi-Latn"], {"requestedLanguages": ["en", "hi-Latn"]}),
        ("Привет, мир", [], {"detectedLanguages": ["und-Cyrl"]}),
    ):
        asked = {"comment": {"text": text}, "requestedAttributes": ASKED, "languages": languages}
        answer = client.post(URL, json=asked)
        ((codes,),) = [list(told.values())]
        message = f"Attribute IDENTITY_ATTACK does not support request languages: {', '.join(codes)}"
        assert answer.json()["error"] == {
            "code": 400,
            "message": message,
            "status": "INVALID_ARGUMENT",
            "details": [
                {
                    "@type": "type.googleapis.com/google.commentanalyzer.v1alpha1.Error",
                    "errorType": "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
                    "languageNotSupportedByAttributeError": {"attribute": "IDENTITY_ATTACK", **told},
                }
            ],
        }


def test_what_is_dropped_is_not_answered_and_with_nothing_left_it_is_a_review(client: TestClient) -> None:
    both: dict[str, Any] = {"IDENTITY_ATTACK": {}, "TOXICITY": {}}
    some = _analyzed(client, "words", requestedAttributes=both, dropUnsupportedAttributes=True)
    assert set(some["attributeScores"]) == {"IDENTITY_ATTACK"}
    for text, asked in (("words", {"TOXICITY": {}}), ("Привет, мир", both)):
        none = _analyzed(client, text, requestedAttributes=asked, dropUnsupportedAttributes=True)
        assert "attributeScores" not in none
        assert (none["memeguard"]["decision"], none["memeguard"]["scores"]) == ("review", {})
        assert "nothing was judged" in none["memeguard"]["policy"]["reasons"][0]


def test_a_policy_decides_beside_the_scores(ruled: TestClient) -> None:
    lenient, listed = _analyzed(ruled, "a horse"), _analyzed(ruled, "a zebra")
    strict = _analyzed(ruled, "a horse", headers={"X-Memeguard-Policy": "strict"})
    decisions = [one["memeguard"]["decision"] for one in (lenient, listed, strict)]
    assert decisions == ["allow", "block", "review"]


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ({"comment": {"text": " \u200b"}}, "COMMENT_EMPTY", "Comment must be non-empty."),
        ({"comment": {"text": "<br>", "type": "HTML"}}, "COMMENT_EMPTY", "Comment must be non-empty."),
        ({"comment": None}, "COMMENT_EMPTY", "Comment must be non-empty."),
        (
            {"comment": {"text": "\u20ac" * 7000}},
            "COMMENT_TOO_LONG",
            "Comment text was too many bytes. Value (21000) exceeded limit (20480).",
        ),
        ({"comment": {"text": "word " * 2001}}, "COMMENT_TOO_LONG", "text has 10005 characters; the limit is 10000"),
        ({"requestedAttributes": {}}, "NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes"),
        ({"requestedAttributes": None}, "NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes"),
        ({"requestedAttributes": {"TOXICITY": {}}}, "INVALID_REQUEST", "Unknown requested attribute: TOXICITY. This"),
        (
            {"requestedAttributes": {"secret": {}}},
            "INVALID_REQUEST",
            "Unknown requested attribute. This server answers",
        ),
        (
            {"requestedAttributes": {"secret": {}}, "dropUnsupportedAttributes": True},
            "INVALID_REQUEST",
            "Unknown requested attribute. This server answers: IDENTITY_ATTACK",
        ),
        (
            {"requestedAttributes": {"IDENTITY_ATTACK": {"scoreType": "PERCENTILE"}}},
            "INVALID_REQUEST",
            "Requested score type PERCENTILE is not supported by attribute IDENTITY_ATTACK",
        ),
        (
            {"context": {"entries": [{"text": "secret"}], "articleAndParentComment": {}}},
            "INVALID_REQUEST",
            "Context can have either entries or article_and_parent_comment, but both fields were populated.",
        ),
        ({"comment": {"text": "words", "type": "secret"}}, "INVALID_REQUEST", "comment.type: Input should be"),
        ({"comment": {"text": 5}}, "INVALID_REQUEST", "comment.text: Input should be a valid string"),
        ({"languages": ["secret words"]}, "INVALID_REQUEST", "languages.0: String should match pattern"),
        ({"doNotStore": "secret"}, "INVALID_REQUEST", "doNotStore: Input should be a valid boolean"),
        ({"secret": 1}, "INVALID_REQUEST", "an unknown field"),
    ],
)
def test_an_error_has_perspectives_kind_and_message_and_repeats_nothing(
    client: TestClient, body: dict[str, Any], error_type: str, message: str
) -> None:
    answer = client.post(URL, json={"comment": {"text": "words"}, "requestedAttributes": ASKED} | body)
    problem = PerspectiveProblemDoc.model_validate_json(answer.content)
    assert (answer.status_code, problem.status, problem.error.code) == (400, 400, 400)
    assert problem.error.message == problem.detail
    assert problem.detail.startswith(message)
    (detail,) = answer.json()["error"]["details"]
    assert detail["errorType"] == error_type
    assert "secret" not in answer.text


def test_a_comment_of_which_the_end_was_not_judged_gets_no_score(client: TestClient) -> None:
    answer = client.post(URL, json={"comment": {"text": "a b " * 2490}, "requestedAttributes": ASKED})
    assert (answer.status_code, answer.json()["error"]["details"][0]["errorType"]) == (400, "COMMENT_TOO_LONG")
    assert "send it in parts" in answer.json()["error"]["message"]


def test_errors_from_before_the_route_have_googles_member_too(client: TestClient) -> None:
    for answer, status in (
        (client.get(URL), "INVALID_ARGUMENT"),
        (client.post(URL, content=b"x"), "INVALID_ARGUMENT"),
        (client.post(URL, content=b"{", headers={"Content-Type": "application/json"}), "INVALID_ARGUMENT"),
        (client.post(URL, json={}, headers={"X-Large": "x" * 70_000}), "INVALID_ARGUMENT"),
    ):
        assert PerspectiveProblemDoc.model_validate_json(answer.content).error.status == status
    assert "error" not in client.post("/v1/classify", content=b"x").json()


def test_googles_client_is_told_to_open_a_connection_for_each_call(client: TestClient) -> None:
    for answer in (client.post(URL, json={}), client.get(DISCOVERY[0])):
        assert answer.headers["connection"] == "close"
    assert "connection" not in client.post("/v1/classify", json={"text": "words"}).headers


def test_a_comment_that_a_worker_without_a_model_gets_is_told_to_come_again() -> None:
    state = AppState(Settings(ocr="none", ledger_url="none"), None)
    with TestClient(create_app(lambda: state)) as client:
        answer = client.post(URL, json={"comment": {"text": "words"}, "requestedAttributes": ASKED})
    assert (answer.status_code, answer.json()["error"]["status"]) == (503, "UNAVAILABLE")
    assert "details" not in answer.json()["error"]


def test_no_decision_is_kept_of_a_request_that_had_no_room_for_its_sentences(scorer: Scorer, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    state = AppState(
        Settings.model_validate({"ocr": "none", "ledger_url": url, "max_items": 3, "max_pending": 3}), scorer
    )
    asked = {"comment": {"text": WORDS}, "requestedAttributes": ASKED, "spanAnnotations": True}
    with TestClient(create_app(lambda: state)) as client:
        with state.admission.memes(2):  # room for the comment, and for one of its two sentences at a time
            refused = client.post(URL, json=asked)
        assert (refused.status_code, refused.json()["error"]["status"]) == (503, "UNAVAILABLE")
        assert "decisions_total{" not in client.get("/metrics").text
        with state.decisions.database.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM decisions").scalar() == 0


def test_the_documented_example_is_what_is_answered(client: TestClient) -> None:
    document = client.post(URL, json=COMMENT_REQUESTS["comment"]["value"]).json()
    AnalyzeCommentDoc.model_validate(COMMENT)
    found, told = _attack(document)["summaryScore"], _attack(COMMENT)["summaryScore"]
    assert found["value"] == pytest.approx(told["value"], abs=1e-5)
    same = ("languages", "clientToken")
    assert {name: document[name] for name in same} == {name: COMMENT[name] for name in same}
    assert document["memeguard"].keys() == COMMENT["memeguard"].keys()

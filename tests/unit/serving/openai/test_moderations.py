"""``/v1/moderations`` in this process, without OCR: what becomes of each input, and what every error looks like."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient
from support.pictures import meme

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.openai.request import parse_moderation
from serving.schemas import OpenAIProblemDoc
from serving.schemas.examples import MODERATIONS
from serving.schemas.moderations import N_CATEGORIES, Category, ModerationsDoc
from serving.settings import Settings

URL = "/v1/moderations"
POLICIES = """
format_version: 1
default: lenient
policies:
  lenient:
    version: "1"
    thresholds: {hateful: {review: 0.999, block: never}}
  strict:
    version: "1"
    thresholds: {hateful: {review: 0.0001, block: never}}
  sentences:
    version: "1"
    thresholds:
      hateful:
        both: {review: 0.999, block: never}
        text: {review: 0.0001, block: never}
        image: {review: 0.999, block: never}
  listed:
    version: "1"
    thresholds: {hateful: {review: 0.999, block: never}}
    word_lists:
      ours: {action: block, entries: [zebra]}
"""


def _image(content: bytes | None = None) -> dict[str, Any]:
    encoded = base64.b64encode(meme() if content is None else content).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}


def _link(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def _results(client: TestClient, given: Any, **more: Any) -> list[dict[str, Any]]:
    answer = client.post(URL, json={"input": given, **more})
    assert answer.status_code == 200, answer.text
    ModerationsDoc.model_validate(answer.json())
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


@pytest.fixture(scope="module")
def ruled(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app with three policies."""
    path = tmp_path_factory.mktemp("policies") / "policies.yaml"
    path.write_text(POLICIES)
    settings = Settings(ocr="none", policy_file=Path(path), max_text_chars=100, ledger_url="none")
    with TestClient(create_app(lambda: AppState(settings, scorer)), raise_server_exceptions=False) as client:
        yield client


def test_a_string_gets_the_score_that_classify_gives_it(client: TestClient) -> None:
    (result,) = _results(client, "some words")
    verdict = client.post("/v1/classify", json={"text": "some words"}).json()
    assert result["category_scores"]["hate"] == pytest.approx(verdict["scores"]["hateful"], abs=1e-6)
    of_tasks = {name: score for name, score in verdict["scores"].items() if isinstance(score, float)}
    assert result["memeguard"]["scores"] == pytest.approx(of_tasks, abs=1e-6)
    assert result["memeguard"]["decision"] == verdict["decision"]
    assert len(result["memeguard"]["decision_ids"]) == 1


def test_all_categories_are_there_and_those_that_nobody_judged_say_so(client: TestClient) -> None:
    (result,) = _results(client, "some words")
    applied = result["category_applied_input_types"]
    assert len(get_args(Category)) == N_CATEGORIES
    assert applied.pop("hate") == ["text"]
    assert set(applied) == set(get_args(Category)) - {"hate"}
    assert not any(applied.values())
    for name in applied:
        assert result["categories"][name] is False
        assert result["category_scores"][name] == 0.0


def test_a_list_of_strings_gets_a_result_each_in_order(client: TestClient) -> None:
    texts = ["some words", "others", "and more"]
    together = [result["category_scores"]["hate"] for result in _results(client, texts)]
    alone = [_results(client, text)[0]["category_scores"]["hate"] for text in texts]
    assert together == pytest.approx(alone, abs=1e-5)


def test_parts_are_one_post_and_its_highest_score_counts(ruled: TestClient) -> None:
    pictures = [_image(meme(seed)) for seed in (1, 2, 3)]
    (post,) = _results(ruled, [_text("first"), *pictures, _text("second")])
    scores = [
        ruled.post("/v1/classify", json={"image": one["image_url"]["url"][22:], "text": "first\nsecond"}).json()
        for one in pictures
    ]
    assert post["category_scores"]["hate"] == pytest.approx(max(s["scores"]["hateful"] for s in scores), abs=1e-5)
    assert post["category_applied_input_types"]["hate"] == ["text", "image"]
    assert len(post["memeguard"]["decision_ids"]) == 3
    assert [picture["part"] for picture in post["memeguard"]["pictures"]] == [1, 2, 3]
    assert {picture["text"]["content"] for picture in post["memeguard"]["pictures"]} == {"first\nsecond"}


def test_a_picture_that_nobody_could_read_is_flagged_for_review(ruled: TestClient) -> None:
    (result,) = _results(ruled, [_image()])
    assert (result["flagged"], result["categories"]["hate"]) == (True, False)
    assert result["memeguard"]["decision"] == "review"
    assert result["category_applied_input_types"]["hate"] == ["image"]


def test_a_post_is_hate_where_its_score_reaches_the_threshold_of_what_it_is(ruled: TestClient) -> None:
    for given, expected in (("some words", True), ([_text("some words"), _image()], False)):
        (result,) = _results(ruled, given, policy="sentences")
        assert (result["categories"]["hate"], result["flagged"]) == (expected, expected)


def test_parts_without_a_picture_are_judged_as_words(client: TestClient) -> None:
    (result,) = _results(client, [_text("some"), _text("words")])
    assert result["category_applied_input_types"]["hate"] == ["text"]
    (same,) = _results(client, "some\nwords")
    assert result["category_scores"]["hate"] == pytest.approx(same["category_scores"]["hate"], abs=1e-6)


def test_a_bad_picture_spoils_only_itself_and_its_post_does_not_look_clean(ruled: TestClient) -> None:
    (result,) = _results(ruled, [_text("words"), _image(), _image(b"junk"), _image(b"")])
    assert (result["flagged"], result["categories"]["hate"]) == (True, False)
    told = result["memeguard"]
    assert told["decision"] == "review"
    assert [(error["part"], error["code"]) for error in told["errors"]] == [(2, "unsupported_format"), (3, "empty")]
    assert "a part of the input could not be judged" in told["policy"]["reasons"]
    assert [picture["part"] for picture in told["pictures"]] == [1]


def test_words_are_judged_alone_when_no_picture_could_be_read(ruled: TestClient) -> None:
    (result,) = _results(ruled, [_text("words"), _image(b"junk")])
    (alone,) = _results(ruled, "words")
    assert result["category_scores"]["hate"] == pytest.approx(alone["category_scores"]["hate"], abs=1e-6)
    assert result["category_applied_input_types"]["hate"] == ["text"]
    assert result["flagged"] is True


def test_words_over_the_limit_spoil_only_their_own_result(ruled: TestClient) -> None:
    good, bad = _results(ruled, ["words", "x" * 101])
    assert (good["flagged"], bad["flagged"]) == (False, True)
    assert bad["memeguard"]["errors"][0]["code"] == "text_too_long"
    assert bad["memeguard"]["errors"][0]["part"] is None
    assert bad["category_applied_input_types"]["hate"] == []


def test_an_input_with_nothing_to_be_seen_is_not_flagged_and_not_judged(client: TestClient) -> None:
    for given in ("", " \u200b", [_text("")]):
        (result,) = _results(client, given)
        assert (result["flagged"], result["category_scores"]["hate"]) == (False, 0.0)
        assert result["category_applied_input_types"]["hate"] == []
        assert result["memeguard"]["decision_ids"] == []
    blank, words = _results(client, ["", "words"])
    assert (blank["category_applied_input_types"]["hate"], words["category_applied_input_types"]["hate"]) == (
        [],
        ["text"],
    )


def test_whether_there_is_anything_to_be_seen_is_found_out_where_a_body_is_parsed() -> None:
    body = '{"input": ["words", " ", "\u200b"]}'.encode()
    posts = parse_moderation("application/json", body, Settings()).posts  # on a thread: it takes its time for megabytes
    assert [post.words for post in posts] == ["words", None, None]


def test_the_policy_is_named_in_the_body_or_the_header_and_decides_what_is_hate(ruled: TestClient) -> None:
    (lenient,) = _results(ruled, "words")
    (strict,) = _results(ruled, "words", policy="strict")
    by_header = ruled.post(URL, json={"input": "words"}, headers={"X-Memeguard-Policy": "strict"}).json()["results"][0]
    assert (lenient["flagged"], lenient["categories"]["hate"]) == (False, False)
    for result in (strict, by_header):
        assert (result["flagged"], result["categories"]["hate"]) == (True, True)
        assert result["memeguard"]["policy"]["name"] == "strict"


def test_a_word_list_that_decides_makes_it_hate(ruled: TestClient) -> None:
    (clean, listed) = _results(ruled, ["a horse", "a zebra"], policy="listed")
    assert (clean["flagged"], clean["categories"]["hate"]) == (False, False)
    assert (listed["flagged"], listed["categories"]["hate"]) == (True, True)
    assert listed["memeguard"]["decision"] == "block"


@pytest.mark.parametrize("name", [None, "omni-moderation-latest", "text-moderation-stable", "compact", "compact-{}"])
def test_openais_names_and_our_own_name_the_model(client: TestClient, scorer: Scorer, name: str | None) -> None:
    version = scorer.bundle.manifest.version
    answer = client.post(URL, json={"input": "words", "model": name and name.format(version)})
    assert (answer.status_code, answer.json()["model"]) == (200, f"compact-{version}")


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"input": "words", "model": "gpt-9"}, 404, "model_not_found", "model"),
        ({"input": "words", "policy": "no such"}, 400, "unknown_policy", "policy"),
        ({"input": ["words"] * 17}, 413, "too_many_items", "input"),
        ({"input": [_image(b"junk")]}, 415, "unsupported_format", "input[0].image_url.url"),
        ({"input": [_text(" "), _image(b"")]}, 400, "empty", "input[1].image_url.url"),
        ({"input": "x" * 10_001}, 413, "text_too_long", "input"),
        ({"input": ["", "x" * 10_001]}, 413, "text_too_long", "input[1]"),
        ({"input": [{"type": "text", "text": 5}]}, 400, "invalid_body", "input[0].text"),
        ({"input": [_link("data:x")]}, 400, "bad_data_url", "input[0].image_url.url"),
        ({"input": [{"type": "image_url", "image_url": "data:x"}]}, 400, "bad_data_url", "input[0].image_url"),
        ({"input": [_link("http://10.0.0.1/")]}, 400, "url_not_allowed", "input[0].image_url.url"),
    ],
)
def test_an_error_says_the_same_to_both_kinds_of_client(
    client: TestClient, body: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    answer = client.post(URL, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = OpenAIProblemDoc.model_validate(answer.json())
    assert (answer.status_code, problem.status, problem.code) == (status, status, code)
    assert (problem.error.code, problem.error.message, problem.error.param) == (code, problem.detail, param)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "input must be"),
        ({"input": None}, "input must be"),
        ({"input": []}, "input must be"),
        ({"input": {"text": "x"}}, "input must be"),
        ({"input": [5]}, "input[0]: a list holds only"),
        ({"input": ["words", _text("words")]}, "input[0]: a list holds only"),
        ({"input": [{"type": "secret"}]}, "input[0]: a list holds only"),
        ({"input": [{"type": ["text"]}]}, "input[0]: a list holds only"),
        ({"input": [_text("x"), "words"]}, "input[1]: a list holds only"),
        ({"input": [{"type": "text"}]}, "input[0].text: Field required"),
        ({"input": [_text("x"), {"type": "input_text", "text": None}]}, "input[1].text: Field required"),
        ({"input": [{"type": "image_url", "image_url": ["secret"]}]}, "input[0].image_url: Input should be"),
        ({"input": [{"type": "image_url", "image_url": {"url": 5}}]}, "input[0].image_url.url: Input should be"),
        ({"input": [{"type": "image_url", "image_url": {"secret": 5}}]}, "input[0].image_url.url: Field required"),
        ({"input": [_link("data:") | {"secret": 1}]}, "input[0]: an unknown field"),
        ({"input": [{"type": "input_image", "file_id": "secret"}]}, "input[0].image_url: Field required"),
        ({"input": [_link("data:") | {"file_id": "secret"}]}, "input[0].file_id: Extra inputs are not"),
        ({"input": [{"type": "text", "text": "x", "secret": 1}]}, "input[0]: an unknown field"),
        ({"input": "x", "secret": 1}, "an unknown field"),
        ({"input": "x", "model": 5}, "model: Input should be"),
    ],
)
def test_a_body_of_the_wrong_shape_is_a_bad_request_that_names_the_place(
    client: TestClient, body: dict[str, Any], detail: str
) -> None:
    answer = client.post(URL, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")
    assert answer.json()["error"]["message"].startswith(detail)
    assert "secret" not in answer.text


def test_errors_from_before_the_route_have_openais_member_too(client: TestClient) -> None:
    for answer in (client.get(URL), client.post(URL, content=b"x"), client.post(URL, content=b"{", headers=_JSON)):
        OpenAIProblemDoc.model_validate(answer.json())
    assert "error" not in client.post("/v1/classify", content=b"x").json()


_JSON = {"Content-Type": "application/json"}


def test_the_documented_example_is_of_the_documented_shape(client: TestClient) -> None:
    ModerationsDoc.model_validate(MODERATIONS)
    (result,) = _results(client, "when the code works on the first try")
    (documented,) = MODERATIONS["results"]
    assert result["category_scores"] == pytest.approx(documented["category_scores"], abs=1e-5)

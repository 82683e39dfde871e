"""``/v1/classify``: words without a picture, pictures by URL, and the policy and explanation that are asked for."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.judgements import flat
from support.pictures import meme
from support.tiny import TinyBundle

from model import Meme, Scorer, Verdict
from model.ocr import make_engine
from model.runtime import Runtime
from serving.app_state import AppState
from serving.http.app import create_app
from serving.schemas import ResultsDoc, VerdictDoc
from serving.settings import Settings

URL = "/v1/classify"
PICTURE = meme()
IN_JSON = base64.b64encode(PICTURE).decode()
DATA_URL = f"data:image/png;base64,{IN_JSON}"


def _form(*fields: tuple[str, str], picture: bytes | None = None) -> list[tuple[str, Any]]:
    shown = [] if picture is None else [("image", ("meme.png", picture, "image/png"))]
    return [*shown, *((name, (None, value)) for name, value in fields)]


@pytest.fixture(scope="module")
def narrow(scorer: Scorer) -> Iterator[TestClient]:
    """An app whose limits make a small JSON body a large one: one meme of 10 characters, about a thousand values."""
    settings = Settings(ocr="none", max_items=1, max_text_chars=10, ledger_url="none")
    with TestClient(create_app(lambda: AppState(settings, scorer))) as test_client:
        yield test_client


def test_words_alone_get_the_librarys_verdict_by_json_and_by_form(client: TestClient, scorer: Scorer) -> None:
    by_json = client.post(URL, json={"text": "some words", "id": "comment-1"}).json()
    by_form = client.post(URL, files=_form(("text", "some words"))).json()
    (here,) = scorer.score([Meme.from_text("some words")])
    assert isinstance(here, Verdict)
    assert VerdictDoc.model_validate(by_json).id == "comment-1"
    assert flat(by_json["scores"]) == pytest.approx(flat(here.scores), abs=1e-5)
    assert by_form["scores"] == by_json["scores"]
    assert by_json["text"]["source"] == "caller"


@pytest.mark.parametrize("item", [{}, {"text": None}, {"text": " \u200b\n"}, {"tags": ["cat"]}, {"id": "x"}])
def test_an_item_with_neither_picture_nor_words_is_refused(client: TestClient, item: dict[str, Any]) -> None:
    answer = client.post(URL, json=item)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert "give image, image_url or a text" in answer.json()["detail"]


def test_pictures_and_words_alone_may_be_mixed(client: TestClient) -> None:
    items = [{"text": "words"}, {"image": IN_JSON, "text": "words"}, {"text": ""}, {"image_url": DATA_URL}]
    answer = client.post(URL, json={"items": items})
    ResultsDoc.model_validate(answer.json())
    first, second, third, fourth = answer.json()["results"]
    assert first["scores"] != second["scores"]
    assert third["error"]["code"] == "invalid_body"
    assert fourth["text"]["status"] == "unavailable"


def test_a_data_url_is_the_picture_itself(client: TestClient) -> None:
    plain = client.post(URL, json={"image": IN_JSON, "text": "words"}).json()
    for url in (DATA_URL, DATA_URL.replace("data:image/png;", "DATA:text/plain;x=y;"), DATA_URL.replace("+", "%2B")):
        assert client.post(URL, json={"image_url": url, "text": "words"}).json()["scores"] == plain["scores"]


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("data:", 400, "bad_data_url"),
        ("data:image/png,plain", 400, "bad_data_url"),
        ("data:image/png;base64;charset=x,AAAA", 400, "bad_data_url"),
        ("data:image/png;base64,%%%", 400, "bad_base64"),
        ("data:image/png;base64,\u00e9", 400, "bad_base64"),
        ("data:image/png;base64,", 400, "empty"),
        ("https://example.org/meme.png", 422, "url_not_allowed"),
        ("file:///etc/passwd", 422, "url_not_allowed"),
        ("", 422, "url_not_allowed"),
    ],
)
def test_a_picture_that_cannot_be_had_is_an_error_of_its_item(
    client: TestClient, url: str, status: int, code: str
) -> None:
    alone = client.post(URL, json={"image_url": url})
    among = client.post(URL, json={"items": [{"text": "words"}, {"image_url": url, "id": "bad"}]}).json()["results"]
    assert (alone.status_code, alone.json()["code"]) == (status, code)
    assert (among[1]["id"], among[1]["error"]["code"]) == ("bad", code)
    assert "decision" in among[0]


def test_two_pictures_in_one_item_are_refused(client: TestClient) -> None:
    answer = client.post(URL, json={"image": IN_JSON, "image_url": DATA_URL})
    assert (answer.status_code, answer.json()["detail"]) == (422, "item: give image or image_url, not both")


def test_an_explanation_comes_on_request_by_json_and_by_form(client: TestClient) -> None:
    item = {"image": IN_JSON, "text": "when the code works"}
    plain = client.post(URL, json=item).json()
    explained = VerdictDoc.model_validate(client.post(URL, json=item | {"explain": True}).json())
    many = client.post(URL, json={"items": [item, {"text": "words"}], "explain": True}).json()["results"]
    by_form = client.post(URL, files=_form(("text", "when the code works"), ("explain", "true"), picture=PICTURE))
    assert plain["explanation"] is None
    assert explained.explanation is not None
    assert explained.explanation.text_alone is not None
    assert explained.explanation.image_alone is not None
    assert [word.text for word in explained.explanation.words] == ["when", "the", "code", "works"]
    assert {"hateful", "offensive"} == set(explained.explanation.words[0].effects)
    assert many[0]["explanation"] is not None
    assert many[1]["explanation"]["image_alone"] is None
    assert by_form.json()["explanation"] is not None


@pytest.fixture(scope="module")
def tiny_client(tiny: TinyBundle) -> Iterator[TestClient]:
    small = Scorer(tiny.bundle, Runtime(tiny.bundle, threads=1), make_engine("none"))
    with TestClient(create_app(lambda: AppState(Settings(ocr="none"), small))) as test_client:
        yield test_client


@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize(
    ("level", "n_regions", "n_pairs"), [("true", 0, 0), ("words", 0, 0), ("regions", 16, 0), ("full", 16, 8)]
)
def test_as_much_of_why_is_told_as_was_asked_for(
    tiny_client: TestClient, level: str, n_regions: int, n_pairs: int, as_form: bool
) -> None:
    if as_form:
        answer = tiny_client.post(URL, files=_form(("text", "red blu"), ("explain", level), picture=PICTURE))
    else:
        asked = True if level == "true" else level
        answer = tiny_client.post(URL, json={"image": IN_JSON, "text": "red blu", "explain": asked})
    explanation = VerdictDoc.model_validate(answer.json()).explanation
    assert explanation is not None
    assert [word.text for word in explanation.words] == ["red", "blu"]
    assert (len(explanation.regions), len(explanation.pairs), explanation.detail) == (n_regions, n_pairs, None)


def test_what_was_explained_less_far_is_not_given_for_more(tiny_client: TestClient) -> None:
    def n_regions(**options: object) -> int | None:
        answer = tiny_client.post(URL, json={"image": IN_JSON, "text": "gre", **options}).json()
        return None if answer["explanation"] is None else len(answer["explanation"]["regions"])

    asked: list[dict[str, object]] = [{}, {"explain": "words"}, {"explain": "regions"}, {"explain": False}]
    assert [n_regions(**options) for options in (*asked, *asked)] == [None, 0, 16, None] * 2


def test_the_levels_are_told_to_who_asks_for_another(client: TestClient) -> None:
    for answer in (
        client.post(URL, json={"text": "words", "explain": "all"}),
        client.post(URL, files=_form(("text", "words"), ("explain", "all"))),
    ):
        assert answer.status_code == 422
        assert "words, regions, full" in answer.json()["detail"]


def test_a_request_may_name_its_policy(client: TestClient) -> None:
    for body in (
        {"json": {"text": "words", "policy": "default"}},
        {"files": _form(("text", "x"), ("policy", "default"))},
    ):
        assert client.post(URL, **body).json()["policy"]["name"] == "default"


def test_an_unknown_policy_is_an_error_of_the_request_and_not_of_its_items(client: TestClient) -> None:
    for body in (
        {"json": {"text": "words", "policy": "no such"}},
        {"json": {"items": [{"text": "words"}], "policy": "no such"}},
        {"files": _form(("text", "words"), ("policy", "no such"))},
    ):
        answer = client.post(URL, **body)
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_policy")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ([("explain", "maybe")], "bad_explain"),
        ([("explain", "true"), ("explain", "true")], "explain_count"),
        ([("policy", "default"), ("policy", "default")], "policy_count"),
    ],
)
def test_options_of_a_form_are_given_once_and_in_their_words(
    client: TestClient, fields: list[tuple[str, str]], code: str
) -> None:
    answer = client.post(URL, files=_form(("text", "words"), *fields))
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("options", [{"explain": "true"}, {"policy": 5}, {"policy": ""}, {"deadline": 3}])
def test_options_of_the_wrong_kind_are_refused(client: TestClient, options: dict[str, Any]) -> None:
    for body in ({"text": "words"}, {"items": [{"text": "words"}]}):
        answer = client.post(URL, json=body | options)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")


def test_an_item_does_not_choose_its_own_policy(client: TestClient) -> None:
    (result,) = client.post(URL, json={"items": [{"text": "words", "policy": "default"}]}).json()["results"]
    assert result["error"]["code"] == "invalid_body"


def test_a_body_of_very_many_values_is_refused_before_it_is_parsed(narrow: TestClient) -> None:
    answer = narrow.post(URL, content=b"[" + b"[]," * 2000 + b"[]]", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_values")
    commas = narrow.post(URL, json={"text": "," * 10})
    assert commas.status_code == 200


def test_a_form_of_very_many_tags_is_refused_before_they_are_told_apart(client: TestClient) -> None:
    answer = client.post(URL, files=[("image", meme())], data={"tags": "ab," * 200_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_values")
    few = client.post(URL, files=[("image", meme())], data={"tags": "," * 100_000 + "cat", "text": "words"})
    assert few.status_code == 200

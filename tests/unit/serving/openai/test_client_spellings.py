"""The same post in every way in which OpenAI's clients, old and new, write it; errors that say which part it was."""

import base64
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from support.pictures import meme

from model import Scorer
from serving.openai.request import parse_moderation
from serving.schemas import OpenAIProblemDoc
from serving.schemas.catalogue import ModelCardDoc
from serving.settings import Settings

URL = "/v1/moderations"
PICTURE = "data:image/png;base64," + base64.b64encode(meme()).decode()
_LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_DETAILS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"detail": "low"}, {"detail": "auto"}, {"detail": "original"}, {"detail": None}]
)
_NULLS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"file_id": None}, {"file_id": None, "detail": None}, {"text": None}, {"image_url": None}]
)


@st.composite
def _text_part(draw: st.DrawFn) -> dict[str, Any]:
    return {**draw(_NULLS), "type": draw(st.sampled_from(["text", "input_text"])), "text": "look at this"}


@st.composite
def _image_part(draw: st.DrawFn) -> dict[str, Any]:
    url = PICTURE if draw(st.booleans()) else {"url": PICTURE, **draw(_DETAILS)}
    kind = draw(st.sampled_from(["image_url", "input_image"]))
    return {**draw(_NULLS), **draw(_DETAILS), "type": kind, "image_url": url}


def _scores(client: TestClient, given: Any) -> Any:
    answer = client.post(URL, json={"input": given})
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    assert result["memeguard"]["errors"] == []
    return result["category_scores"]


@_LAW
@given(text=_text_part(), image=_image_part())
def test_every_spelling_of_a_post_gets_the_scores_of_the_plain_one(
    client: TestClient, text: dict[str, Any], image: dict[str, Any]
) -> None:
    plain = [{"type": "text", "text": "look at this"}, {"type": "image_url", "image_url": {"url": PICTURE}}]
    assert _scores(client, [text, image]) == pytest.approx(_scores(client, plain), abs=1e-6)


@_LAW
@given(
    spoilt=st.lists(st.sampled_from(["", "junk", "base64", "url", "https"]), min_size=1, max_size=6),
    is_plain=st.booleans(),
)
def test_each_bad_picture_of_a_post_is_told_its_index_and_member(
    client: TestClient, spoilt: list[str], is_plain: bool
) -> None:
    urls = {
        "": PICTURE,
        "junk": "data:image/png;base64,JUNK",
        "base64": "data:image/png;base64,!",
        "url": "data:image/png,x",
        "https": "https://example.org/a.png",
    }
    images = [{"type": "image_url", "image_url": urls[kind] if is_plain else {"url": urls[kind]}} for kind in spoilt]
    answer = client.post(URL, json={"input": [{"type": "text", "text": "words"}, *images]})
    assert answer.status_code == 200, answer.text
    errors = answer.json()["results"][0]["memeguard"]["errors"]
    bad = [at for at, kind in enumerate(spoilt, start=1) if kind]
    assert [error["part"] for error in errors] == bad
    member = "image_url" if is_plain else "image_url.url"
    assert [error["message"].split(": ")[0] for error in errors] == [f"input[{at}].{member}" for at in bad]


@pytest.mark.parametrize("at", [0, 1, 3])
def test_the_string_that_is_too_long_is_named(client: TestClient, at: int) -> None:
    texts = ["words"] * 4
    texts[at] = "x" * 10_001
    results = client.post(URL, json={"input": texts}).json()["results"]
    told = [[error["message"].split(": ")[0] for error in result["memeguard"]["errors"]] for result in results]
    assert told == [[f"input[{at}]"] if index == at else [] for index in range(4)]


def test_words_that_are_too_long_are_not_blamed_on_the_picture_beside_them(client: TestClient) -> None:
    parts = [{"type": "image_url", "image_url": PICTURE}, {"type": "text", "text": "x" * 10_001}]
    answer = client.post(URL, json={"input": parts})
    assert (answer.status_code, answer.json()["error"]["param"]) == (413, "input[1].text")
    two = client.post(URL, json={"input": [*parts, {"type": "text", "text": "more"}]})
    assert (two.status_code, two.json()["error"]["param"]) == (413, "input")


def test_places_are_those_of_the_parts_that_were_sent() -> None:
    body = (
        b'{"input": [{"type": "input_image", "image_url": "data:"}, {"type": "image_url", "image_url": {"url": "x"}}]}'
    )
    (post,) = parse_moderation("application/json", body, Settings()).posts
    assert [picture.place for picture in post.pictures] == ["input[0].image_url", "input[1].image_url.url"]


@pytest.mark.parametrize(
    "name",
    ["compact", "compact-{}", "omni-moderation-latest", "omni-moderation-2024-09-26", "text-moderation-stable"],
)
def test_every_model_that_a_moderation_may_name_is_found(client: TestClient, scorer: Scorer, name: str) -> None:
    named = name.format(scorer.bundle.manifest.version)
    answer = client.get(f"/v1/models/{named}")
    assert answer.status_code == 200
    card = ModelCardDoc.model_validate(answer.json())
    assert client.post(URL, json={"input": "words", "model": named}).json()["model"] == card.id
    assert [card.id] == [one["id"] for one in client.get("/v1/models").json()["data"]]


@pytest.mark.parametrize(
    "name", ["gpt-4", "compact-9.9.9", "Compact", "omni-moderation-", "omni-moderation", "x" * 300, "omni%2Fmoderation"]
)
def test_a_model_that_no_moderation_may_name_is_not_found_in_openais_shape(client: TestClient, name: str) -> None:
    answer = client.get(f"/v1/models/{name}")
    problem = OpenAIProblemDoc.model_validate(answer.json())
    assert (answer.status_code, problem.error.type) == (404, "not_found_error")
    assert client.post(URL, json={"input": "words", "model": name}).status_code == 404

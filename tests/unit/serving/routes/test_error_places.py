"""Errors of ``/v1/classify`` name the field, the member and the index of what they are about."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from support.pictures import meme

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings

URL = "/v1/classify"
PICTURE = meme()
_LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


GOOD = {"image": _base64(PICTURE), "text": "words"}
#: Items that cannot be judged, and what their errors begin with after the item's own place.
BAD: list[tuple[Any, str]] = [
    ({"image": 5}, ".image: Input should be"),
    ({"image": "!"}, ".image: this is not base64"),
    ({"image": "data:,x"}, ".image: a data: URL must be"),
    ({"image": ""}, ".image: the picture has zero bytes"),
    ({"image": "JUNK"}, ".image: the bytes are no"),
    ({"image": _base64(PICTURE[:600])}, ".image: "),
    ({"image_url": "data:;base64,JUNK"}, ".image_url: the bytes are no"),
    ({"image_url": "data:;base64,!"}, ".image_url: this is not base64"),
    ({"image": None, "image_url": "https://example.org/a.png"}, ".image_url: this server fetches no URL"),
    ({"text": "x" * 51}, ".text: "),
    (GOOD | {"text": 5}, ".text: Input should be"),
    (GOOD | {"tags": ["cat", 5]}, ".tags.1: Input should be"),
    (GOOD | {"tags": ["cat"] * 9}, ".tags: "),
    (GOOD | {"id": ""}, ".id: String should have"),
    (GOOD | {"secret": 1}, ": an unknown field"),
    ({}, ": give image, image_url or a text"),
    (GOOD | {"image_url": "data:"}, ": give image or image_url, not both"),
    ("secret", ": Input should be"),
]


@pytest.fixture(scope="module")
def short(scorer: Scorer) -> Iterator[TestClient]:
    """An app whose longest text has 50 characters."""
    state = AppState(Settings(ocr="none", max_text_chars=50, ledger_url="none"), scorer)
    with TestClient(create_app(lambda: state), raise_server_exceptions=False) as client:
        yield client


@_LAW
@given(chosen=st.lists(st.sampled_from(range(-2, len(BAD))), min_size=1, max_size=6))
def test_each_bad_item_of_many_is_told_its_index_and_member(short: TestClient, chosen: list[int]) -> None:
    rows = [(GOOD, None) if at < 0 else BAD[at] for at in chosen]
    results = short.post(URL, json={"items": [item for item, _ in rows]}).json()["results"]
    told = [result.get("error", {}).get("message") for result in results]
    expected = [None if end is None else f"items.{at}{end}" for at, (_, end) in enumerate(rows)]
    assert [message and message[: len(end or "")] for message, end in zip(told, expected, strict=True)] == expected
    assert "secret" not in str(told)


@pytest.mark.parametrize(("item", "end"), [row for row in BAD if row[1].startswith(".") and row[0] is not None])
def test_the_only_item_is_told_the_member(short: TestClient, item: Any, end: str) -> None:
    assert short.post(URL, json=item).json()["detail"].startswith(end.removeprefix("."))


@_LAW
@given(kinds=st.lists(st.sampled_from(["good", "junk", "cut", "empty", "long", "tags"]), min_size=2, max_size=6))
def test_each_bad_picture_of_a_form_is_told_its_index_and_field(short: TestClient, kinds: list[str]) -> None:
    contents = {"junk": b"junk", "cut": PICTURE[:600], "empty": b""}
    members = {"good": None, "junk": "image", "cut": "image", "empty": "image", "long": "text", "tags": "tags"}
    files = [("image", ("a.png", contents.get(kind, PICTURE), "image/png")) for kind in kinds]
    texts = [("text", (None, "x" * 51 if kind == "long" else "words")) for kind in kinds]
    tags = [("tags", (None, ",".join("abcdefghij") if kind == "tags" else "a")) for kind in kinds]
    results = short.post(URL, files=[*files, *texts, *tags]).json()["results"]
    told = [result.get("error", {"message": ":"})["message"].split(":")[0] or None for result in results]
    expected = [None if members[kind] is None else f"{members[kind]}[{at}]" for at, kind in enumerate(kinds)]
    assert told == expected


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        ([("image", ("a.png", b"junk"))], "image: the bytes are no"),
        ([("image", ("a.png", b""))], "image: the picture has zero bytes"),
        ([("image", ("a.png", PICTURE)), ("text", (None, "x" * 51))], "text: "),
        ([("image", ("a.png", PICTURE)), ("tags", (None, ",".join("abcdefghij")))], "tags: "),
        ([("text", (None, "words")), ("secret", (None, "x"))], "part 2 of the form is a field that is none of image"),
    ],
)
def test_the_only_meme_of_a_form_is_told_the_field(short: TestClient, files: Any, detail: str) -> None:
    answer = short.post(URL, files=files)
    assert answer.json()["detail"].startswith(detail)
    assert "secret" not in answer.text


def test_one_bad_picture_twice_in_a_request_is_told_of_each(short: TestClient) -> None:
    broken = {"image": _base64(PICTURE[:600])}
    results = short.post(URL, json={"items": [broken, broken, broken]}).json()["results"]
    messages = [result["error"]["message"] for result in results]
    assert [message.split(": ")[0] for message in messages] == [f"items.{at}.image" for at in range(3)]
    assert len({message.split(": ", 1)[1] for message in messages}) == 1

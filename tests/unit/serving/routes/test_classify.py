import base64
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.judgements import flat
from support.pictures import AWKWARD, meme

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.schemas import ResultsDoc, VerdictDoc
from serving.settings import Settings

URL = "/v1/classify"
PICTURE = meme()
IN_JSON = base64.b64encode(PICTURE).decode()
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


def _files(*pictures: bytes) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("image", ("meme.png", picture, "image/png")) for picture in pictures]


def _assert_problem(answer: Any, status: int, code: str) -> None:
    document = answer.json()
    assert (answer.status_code, document["code"]) == (status, code), document
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["status"] == status
    assert document["request_id"] == answer.headers["x-request-id"]


@pytest.fixture
def small(scorer: Scorer) -> Iterator[TestClient]:
    """An app with a body limit of 20,000 bytes and at most two pictures."""
    settings = Settings(ocr="none", max_body_bytes=20_000, max_items=2, max_text_chars=50)
    with TestClient(create_app(lambda: AppState(settings, scorer))) as test_client:
        yield test_client


def test_one_picture_gets_a_verdict_of_the_documented_shape(client: TestClient) -> None:
    answer = client.post(URL, files=_files(PICTURE), data={"text": "words of this test alone", "tags": "cat, dog"})
    assert answer.status_code == 200
    verdict = VerdictDoc.model_validate(answer.json())
    assert verdict.text.source == "caller"
    assert verdict.text.content == "words of this test alone"
    assert 0 <= answer.json()["scores"]["hateful"] <= 1
    assert verdict.policy.name == "default"
    assert {"ocr", "preprocess", "model", "total"} <= set(verdict.timings_ms)


def test_json_and_multipart_get_the_same_scores(client: TestClient) -> None:
    by_form = client.post(URL, files=_files(PICTURE), data={"text": "some words", "tags": ["cat", "dog"]}).json()
    by_json = client.post(URL, json={"image": IN_JSON, "text": "some words", "tags": ["cat", "dog"]}).json()
    assert flat(by_json["scores"]) == pytest.approx(flat(by_form["scores"]), abs=1e-6)
    assert by_json["decision"] == by_form["decision"]


def test_json_gives_the_callers_id_back(client: TestClient) -> None:
    assert client.post(URL, json={"image": IN_JSON, "text": "words", "id": "post-17"}).json()["id"] == "post-17"


def test_base64_may_be_wrapped_into_lines(client: TestClient) -> None:
    wrapped = base64.encodebytes(PICTURE).decode()
    assert client.post(URL, json={"image": wrapped, "text": "words"}).status_code == 200


def test_blank_text_counts_as_not_given(client: TestClient) -> None:
    verdict = client.post(URL, files=_files(PICTURE), data={"text": "  "}).json()
    assert verdict["text"]["source"] == "ocr"
    assert verdict["text"]["status"] == "unavailable"
    assert verdict["decision"] in {"review", "block"}


@pytest.mark.parametrize(("name", "content", "status", "code"), AWKWARD, ids=[row[0] for row in AWKWARD])
def test_awkward_files_get_the_answer_they_deserve(
    client: TestClient, name: str, content: bytes, status: int, code: str | None
) -> None:
    answer = client.post(URL, files=[("image", (name, content, "image/jpeg"))], data={"text": "words"})
    assert (answer.status_code, answer.json().get("code")) == (status, code)


def test_several_pictures_are_answered_in_order_and_a_bad_one_spoils_only_itself(client: TestClient) -> None:
    answer = client.post(
        URL, files=_files(PICTURE, b"no picture", PICTURE), data={"text": ["first", "second", "third"]}
    )
    assert answer.status_code == 200
    ResultsDoc.model_validate(answer.json())
    first, second, third = answer.json()["results"]
    assert first["text"]["content"] == "first"
    assert second["error"]["code"] == "unsupported_format"
    assert third["text"]["content"] == "third"


def test_json_items_get_a_list_even_when_there_is_one(client: TestClient) -> None:
    answer = client.post(URL, json={"items": [{"image": IN_JSON, "text": "words"}]})
    assert [set(result) >= {"decision", "scores"} for result in answer.json()["results"]] == [True]


def test_a_malformed_json_item_spoils_only_itself_and_keeps_its_id(client: TestClient) -> None:
    good = {"image": IN_JSON, "text": "words"}
    items = [good, {"image": 5, "id": "post-2"}, {"image": "%%%"}, "no item"]
    results = client.post(URL, json={"items": items}).json()["results"]
    assert "decision" in results[0]
    assert results[1]["id"] == "post-2"
    assert [result["error"]["code"] for result in results[1:]] == ["invalid_body", "bad_base64", "invalid_body"]


@pytest.mark.parametrize(
    ("fields", "pictures", "code"),
    [
        ({"tags": "cat"}, (), "missing_image"),
        ({"text": " \u200b"}, (), "missing_image"),
        ({"text": ["one", "two"]}, (), "text_count"),
        ({"txt": "words"}, (PICTURE,), "unknown_field"),
        ({"text": ["one", "two"]}, (PICTURE,), "text_count"),
        ({"text": "whose?"}, (PICTURE, PICTURE), "text_count"),
        ({"tags": "whose?"}, (PICTURE, PICTURE), "tags_count"),
        ({"tags": ",".join("abcdefghi")}, (PICTURE,), "bad_tags"),
        ({"tags": "x" * 101}, (PICTURE,), "bad_tags"),
    ],
)
def test_forms_that_cannot_be_understood_get_422(
    client: TestClient, fields: dict[str, Any], pictures: tuple[bytes, ...], code: str
) -> None:
    # A file part called "text" makes a form multipart even when there is no picture.
    pairs = [(name, v) for name, value in fields.items() for v in ([value] if isinstance(value, str) else value)]
    files: list[Any] = [*_files(*pictures), *((name, (None, value)) for name, value in pairs)]
    _assert_problem(client.post(URL, files=files), 422, code)


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        {},
        {"image": None},
        {"image": IN_JSON, "text": 5},
        {"image": IN_JSON, "tags": "cat"},
        {"image": IN_JSON, "tags": [1]},
        {"image": IN_JSON, "colour": "red"},
        {"image": IN_JSON, "id": ""},
        {"items": []},
        {"items": "many"},
        {"items": [{"image": IN_JSON}], "text": "words"},
    ],
)
def test_json_of_the_wrong_shape_gets_422(client: TestClient, document: Any) -> None:
    _assert_problem(client.post(URL, json=document), 422, "invalid_body")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"image": "\xe9"}', b"[" * 100_000, b'{"image": 1e}', b"\xef\xbb\xbf{"]
)
def test_damaged_json_gets_400(client: TestClient, body: bytes) -> None:
    answer = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    _assert_problem(answer, 400, "malformed_json")


def test_bad_base64_gets_400(client: TestClient) -> None:
    _assert_problem(client.post(URL, json={"image": "not base64!"}), 400, "bad_base64")


HEAD = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        HEAD + PICTURE,
        HEAD + PICTURE + b"\r\n--b\r\n",
        b"--b\r\n\r\nno header\r\n--b--\r\n",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--b--\r\n",
        b"--b\r\n\x00\xff: garbage\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\n" + b"X-Long: " + b"y" * 10_000 + b"\r\n\r\nx\r\n--b--\r\n",
    ],
)
def test_malformed_multipart_gets_400(client: TestClient, body: bytes) -> None:
    _assert_problem(client.post(URL, content=body, headers=MULTIPART), 400, "malformed_multipart")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
def test_multipart_without_a_boundary_gets_400(client: TestClient, content_type: str) -> None:
    answer = client.post(URL, content=b"--b--", headers={"Content-Type": content_type})
    _assert_problem(answer, 400, "malformed_multipart")


def test_an_overlong_boundary_gets_400(client: TestClient) -> None:
    answer = client.post(URL, content=b"x", headers={"Content-Type": f"multipart/form-data; boundary={'b' * 300}"})
    _assert_problem(answer, 400, "malformed_multipart")


def test_text_that_is_not_utf_8_gets_400_and_is_not_read_as_latin_1(client: TestClient) -> None:
    text = b'\r\n--b\r\nContent-Disposition: form-data; name="text"\r\n\r\ncaf\xe9\r\n--b--\r\n'
    _assert_problem(client.post(URL, content=HEAD + PICTURE + text, headers=MULTIPART), 400, "bad_encoding")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "image/png"}, {"Content-Type": "text/plain; charset=x"}])
def test_other_content_types_get_415(client: TestClient, headers: dict[str, str]) -> None:
    _assert_problem(client.post(URL, content=PICTURE, headers=headers), 415, "unsupported_media_type")


def test_url_encoded_forms_get_415(client: TestClient) -> None:
    _assert_problem(client.post(URL, data={"image": "x"}), 415, "unsupported_media_type")


def test_a_declared_body_over_the_limit_gets_413(small: TestClient) -> None:
    _assert_problem(small.post(URL, content=b"x" * 20_001), 413, "body_too_large")


def test_a_chunked_body_is_refused_at_the_limit_and_read_no_further(small: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 1000

    answer = small.post(URL, content=chunks(), headers={"Content-Type": "application/json"})
    _assert_problem(answer, 413, "body_too_large")
    assert answer.headers["connection"] == "close"


def test_more_pictures_than_allowed_get_413(small: TestClient) -> None:
    _assert_problem(small.post(URL, files=_files(b"a", b"b", b"c")), 413, "too_many_items")
    _assert_problem(small.post(URL, json={"items": [{}, {}, {}]}), 413, "too_many_items")


def test_a_form_of_very_many_parts_gets_413(small: TestClient) -> None:
    _assert_problem(small.post(URL, files=[("tags", (None, "a"))] * 33), 413, "too_many_parts")


def test_text_over_the_limit_gets_413(scorer: Scorer) -> None:
    settings = Settings(ocr="none", max_text_chars=50)
    with TestClient(create_app(lambda: AppState(settings, scorer))) as client:
        answer = client.post(URL, files=_files(PICTURE), data={"text": "x" * 51})
    _assert_problem(answer, 413, "text_too_long")


def test_uploads_are_never_written_to_disk(client: TestClient) -> None:
    written: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            written.append(str(arguments[0]))

    sys.addaudithook(watch)  # cannot be taken away again, hence the switch
    client.post(URL, files=_files(b"\x89PNG" + b"x" * 3_000_000), data={"text": "words"})
    watching = False
    assert written == []

"""Bodies as clients write them: JSON in any charset that it declares or shows, and nothing compressed."""

import codecs
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serving.problems import ProblemError
from serving.requests.json_body import json_object

JSON = "application/json"
MANY = 10_000
ROUTES = ("/v1/classify", "/v1/moderations", "/v1/feedback")
BODIES = {"/v1/classify": {"text": "words"}, "/v1/moderations": {"input": "words"}, "/v1/feedback": {"label": "x"}}
_DOCUMENTS = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), st.text(st.characters(codec="utf-8")))
_MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@given(
    document=_DOCUMENTS,
    charset=st.sampled_from(sorted(_MARKED)),
    content_type=st.sampled_from([JSON, f"{JSON}; charset=utf-8", "Application/JSON;CHARSET=UTF-16", f"{JSON}; x=y"]),
)
def test_json_with_a_byte_order_mark_is_what_it_says(document: Any, charset: str, content_type: str) -> None:
    body = _MARKED[charset] + json.dumps(document, ensure_ascii=False).encode(charset)
    assert json_object(content_type, body, MANY) == document


@given(document=_DOCUMENTS, charset=st.sampled_from(sorted(_MARKED)), is_declared=st.booleans())
def test_json_of_unicode_is_read_without_a_mark(document: Any, charset: str, is_declared: bool) -> None:
    body = json.dumps(document, ensure_ascii=False).encode(charset)
    assert json_object(f'{JSON}; charset="{charset}"' if is_declared else JSON, body, MANY) == document


@pytest.mark.parametrize(
    ("charset", "words"),
    [
        ("iso-8859-1", "café"),
        ("windows-1251", "привет"),
        ("Shift_JIS", "こんにちは"),
        ("gbk", "你好"),
        ("US-ASCII", "x"),
    ],
)
def test_json_in_a_declared_charset_is_read_in_it(charset: str, words: str) -> None:
    body = json.dumps({"text": words}, ensure_ascii=False).encode(charset)
    assert json_object(f"{JSON}; charset={charset}", body, MANY) == {"text": words}


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        (f"{JSON}; charset=utf-7", b"{}", 415, "unsupported_charset"),
        (f"{JSON}; charset=rot13", b"{}", 415, "unsupported_charset"),
        (f"{JSON}; charset=klingon", codecs.BOM_UTF8 + b"{}", 415, "unsupported_charset"),
        (f"{JSON}; charset=utf-16", b"{}x", 400, "bad_encoding"),
        (f"{JSON}; charset=ascii", '{"text": "é"}'.encode(), 400, "bad_encoding"),
        (JSON, codecs.BOM_UTF16_LE + b"{", 400, "bad_encoding"),
        (f"{JSON}; charset=utf-8", "{}".encode("utf-16-le"), 400, "malformed_json"),
        (JSON, codecs.BOM_UTF8 + codecs.BOM_UTF8 + b"{}", 400, "malformed_json"),
    ],
)
def test_json_that_is_not_in_its_charset_is_refused_with_the_reason(
    content_type: str, body: bytes, status: int, code: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        json_object(content_type, body, MANY)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_values_are_counted_in_every_charset() -> None:
    body = ('{"a": [' + "[]," * 50 + "[]]}").encode("utf-16")
    assert json_object(JSON, body, 200)
    with pytest.raises(ProblemError, match="more than 99 lists"):
        json_object(JSON, body, 99)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "header", ["gzip", "GZIP", "deflate", "br", "zstd", "x-gzip", "compress", "gzip, identity", "identity, br", "exi"]
)
def test_a_compressed_body_is_refused_with_the_name_of_the_header(client: TestClient, path: str, header: str) -> None:
    body = json.dumps(BODIES[path]).encode()
    for sent in (gzip.compress(body), zlib.compress(body), body, b""):
        answer = client.post(path, content=sent, headers={"Content-Type": JSON, "Content-Encoding": header})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")
        assert "Content-Encoding" in answer.json()["detail"]
        assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_that_is_compressed_and_does_not_say_so_is_refused_as_such(client: TestClient, path: str) -> None:
    for kind in (JSON, "multipart/form-data; boundary=b", "text/plain"):
        answer = client.post(path, content=gzip.compress(b"{}"), headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")


@pytest.mark.parametrize("header", ["identity", "Identity", "", " ", "identity, identity"])
def test_the_identity_is_no_encoding(client: TestClient, header: str) -> None:
    answer = client.post("/v1/classify", json={"text": "words"}, headers={"Content-Encoding": header})
    assert answer.status_code == 200


def test_a_second_header_of_that_name_counts_too(client: TestClient) -> None:
    headers = [("Content-Encoding", "identity"), ("Content-Encoding", "gzip")]
    assert client.post("/v1/classify", json={"text": "words"}, headers=headers).status_code == 415


@pytest.mark.parametrize("path", ROUTES)
def test_an_url_encoded_body_is_refused_with_what_to_send(client: TestClient, path: str) -> None:
    answer = client.post(path, data={"text": "words", "input": "words"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.json()["detail"]
    assert "curl -d" in answer.json()["detail"]


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_every_json_route_reads_unicode_in_all_its_forms(client: TestClient, charset: str) -> None:
    words = {"/v1/classify": {"text": "größe"}, "/v1/moderations": {"input": "größe"}}
    for path, document in words.items():
        body = json.dumps(document, ensure_ascii=False).encode(charset)
        assert client.post(path, content=body, headers={"Content-Type": JSON}).status_code == 200
    feedback = json.dumps({"decision_id": "0" * 32, "label": "hateful"}).encode(charset)
    assert client.post("/v1/feedback", content=feedback, headers={"Content-Type": JSON}).status_code == 404

"""Laws of what is sent: whatever comes in, the answer is a verdict or a 4xx in JSON."""

import io
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient
from support.picture_files import encoded

from serving.problems import ProblemError
from serving.requests.classify_parser import parse_body
from serving.settings import Settings

URL = "/v1/classify"
_PICTURE = Image.linear_gradient("L").resize((24, 24)).convert("RGB")
_SEEDS = [encoded(_PICTURE, kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP")]
_FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
_EXPECTED = {200, 400, 413, 415, 422}


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A picture file of which some bytes were changed, and the end perhaps cut off."""
    data = bytearray(draw(st.sampled_from(_SEEDS)))
    for index, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=6)):
        data[index] = value
    return bytes(data[: draw(st.integers(1, len(data)))] if draw(st.booleans()) else data)


@st.composite
def _damaged_form(draw: st.DrawFn) -> bytes:
    """A multipart body, sound or with a slice replaced by noise."""
    body = io.BytesIO()
    for name in draw(st.lists(st.sampled_from(["image", "text", "tags", ""]), max_size=4)):
        body.write(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode())
        body.write(draw(st.binary(max_size=20)) + b"\r\n")
    body.write(b"--b--\r\n")
    sound = body.getvalue()
    start = draw(st.integers(0, len(sound)))
    return sound[:start] + draw(st.binary(max_size=8)) + sound[start + draw(st.integers(0, 8)) :]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image", "text", "tags", "id", "items", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@_FUZZ
@given(picture=_damaged())
def test_a_damaged_picture_is_judged_or_refused(client: TestClient, picture: bytes) -> None:
    answer = client.post(URL, files=[("image", ("a.png", picture, "image/png"))], data={"text": "words"})
    assert answer.status_code in _EXPECTED
    assert ("decision" in answer.json()) == (answer.status_code == 200)


@settings(_FUZZ, max_examples=20)
@given(text=st.text(max_size=200), tags=st.lists(st.text(max_size=20), max_size=3))
def test_any_text_and_tags_are_judged(client: TestClient, text: str, tags: list[str]) -> None:
    fields = [("text", (None, text.encode("utf-8", "replace")))] + [
        ("tags", (None, tag.encode("utf-8", "replace"))) for tag in tags
    ]
    answer = client.post(URL, files=[("image", ("a.png", _SEEDS[0], "image/png")), *fields])
    assert answer.status_code in {200, 422}  # many commas make many tags


@_FUZZ
@given(document=_JSON)
def test_any_json_is_answered(client: TestClient, document: Any) -> None:
    answer = client.post(URL, json=document)
    assert answer.status_code in _EXPECTED


@settings(max_examples=400, deadline=None)
@given(
    content_type=st.sampled_from(
        ["multipart/form-data; boundary=b", 'multipart/form-data; boundary="b"; charset=rot13', "application/json", ""]
    )
    | st.text(max_size=40),
    body=_damaged_form() | st.binary(max_size=60),
)
def test_any_body_becomes_an_order_or_a_4xx(content_type: str, body: bytes) -> None:
    assert _status(content_type.encode("utf-8").decode("latin-1"), body) in _EXPECTED


def _status(content_type: str, body: bytes) -> int:
    try:
        parse_body(content_type, body, Settings(max_items=4))
    except ProblemError as problem:
        return problem.status
    return 200

"""Pictures inside JSON cost no more memory than their bytes, however they are written."""

import base64
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.problems import ProblemError
from serving.requests.base64_image import from_base64, from_base64_bytes, from_data_url, image_from_text, is_data_url

CONTENT = bytes(range(256))
IN_JSON = base64.b64encode(CONTENT).decode()
HEAD = "data:image/png;base64,"


def test_base64_may_be_wrapped_into_lines() -> None:
    wrapped = "\r\n".join(IN_JSON[at : at + 76] for at in range(0, len(IN_JSON), 76))
    assert from_base64(f" {wrapped}\n\t", "image") == CONTENT


@pytest.mark.parametrize(
    ("plain", "code"), [("+", "%2B"), ("/", "%2f"), ("=", "%3D"), ("A", "A%0d%0A%20"), ("+", "%2d"), ("/", "%5F")]
)
def test_a_data_url_may_be_percent_encoded(plain: str, code: str) -> None:
    assert from_data_url(HEAD + IN_JSON.replace(plain, code)) == CONTENT


@st.composite
def _spelled(draw: st.DrawFn) -> tuple[bytes, str]:
    """Any bytes, and one of the ways in which clients write them as base64."""
    content = draw(st.binary(max_size=200))
    text = draw(st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))(content).decode()
    text = text.rstrip("=") if draw(st.booleans()) else text
    width = draw(st.sampled_from([1, 4, 60, 76, 1000]))
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return content, draw(st.sampled_from(["", "\n", "\r\n", " ", "\t"])).join(lines)


@given(spelled=_spelled())
def test_every_spelling_of_base64_is_the_same_bytes(spelled: tuple[bytes, str]) -> None:
    content, text = spelled
    assert from_base64(text, "image") == content
    assert from_base64_bytes(text.encode(), "image") == content
    assert image_from_text(text, "image") == content


@given(
    spelled=_spelled(),
    scheme=st.sampled_from(["data:", "DATA:", "Data:", " data:", "\n\tdata:"]),
    media_type=st.sampled_from(
        ["", "image/png", "image/svg+xml", "text/plain;charset=utf-8", "image/png;name=a.png;x=1", "IMAGE/JPEG;q=1"]
    ),
    end=st.sampled_from([";base64,", ";BASE64,", "; base64,", ";base64 ,"]),
    in_percent=st.booleans(),
)
def test_a_data_url_is_the_same_bytes_in_image_and_in_image_url(
    spelled: tuple[bytes, str], scheme: str, media_type: str, end: str, in_percent: bool
) -> None:
    content, text = spelled
    url = scheme + media_type + end + (quote(text) if in_percent else text)
    assert is_data_url(url)
    assert from_data_url(url) == content
    assert image_from_text(url, "image") == content


@pytest.mark.parametrize(
    "given",
    [
        *("A", "AAAAA", "A===", "AA=", "AA==AA==", "=", "AA\u00a0AA", "AA\u2028AA", "AAA.", "AAA~"),
        "AAA\u00ff",
        "AAAA\0",
    ],
)
def test_what_is_no_base64_is_refused_and_its_place_told(given: str) -> None:
    for read in (from_data_url, image_from_text):
        with pytest.raises(ProblemError, match=r"^items\.2\.image: this is not base64$"):
            read(HEAD + given, "items.2.image")
    with pytest.raises(ProblemError, match=r"^items\.2\.image: this is not base64$"):
        image_from_text(given, "items.2.image")


@pytest.mark.parametrize("given", ["%41AAA", "AAA%3", "%252B"])
def test_what_nobody_percent_encodes_is_refused(given: str) -> None:
    with pytest.raises(ProblemError, match="this is not base64"):
        from_data_url(HEAD + given)


@pytest.mark.parametrize(
    "url", ["data:", "data:,", "data:image/png,AAAA", "data:;base64;x=1,AAAA", "data:base64,AAAA", "data:;base64x,AAAA"]
)
def test_a_data_url_that_is_not_in_base64_is_refused(url: str) -> None:
    with pytest.raises(ProblemError, match=r"^image: a data: URL must be data:image/...;base64,"):
        image_from_text(url, "image")


@pytest.mark.parametrize(
    ("read", "given"),
    [
        (lambda text: from_base64(text, "image"), "AAAA " * 400_000),
        (lambda text: from_base64(text, "image"), "A A\nA\tA " * 250_000),
        (lambda text: from_base64(text, "image"), "-_ A" * 500_000 + "A"),
        (lambda text: image_from_text(text, "image"), HEAD + "-_-_" * 500_000 + "AA"),
        (from_data_url, HEAD + "AAAA%0A" * 300_000),
        (from_data_url, HEAD + "%2D%5f%2d%5F" * 160_000),
        (from_data_url, HEAD + "%2B%2B%2B%2B" * 160_000),
        (from_data_url, HEAD + "%41" * 600_000),
    ],
)
def test_a_picture_in_many_pieces_takes_no_more_memory_than_in_one(read: Callable[[str], bytes], given: str) -> None:
    tracemalloc.start()
    try:
        with suppress(ProblemError):  # the last is no picture
            read(given)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 3.5 * len(given)

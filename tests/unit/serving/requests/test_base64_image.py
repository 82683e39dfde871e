"""Pictures inside JSON cost no more memory than their bytes, however they are written."""

import base64
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

from serving.problems import ProblemError
from serving.requests.base64_image import from_base64, from_data_url

CONTENT = bytes(range(256))
IN_JSON = base64.b64encode(CONTENT).decode()
HEAD = "data:image/png;base64,"


def test_base64_may_be_wrapped_into_lines() -> None:
    wrapped = "\r\n".join(IN_JSON[at : at + 76] for at in range(0, len(IN_JSON), 76))
    assert from_base64(f" {wrapped}\n\t", "image") == CONTENT


@pytest.mark.parametrize(("plain", "code"), [("+", "%2B"), ("/", "%2f"), ("=", "%3D"), ("A", "A%0d%0A%20")])
def test_a_data_url_may_be_percent_encoded(plain: str, code: str) -> None:
    assert from_data_url(HEAD + IN_JSON.replace(plain, code)) == CONTENT


@pytest.mark.parametrize("given", ["AAA", "AA\u00a0AA", "AA\u2028AA", "%41AAA", "AAA%3", "%252B", "AAAA\0"])
def test_what_is_no_base64_is_refused(given: str) -> None:
    with pytest.raises(ProblemError, match="the data: URL is not standard base64"):
        from_data_url(HEAD + given)


@pytest.mark.parametrize(
    ("read", "given"),
    [
        (lambda text: from_base64(text, "image"), "AAAA " * 400_000),
        (lambda text: from_base64(text, "image"), "A A\nA\tA " * 250_000),
        (from_data_url, HEAD + "AAAA%0A" * 300_000),
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

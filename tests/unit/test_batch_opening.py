"""Pictures that rows name: what is opened, and why the rest becomes an error of its row."""

import base64
import os
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.pictures import meme

from model import Failure, Meme, MemeError, MemeLimits
from serving.batch.item import Item
from serving.batch.opening import Opener

LIMITS = MemeLimits(max_bytes=1_000_000)
LOCAL = Opener(frozenset({"file"}), LIMITS)


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """The address of a small web server for ``tmp_path``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def item(image: str | bytes | None, text: str | None = None, tags: tuple[str, ...] = ()) -> Item:
    return Item("here", "x", image, text, tags)


def refusal(opener: Opener, image: str) -> str:
    with pytest.raises(MemeError) as caught:
        opener.read(image)
    assert caught.value.code == "unreadable_file"
    return caught.value.message


def test_a_picture_comes_from_bytes_a_path_an_address_or_the_row_itself(tmp_path: Path) -> None:
    content = meme()
    path = tmp_path / "100% a::b#c?.png"
    path.write_bytes(content)
    packed = base64.b64encode(content).decode()
    wrapped = "\n".join(packed[at : at + 76] for at in range(0, len(packed), 76))
    for image in (
        content, str(path), f"file://{path}", f"data:image/png;base64,{packed}", f"DATA:;Base64,{wrapped}"
    ):  # fmt: skip
        assert LOCAL.read(image) == content
    opened = LOCAL.meme(item(str(path), "words", ("tag",)))
    assert isinstance(opened, Meme)
    assert (opened.text, opened.tags, opened.id) == ("words", ("tag",), "x")


def test_a_picture_is_fetched_from_a_host_only_where_that_was_allowed(tmp_path: Path, host: str) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    assert "--allow-protocol http allows it" in refusal(LOCAL, f"{host}/a.png")
    allowed = Opener(frozenset({"http"}), LIMITS)
    assert allowed.read(f"{host}/a.png") == meme()
    assert "FileNotFoundError" in refusal(allowed, f"{host}/b.png")
    assert "--allow-protocol file" in refusal(allowed, str(tmp_path / "a.png"))


def test_every_link_of_a_chained_address_must_be_allowed(tmp_path: Path, host: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", meme())
    allowed = Opener(frozenset({"zip", "file"}), LIMITS)
    assert allowed.read(f"zip://a.png::{tmp_path}/a.zip") == meme()
    for address, protocol in (
        (f"zip://a.png::{host}/a.zip", "http"), (f"simplecache::{host}/a.zip", "simplecache"), ("HTTP://a", "HTTP")
    ):  # fmt: skip
        assert f"--allow-protocol {protocol} allows it" in refusal(allowed, address)


def test_what_cannot_be_read_is_told_without_its_content(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert refusal(LOCAL, str(tmp_path / "pipe.png")).endswith("pipe.png: not a file")
    assert refusal(LOCAL, str(tmp_path)).endswith("not a file")
    assert "No such file" in refusal(LOCAL, str(tmp_path / "gone.png"))
    assert len(refusal(LOCAL, "/" + base64.b64encode(meme()).decode())) < 300
    refusal(LOCAL, "/nul\0.png")
    refusal(LOCAL, "/half \ud800.png").encode()


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(50_000_000)
    assert len(LOCAL.read(str(tmp_path / "huge.png"))) == 1_000_001


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (item(None), "empty"),
        (item(None, "\u200b "), "empty"),
        (item(b"", "words"), "empty"),
        (item(b"no picture", "words"), "unsupported_format"),
        (item("data:image/png;base64,!!"), "corrupt"),
        (item(meme(), "x" * 10_001), "text_too_long"),
        (item(meme(), "x", ("t",) * 9), "bad_tags"),
        (item("/no/such.png"), "unreadable_file"),
    ],
)
def test_a_row_that_is_no_meme_is_a_failure_with_its_cause(given: Item, code: str) -> None:
    failure = LOCAL.meme(given)
    assert isinstance(failure, Failure)
    assert (failure.id, failure.code) == ("x", code)


def test_words_alone_are_a_meme() -> None:
    opened = LOCAL.meme(item(None, "words"))
    assert isinstance(opened, Meme)
    assert (opened.image, opened.text) == (None, "words")

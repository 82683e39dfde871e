"""Pictures that rows name: what is opened, and why the rest becomes an error of its row."""

import base64
import os
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support.pictures import meme

from model import Failure, Meme, MemeError, MemeLimits
from serving.batch.errors import BatchError
from serving.batch.input.image_loader import ImageLoader, check_protocol
from serving.batch.input.items import Item

LIMITS = MemeLimits(max_bytes=1_000_000)
LOCAL = ImageLoader(frozenset({"file"}), LIMITS, 60.0)


class _Handler(SimpleHTTPRequestHandler):
    """Files of a folder. ``/STATUS/file`` answers with STATUS for a while, ``/met/file`` when three ask for it,
    ``/silent/file`` when nobody waits any more.
    """

    met = threading.Barrier(3)
    silence = threading.Event()
    refused: ClassVar[Counter[str]] = Counter()

    def send_head(self) -> Any:
        """What GET and HEAD have in common; fsspec asks for the size first."""
        _, first, *rest = self.path.split("/")
        if first == "met":
            self.met.wait(20)
        elif first == "silent":
            self.silence.wait(20)
        elif first.isdigit() and self.refused[self.path] < 2:
            self.refused[self.path] += 1
            return self.send_error(int(first))
        self.path = "/" + "/".join(rest or [first])
        return super().send_head()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """The address of a small web server for ``tmp_path``."""
    _Handler.refused.clear()
    _Handler.silence.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        _Handler.silence.set()
        server.shutdown()


def item(image: str | bytes | None, text: str | None = None, tags: tuple[str, ...] = ()) -> Item:
    return Item("here", "x", image, text, tags)


def refusal(opener: ImageLoader, image: str) -> str:
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
        content, str(path), f"file://{path}", f"data:image/png;base64,{packed}", f"DATA:;Base64,{wrapped}",
        f"data:image/png;base64,{packed}".replace("+", "%2B"),
    ):  # fmt: skip
        assert LOCAL.read(image) == content
    opened = LOCAL.meme(item(str(path), "words", ("tag",)))
    assert isinstance(opened, Meme)
    assert (opened.text, opened.tags, opened.id) == ("words", ("tag",), "x")


def test_a_picture_is_fetched_from_a_host_only_where_that_was_allowed(tmp_path: Path, host: str) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    assert "--allow-protocol http allows it" in refusal(LOCAL, f"{host}/a.png")
    allowed = ImageLoader(frozenset({"http"}), LIMITS, 60.0)
    assert allowed.read(f"{host}/a.png") == meme()
    assert "the host answered 404" in refusal(allowed, f"{host}/b.png")
    assert "--allow-protocol file" in refusal(allowed, str(tmp_path / "a.png"))


def test_pictures_from_elsewhere_are_waited_for_together(tmp_path: Path, host: str) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    from_host = [Item("here", str(number), f"{host}/met/a.png") for number in range(3)]
    given = [from_host[0], item(None, "words"), from_host[1], item("/no/such.png"), from_host[2]]
    opened = ImageLoader(frozenset({"http"}), LIMITS, 60.0).memes(given)
    assert [type(one) for one in opened] == [Meme, Meme, Meme, Failure, Meme]
    assert [one.id for one in opened] == ["0", "x", "1", "x", "2"]


@pytest.mark.parametrize("status", [503, 429])
def test_a_host_that_is_overloaded_is_asked_again(tmp_path: Path, host: str, status: int) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    assert ImageLoader(frozenset({"http"}), LIMITS, 60.0).read(f"{host}/{status}/a.png") == meme()
    assert _Handler.refused.total() == 2


@pytest.mark.parametrize("status", [403, 404])
def test_a_host_that_refuses_is_not_asked_again(tmp_path: Path, host: str, status: int) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    address = f"{host}/{status}/a.png"
    said = refusal(ImageLoader(frozenset({"http"}), LIMITS, 60.0), f"{address}?signature=s3cret")
    assert said == f"{address}: the host answered {status}"
    assert _Handler.refused.total() == 2  # HEAD and GET of one try


def test_a_host_that_says_nothing_is_an_error_of_the_row_before_its_time_is_over(tmp_path: Path, host: str) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    patient = ImageLoader(frozenset({"http"}), LIMITS, 4.0)
    addresses = [f"{host}/silent/{number}.png" for number in range(8)]
    given = [item(address) for address in (*addresses, f"{host}/a.png")]
    started = time.monotonic()
    *silent, last = patient.memes(given)
    assert time.monotonic() - started < 4
    assert [one.message for one in silent if isinstance(one, Failure)] == [
        f"{address}: no answer in time" for address in addresses
    ]
    assert isinstance(last, Meme)


def test_a_protocol_that_cannot_be_read_here_is_refused_by_name() -> None:
    with pytest.raises(BatchError, match="--allow-protocol s3: Install s3fs"):
        check_protocol("s3")
    with pytest.raises(BatchError, match="--allow-protocol nonsense: Protocol not known"):
        check_protocol("nonsense")


def test_every_link_of_a_chained_address_must_be_allowed(tmp_path: Path, host: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", meme())
    allowed = ImageLoader(frozenset({"zip", "file"}), LIMITS, 60.0)
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
        (item("data:image/png,%89PNG"), "corrupt"),
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

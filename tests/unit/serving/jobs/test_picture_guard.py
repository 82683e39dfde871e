"""What rows of strangers may name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pictures import meme
from support.tls_host import TlsHost, page, tls_host

from model import Failure, MemeError, MemeLimits
from serving.batch.input.image_loader import ImageLoader
from serving.batch.input.items import Item
from serving.inference.image_fetcher import Fetcher
from serving.jobs.task import FetchOptions
from serving.jobs.worker import picture_guard
from serving.jobs.worker.picture_guard import JobPictures
from serving.security.public_network import CheckedNetwork

NAME = "pictures.example.org"
NO_SUCH_FILE = "there is no such file in what was sent"


async def _here(_: str, __: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    folder = tmp_path / "job" / "input"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(meme())
    (tmp_path / "job" / "secret.png").write_bytes(meme(2))
    (folder / "link.png").symlink_to(tmp_path / "job" / "secret.png")
    return folder.resolve()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[TlsHost]:
    with tls_host(tmp_path, NAME) as ready:
        ready.pages["/a.png"] = page(meme())
        yield ready


def _options(*hosts: str, ca_file: Path | None = None) -> FetchOptions:
    return FetchOptions(
        fetch_hosts=hosts, fetch_timeout_s=10, fetch_max_redirects=0, fetch_ca_file=ca_file, max_bytes=100_000
    )


def _said(guard: JobPictures, image: str) -> str:
    with pytest.raises(MemeError) as error:
        guard.read(image, 100_000)
    assert error.value.code == "unreadable_file"
    return error.value.message


def test_files_of_the_upload_are_read_and_no_others(upload: Path) -> None:
    guard = JobPictures(upload, _options())
    assert guard.read(f"{upload}/a.png", 100_000) == meme()
    assert len(guard.read(f"{upload}/a.png", 10)) == 11
    for name in ("../secret.png", "link.png", "nothing.png", "a\0.png", "x" * 5000, ""):
        assert NO_SUCH_FILE in _said(guard, f"{upload}/{name}")


@pytest.mark.parametrize("spelling", ["{}", "/{}", "file://{}", "../../../../../../../..{}", "backslashes"])
def test_a_row_does_not_tell_whether_a_file_of_this_machine_is_there(upload: Path, spelling: str) -> None:
    loader = ImageLoader(frozenset({"file"}), MemeLimits(), 10, JobPictures(upload, _options()))
    said = []
    for path in (f"{upload.parent}/secret.png", f"{upload.parent}/sEcret.png", "/nowhere/secret.png"):
        cell = "/" + path.replace("/", "\\") if spelling == "backslashes" else spelling.format(path)
        image = cell if cell.startswith(("/", "file:")) else f"{upload}/{cell}"
        resolved = loader.resolve(Item("rows.csv row 1", "1", image, folder=str(upload)))
        failure = resolved.failure or loader.meme(resolved.item)
        assert isinstance(failure, Failure)
        assert "secret" not in failure.message.replace(cell, "")
        said.append(failure.message.replace(cell, ""))
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize("url", ["zip://a.png::https://h/b.zip", "memory://a", "file:///etc/passwd", "s3://b/a.png"])
def test_an_address_is_opened_by_no_protocol_but_https(upload: Path, url: str) -> None:
    assert "is not fetched" in _said(JobPictures(upload, _options(NAME)), url)


def test_an_address_is_fetched_from_hosts_that_are_listed_and_public(
    upload: Path, host: TlsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"https://{NAME}:{host.port}/a.png"
    options = _options(f"{NAME}:{host.port}", "127.0.0.1", ca_file=host.ca_file)
    assert "fetches no URL" in _said(JobPictures(upload, _options()), url)
    assert "not among those" in _said(JobPictures(upload, options), "https://elsewhere.example.org/a.png")
    assert "not public" in _said(JobPictures(upload, options), "https://127.0.0.1/a.png")
    network = CheckedNetwork(_here, lambda _: True)
    monkeypatch.setattr(picture_guard, "_fetcher", lambda asked: Fetcher(asked.settings(), network))
    assert JobPictures(upload, options).read(url, 100_000) == meme()

import asyncio
import logging
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.tls_host import TlsHost, page, tls_host

from serving.inference.image_fetcher import Fetcher
from serving.problems import ProblemError
from serving.security.addresses import is_public
from serving.security.public_network import CheckedNetwork
from serving.settings import Settings

PICTURE = b"the bytes of a picture"


class Names:
    """A resolver: addresses by name, or one list after the other; it remembers what it was asked."""

    def __init__(self, **addresses: list[str]) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def __call__(self, host: str, _: int) -> list[str]:
        self.asked.append(host)
        return self.addresses.get(host.split(".", maxsplit=1)[0], ["127.0.0.1"])


def _is_test_host(address: str) -> bool:
    return address == "127.0.0.1"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsHost]:
    with tls_host(tmp_path_factory.mktemp("tls"), "pictures.example.org", "*.cdn.example.org") as ready:
        ready.pages["/a.png"] = page(PICTURE, Set_Cookie="session=1")
        yield ready


def _hold(_: int) -> None:
    """There is room for every byte."""


def _settings(host: TlsHost, **changed: Any) -> Settings:
    hosts = tuple(f"{name}.example.org:{host.port}" for name in ("pictures", "*.cdn", "wrong"))
    given: dict[str, Any] = {"fetch_hosts": hosts, "fetch_ca_file": host.ca_file, "fetch_timeout_s": 20}
    return Settings(**given | changed)


def _fetch(host: TlsHost, url: str, network: CheckedNetwork | None = None, **changed: Any) -> bytes:
    """Fetch PATH of pictures.example.org, or a whole URL in which PORT stands for the host's."""
    whole = url.replace("PORT", str(host.port)) if "://" in url else f"https://pictures.example.org:{host.port}{url}"

    async def go() -> bytes:
        fetcher = Fetcher(_settings(host, **changed), network or CheckedNetwork(Names(), _is_test_host))
        try:
            return await fetcher.fetch(whole, time.monotonic() + 30, _hold)
        finally:
            await fetcher.close()

    return asyncio.run(go())


def _refused(host: TlsHost, url: str, network: CheckedNetwork | None = None, **changed: Any) -> tuple[int, str, str]:
    with pytest.raises(ProblemError) as caught:
        _fetch(host, url, network, **changed)
    problem = caught.value
    assert "example.org" not in problem.detail
    return problem.status, problem.code, problem.detail


def _send_on(host: TlsHost, path: str, location: str) -> None:
    host.pages[path] = page(b"", 302, Location=location.replace("PORT", str(host.port)), Set_Cookie="session=1")


def test_a_picture_on_a_listed_host_is_fetched(host: TlsHost) -> None:
    assert _fetch(host, "/a.png") == PICTURE
    assert _fetch(host, "https://one.cdn.example.org:PORT/a.png") == PICTURE
    assert _fetch(host, "HTTPS://Pictures.Example.Org:PORT/a.png") == PICTURE


def test_without_listed_hosts_nothing_is_fetched_and_the_answer_says_how_to_allow_it(host: TlsHost) -> None:
    status, code, detail = _refused(host, "/a.png", fetch_hosts=())
    assert (status, code) == (422, "url_not_allowed")
    assert "MEMEGUARD_FETCH_HOSTS" in detail


@pytest.mark.parametrize(
    "url",
    [
        "http://pictures.example.org:PORT/a.png",
        "ftp://pictures.example.org:PORT/a.png",
        "file:///etc/hostname",
        "https://user:word@pictures.example.org:PORT/a.png",
        "https://pictures.example.org:PORT@evil.example/a.png",
        "https://evil.example\\@pictures.example.org:PORT/a.png",
        "https://pictures.example.org/a.png",
        "https://pictures.example.org.evil.example:PORT/a.png",
        "https://cdn.example.org:PORT/a.png",
        "https://xcdn.example.org:PORT/a.png",
        "https://a..cdn.example.org:PORT/a.png",
        "https://127.0.0.1:PORT/a.png",
        "https://[::1]:PORT/a.png",
        "https://pictures.example.org:PORT0000/a.png",
        "https://pictures.example.org:PORT/a b.png",
        "https://pictures.example.org:PORT/\r\nHost: evil.example",
        "https://pictures.example.org:PORT/" + 5000 * "a",
        "://",
        "https://",
    ],
)
def test_a_url_that_is_not_https_on_a_listed_host_and_port_is_refused_before_any_look_up(
    host: TlsHost, url: str
) -> None:
    names = Names()
    status, code, _ = _refused(host, url, CheckedNetwork(names, _is_test_host))
    assert (status, code) == (422, "url_not_allowed")
    assert names.asked == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:8.8.8.8"], ["8.8.8.8", "192.168.0.1"], []],
)
def test_a_listed_name_with_an_address_that_is_not_public_is_refused(host: TlsHost, addresses: list[str]) -> None:
    network = CheckedNetwork(Names(pictures=addresses), is_public)
    seen = len(host.seen)
    status, code, detail = _refused(host, "/a.png", network)
    assert (status, code) == (422, "url_not_allowed")
    assert "not public" in detail
    assert len(host.seen) == seen


def test_the_address_that_was_checked_is_the_one_connected_to(host: TlsHost) -> None:
    names = Names()
    checked: list[str] = []

    def allowed(address: str) -> bool:
        checked.append(address)
        names.addresses["pictures"] = ["127.0.0.2"]  # the name moves as soon as it was looked up
        return True

    assert _fetch(host, "/a.png", CheckedNetwork(names, allowed)) == PICTURE
    assert names.asked == ["pictures.example.org"]
    assert checked == ["127.0.0.1"]


def test_an_address_that_does_not_answer_gives_way_to_the_next(host: TlsHost) -> None:
    names = Names(pictures=["127.0.0.9", "127.0.0.1"])
    assert _fetch(host, "/a.png", CheckedNetwork(names, lambda _: True)) == PICTURE


def test_a_certificate_is_asked_for_by_name(host: TlsHost, tmp_path: Path) -> None:
    status, code, _ = _refused(host, "https://wrong.example.org:PORT/a.png")
    assert (status, code) == (422, "url_not_fetched")
    with tls_host(tmp_path, "pictures.example.org") as stranger:
        status, code, _ = _refused(
            host,
            f"https://pictures.example.org:{stranger.port}/a.png",
            fetch_hosts=(f"pictures.example.org:{stranger.port}",),
        )
    assert (status, code) == (422, "url_not_fetched")


def test_redirects_are_followed_up_to_the_limit_and_carry_no_cookie(host: TlsHost) -> None:
    _send_on(host, "/1", "/2")
    _send_on(host, "/2", "https://one.cdn.example.org:PORT/a.png?size=1;v=2")
    host.pages["/a.png?size=1;v=2"] = page(PICTURE)
    host.seen.clear()
    names = Names()
    assert _fetch(host, "/1", CheckedNetwork(names, _is_test_host), fetch_max_redirects=2) == PICTURE
    assert [path for path, _ in host.seen] == ["/1", "/2", "/a.png?size=1;v=2"]
    assert names.asked == ["pictures.example.org", "pictures.example.org", "one.cdn.example.org"]
    for _, headers in host.seen:
        assert {"cookie", "authorization", "referer"}.isdisjoint(headers)
    status, code, detail = _refused(host, "/1", fetch_max_redirects=1)
    assert (status, code) == (422, "url_not_fetched")
    assert "more than 1 redirects" in detail


@pytest.mark.parametrize(
    "location",
    [
        "http://pictures.example.org:PORT/a.png",
        "https://evil.example/a.png",
        "//evil.example/",
        "https://u:p@x/",
        "data:,x",
        "https://[",
        "//[::1",
        "https://\u00e9",
    ],
)
def test_a_redirect_is_checked_like_the_first_url(host: TlsHost, location: str) -> None:
    _send_on(host, "/away", location)
    names = Names()
    assert _refused(host, "/away", CheckedNetwork(names, _is_test_host))[:2] == (422, "url_not_allowed")
    assert names.asked == ["pictures.example.org"]


def test_a_redirect_to_a_listed_name_with_a_private_address_is_refused(host: TlsHost) -> None:
    _send_on(host, "/inside", "https://inside.cdn.example.org:PORT/a.png")
    network = CheckedNetwork(Names(inside=["10.0.0.1"]), _is_test_host)
    assert _refused(host, "/inside", network)[:2] == (422, "url_not_allowed")


def test_a_body_without_end_is_cut_at_the_limit(host: TlsHost) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    host.pages["/endless"] = endless
    assert _refused(host, "/endless", max_bytes=1_000_000)[:2] == (413, "too_many_bytes")


def test_a_host_that_dawdles_is_left_in_time(host: TlsHost) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.1)

    host.pages["/slow"] = slow
    started = time.monotonic()
    status, code, detail = _refused(host, "/slow", fetch_timeout_s=0.5)
    assert (status, code) == (422, "url_not_fetched")
    assert "in time" in detail
    assert time.monotonic() - started < 5


def test_a_deadline_that_is_over_fetches_nothing(host: TlsHost) -> None:
    seen = len(host.seen)

    async def go() -> None:
        fetcher = Fetcher(_settings(host), CheckedNetwork(Names(), _is_test_host))
        await fetcher.fetch(f"https://pictures.example.org:{host.port}/a.png", time.monotonic() - 1, _hold)

    with pytest.raises(ProblemError, match="in time"):
        asyncio.run(go())
    assert len(host.seen) == seen


@pytest.mark.parametrize(
    "answer",
    [page(b"", 404), page(b"", 500), page(b"", 302), page(PICTURE, Content_Encoding="gzip"), page(b"", 204)],
)
def test_an_answer_that_is_no_picture_is_the_callers_problem(host: TlsHost, answer: Any) -> None:
    host.pages["/odd"] = answer
    assert _refused(host, "/odd")[:2] == (422, "url_not_fetched")


def test_a_host_that_speaks_no_http_is_the_callers_problem(host: TlsHost) -> None:
    def noise(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x00\x01 no HTTP at all\r\n\r\n")

    host.pages["/noise"] = noise
    assert _refused(host, "/noise")[:2] == (422, "url_not_fetched")


def test_a_proxy_of_the_environment_is_not_used(host: TlsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert _fetch(host, "/a.png") == PICTURE


def test_no_url_is_logged(host: TlsHost, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _fetch(host, "/a.png")
    _refused(host, "/missing-secret", CheckedNetwork(Names(pictures=["10.0.0.1"]), is_public))
    assert "secret" not in caplog.text
    assert "example.org" not in caplog.text
    assert "a.png" not in caplog.text

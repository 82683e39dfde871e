"""Pictures that a server fetches for its callers: how much of them a request and a worker may hold."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.pictures import meme
from support.tls_host import TlsHost, page, tls_host

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.inference.image_fetcher import Fetcher
from serving.security.public_network import CheckedNetwork
from serving.settings import Settings

NAME = "pictures.example.org"
PICTURE_BYTES = 90_000
LIMIT_BYTES = 200_000


async def _here(_: str, __: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsHost]:
    """A host whose pictures are ``PICTURE_BYTES`` long: what follows the end of a PNG is not looked at."""
    with tls_host(tmp_path_factory.mktemp("tls"), NAME) as ready:
        for number in range(4):
            picture = meme(number)
            ready.pages[f"/{number}.png"] = page(picture + bytes(PICTURE_BYTES - len(picture)))
        yield ready


@pytest.fixture
def state(host: TlsHost, scorer: Scorer) -> AppState:
    settings = Settings(
        ocr="none",
        cache_items=0,
        fetch_hosts=(f"{NAME}:{host.port}",),
        fetch_ca_file=host.ca_file,
        max_body_bytes=LIMIT_BYTES,
        max_pending_bytes=LIMIT_BYTES,
    )
    state = AppState(settings, scorer)
    state.fetcher = Fetcher(settings, CheckedNetwork(_here, lambda _: True))
    return state


def _items(host: TlsHost, n: int) -> dict[str, Any]:
    urls = [f"https://{NAME}:{host.port}/{number}.png" for number in range(n)]
    return {"items": [{"image_url": url, "text": "words"} for url in urls]}


def _post(host: TlsHost) -> dict[str, Any]:
    url = f"https://{NAME}:{host.port}/0.png"
    return {"input": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "words"}]}


def test_pictures_by_url_are_judged_like_pictures_that_were_sent(host: TlsHost, state: AppState) -> None:
    with TestClient(create_app(lambda: state)) as client:
        (fetched,) = client.post("/v1/classify", json=_items(host, 1)).json()["results"]
        sent = client.post("/v1/classify", files=[("image", meme(0))], data={"text": "words"}).json()
        posted = client.post("/v1/moderations", json=_post(host)).json()["results"][0]
    assert fetched["scores"] == sent["scores"]
    of_tasks = {name: score for name, score in sent["scores"].items() if isinstance(score, float)}
    assert posted["memeguard"]["scores"] == of_tasks
    assert posted["memeguard"]["errors"] == []


def test_the_pictures_of_a_request_have_a_limit_together_and_one_too_many_spoils_only_itself(
    host: TlsHost, state: AppState
) -> None:
    with TestClient(create_app(lambda: state)) as client:
        results = client.post("/v1/classify", json=_items(host, 4)).json()["results"]
    codes = [result["error"]["code"] for result in results if "error" in result]
    assert codes in (["too_many_bytes"] * 2, ["too_many_bytes"] * 3)  # those that came first have their room
    assert state.admission.n_bytes == 0


@pytest.mark.parametrize("path", ["/v1/classify", "/v1/moderations"])
def test_pictures_that_are_fetched_count_among_the_bytes_that_a_worker_holds(
    host: TlsHost, state: AppState, path: str
) -> None:
    body = _items(host, 2) if path == "/v1/classify" else _post(host)
    with TestClient(create_app(lambda: state)) as client:
        with state.admission.request(LIMIT_BYTES - PICTURE_BYTES):
            full = client.post(path, json=body)
            assert state.admission.n_bytes == LIMIT_BYTES - PICTURE_BYTES
        idle = client.post(path, json=body)
    assert (full.status_code, full.json()["code"], full.json()["limit"]) == (503, "overloaded", "max_pending_bytes")
    assert int(full.headers["retry-after"]) >= 1
    assert idle.status_code == 200
    assert state.admission.n_bytes == 0


def test_a_picture_that_did_not_come_whole_holds_nothing(host: TlsHost, state: AppState) -> None:
    def broken_off(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(PICTURE_BYTES))
        handler.end_headers()
        handler.wfile.write(bytes(PICTURE_BYTES // 2))
        handler.close_connection = True

    host.pages["/half.png"] = broken_off
    held: list[int] = []

    async def fetch() -> str:
        try:
            await state.fetcher.fetch(f"https://{NAME}:{host.port}/half.png", time.monotonic() + 30, held.append)
        except Exception as error:
            return type(error).__name__
        return "whole"

    with TestClient(create_app(lambda: state)) as client:
        assert client.portal is not None
        assert client.portal.call(fetch) == "ProblemError"
    assert min(held) < 0 < max(held)
    assert sum(held) == 0

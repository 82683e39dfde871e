"""Thousands of damaged pictures and bodies: a verdict, an error of the item or a 4xx, and never a 5xx."""

import base64
import random
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from support.hostile import SOUND, damaged, damaged_bodies, damaged_pictures, odd_sizes
from support.tiny import TinyBundle

from model import Scorer
from model.ocr import make_engine
from model.runtime import Runtime
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings

_ITEM_ERRORS = {"empty", "corrupt", "unsupported_format", "too_many_pixels", "too_many_bytes"}
_REFUSALS = {400, 404, 405, 413, 415, 422}


@pytest.fixture(scope="module")
def quick(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app whose network costs next to nothing, and that keeps its decisions."""
    ledger = tmp_path_factory.mktemp("ledger") / "ledger.db"
    scorer = Scorer(tiny.bundle, Runtime(tiny.bundle, threads=1), make_engine("none"))
    app = create_app(lambda: AppState(Settings(ocr="none", ledger_url=f"sqlite:///{ledger}"), scorer))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def _item(picture: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(picture).decode(), "text": "words"}


@pytest.mark.slow
def test_six_thousand_damaged_pictures_spoil_only_themselves(quick: TestClient) -> None:
    good = _item(SOUND[0])
    expected = quick.post("/v1/classify", json=good).json()["scores"]["hateful"]
    codes: Counter[str] = Counter()
    for pictures in _batches([*odd_sizes(), *damaged_pictures(6000, seed=1)]):
        answer = quick.post("/v1/classify", json={"items": [*map(_item, pictures), good]})
        assert answer.status_code == 200, answer.text
        *results, last = answer.json()["results"]
        assert last["scores"]["hateful"] == pytest.approx(expected, abs=1e-5)
        codes.update(result["error"]["code"] if "error" in result else "judged" for result in results)
    assert set(codes) <= {"judged", *_ITEM_ERRORS}
    assert min(codes["judged"], codes["corrupt"], codes["unsupported_format"]) > 100


def _batches(pictures: list[bytes]) -> Iterator[list[bytes]]:
    return (pictures[at : at + 15] for at in range(0, len(pictures), 15))


def test_damaged_pictures_of_posts_never_make_a_5xx_nor_a_clean_result(quick: TestClient) -> None:
    statuses: Counter[int] = Counter()
    for pictures in _batches(list(damaged_pictures(600, seed=2))):
        urls = [f"data:image/png;base64,{base64.b64encode(picture).decode()}" for picture in pictures]
        parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        answer = quick.post("/v1/moderations", json={"input": [{"type": "text", "text": "words"}, *parts]})
        statuses[answer.status_code] += 1
        (result,) = answer.json()["results"]
        assert result["memeguard"]["errors"]
        assert result["flagged"] is True
    assert set(statuses) == {200}


@pytest.mark.parametrize("path", ["/v1/classify", "/v1/moderations", "/v1/feedback"])
@pytest.mark.slow
def test_a_thousand_damaged_bodies_are_answered_or_refused(quick: TestClient, path: str) -> None:
    statuses: Counter[int] = Counter()
    for content_type, body in damaged_bodies(1000, seed=3):
        answer = quick.post(path, content=body, headers={"Content-Type": content_type})
        assert answer.status_code in {200, *_REFUSALS}, answer.text
        assert (answer.headers["content-type"] == "application/json") == (answer.status_code == 200)
        statuses[answer.status_code] += 1
    assert min(statuses[400], statuses[404 if path == "/v1/feedback" else 200]) > 10


def test_odd_paths_methods_and_headers_are_refused(quick: TestClient) -> None:
    rng = random.Random(4)
    for _ in range(500):
        path = "/" + quote(damaged(b"v1/classify/0123456789abcdef/../x", rng), safe="/.%?;=&+:@")
        method = rng.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "X"])
        headers = {b"Content-Type": damaged(b"multipart/form-data; boundary=x", rng).replace(b"\n", b"")}
        answer = quick.request(method, f"http://testserver{path}", headers=headers, content=rng.randbytes(20))
        assert answer.status_code in _REFUSALS, (method, path, answer.text)

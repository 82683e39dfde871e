"""Places for what ``/v1/moderations`` is sent: all of a request, or none of it."""

import asyncio
import base64
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.held import HeldScorer
from support.pictures import meme
from support.poisoned import POISON, PoisonedScorer

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.inference.concurrency import together
from serving.settings import Settings

URL = "/v1/moderations"


def _settings(**given: Any) -> Settings:
    return Settings(max_items=2, max_pending=2, cache_items=0, **given)


def _image(seed: int) -> dict[str, Any]:
    encoded = base64.b64encode(meme(seed)).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}


def test_the_largest_post_has_room_on_an_idle_server_though_each_picture_is_judged_twice(scorer: Scorer) -> None:
    state = AppState(_settings(), scorer)
    with TestClient(create_app(lambda: state)) as client:
        answer = client.post(URL, json={"input": [_image(1), _image(2), {"type": "text", "text": "words"}]})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["results"][0]["memeguard"]["decision_ids"]) == 4


def test_a_request_without_room_for_all_of_it_is_refused_before_any_of_it_is_judged(scorer: Scorer) -> None:
    held = HeldScorer(scorer)
    held.go_on.set()
    state = AppState(_settings(), held)
    with TestClient(create_app(lambda: state)) as client:
        with state.admission.memes(1):
            refused = client.post(URL, json={"input": ["one", "two"]})
            assert state.admission.n_memes == 1
        assert held.n_read == 0
        accepted = client.post(URL, json={"input": ["one", "two"]})
    assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (503, "overloaded", "max_pending")
    assert (accepted.status_code, held.n_read, state.admission.n_memes) == (200, 2, 0)


def test_a_bug_that_one_input_brings_out_spoils_only_its_own_result(
    scorer: Scorer, caplog: pytest.LogCaptureFixture
) -> None:
    state = AppState(_settings(), PoisonedScorer(scorer.bundle, scorer.runtime, scorer.ocr))
    with TestClient(create_app(lambda: state), raise_server_exceptions=False) as client:
        answer = client.post(URL, json={"input": ["words", POISON]})
        alone = client.post(URL, json={"input": POISON})
    assert answer.status_code == 200, answer.text
    good, bad = answer.json()["results"]
    assert (good["memeguard"]["errors"], bad["memeguard"]["errors"][0]["code"]) == ([], "internal_error")
    assert (bad["flagged"], bad["memeguard"]["decision"]) == (True, "review")
    assert (alone.status_code, alone.json()["code"]) == (500, "internal_error")
    assert "secret" not in caplog.text + answer.text + alone.text


def test_when_one_part_fails_the_others_have_ended_before_that_is_told() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended.append("waits")

    async def fails() -> None:
        await asyncio.sleep(0.01)
        raise KeyError

    async def both() -> None:
        with pytest.raises(KeyError):
            await together([waits(), fails()])
        assert ended == ["waits"]
        assert await together([]) == []

    asyncio.run(both())

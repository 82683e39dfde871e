"""Memes on their way through the whole service: deadlines, callers who leave, bugs, and judgements used again."""

import asyncio
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient
from support.asgi import Call, started, upload
from support.held import HeldScorer
from support.judgements import flat
from support.picture_files import encoded
from support.pictures import meme
from support.poisoned import POISON, PoisonedScorer

from model import Meme, MemeLimits, Scorer
from model.budget import Budget
from model.bundle import Thresholds, ThresholdsByModality
from model.ocr.base import Engine
from model.ocr.types import Line, OcrResult, OcrWord
from serving.app_state import AppState
from serving.http.app import create_app
from serving.problems import ProblemError
from serving.requests.classify_body import ClassifyInput
from serving.settings import Settings

URL = "/v1/classify"
PICTURE = meme()
#: So large that only some of its kind are on their way at a time.
LARGE_PICTURE = encoded(Image.new("RGB", (2400, 2000), 90), "PNG")


@pytest.fixture
def held(scorer: Scorer) -> Iterator[HeldScorer]:
    held = HeldScorer(scorer)
    yield held
    held.go_on.set()


def _poisoned(scorer: Scorer, **given: Any) -> TestClient:
    state = AppState(Settings(ocr="none", **given), PoisonedScorer(scorer.bundle, scorer.runtime, scorer.ocr))
    return TestClient(create_app(lambda: state), raise_server_exceptions=False)


def _files(n: int) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("image", (f"{seed}.png", meme(seed), "image/png")) for seed in range(n)]


def test_a_poisoned_meme_among_good_ones_spoils_only_itself(scorer: Scorer, caplog: pytest.LogCaptureFixture) -> None:
    with _poisoned(scorer, max_batch=8) as client:
        answer = client.post(URL, files=_files(4), data={"text": ["one", POISON, "nan", "four"]})
    assert answer.status_code == 200
    first, poisoned, unscorable, last = answer.json()["results"]
    assert poisoned["error"]["code"] == "internal_error"
    assert unscorable["error"]["code"] == "no_score"
    assert (first["text"]["content"], last["text"]["content"]) == ("one", "four")
    assert "crashed with RuntimeError" in caplog.text
    assert "secret" not in caplog.text + answer.text


def test_a_meme_without_a_score_is_no_fault_of_the_server(scorer: Scorer) -> None:
    with _poisoned(scorer) as client:
        answer = client.post(URL, files=_files(1), data={"text": "nan"})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_score")


def test_memes_judged_together_get_the_scores_of_the_library(scorer: Scorer) -> None:
    texts = ["one", "two and three", "four", "five and six and seven"]
    state = AppState(Settings(ocr="none", max_batch=4, max_wait_ms=1000), scorer)
    with TestClient(create_app(lambda: state)) as client:
        results = client.post(URL, json={"items": [{"text": text} for text in texts]}).json()["results"]
        metrics = client.get("/metrics").text
    for over_http, expected in zip(results, scorer.score(map(Meme.from_text, texts)), strict=True):
        assert flat(over_http["scores"]) == pytest.approx(flat(expected.to_dict()["scores"]), abs=1e-5)
    assert "memeguard_batch_size_sum 4.0" in metrics
    assert "memeguard_batch_size_count 1.0" in metrics
    for stage in ("parse", "network"):
        assert f'memeguard_queue_seconds_count{{stage="{stage}"}}' in metrics


def test_time_runs_out_in_the_queue_with_503_and_the_work_is_never_begun(held: HeldScorer) -> None:
    async def steps() -> None:
        state = AppState(Settings(ocr="none", concurrency=1, request_timeout_s=1.0), held)
        async with started(state) as app:
            first, second = (Call([upload(PICTURE, f"words {n}")]) for n in range(2))
            await asyncio.gather(first.to(app), second.to(app))
            for call in (first, second):
                problem = call.json()
                assert (call.status, problem["code"]) == (503, "deadline_exceeded")
                assert (problem["limit"], problem["limit_value"]) == ("request_timeout_s", 1.0)
                assert int(call.headers["retry-after"]) >= 1
            assert state.admission.n_memes == 0
            held.go_on.set()
        assert held.n_read == 1

    asyncio.run(steps())


class _Endless(Engine):
    """An engine that reads a word in each piece of its work, and is never done."""

    name = "endless"
    version = "1"

    def unavailable_reason(self) -> str | None:
        return None

    def _find_lines(self, image: NDArray[np.uint8]) -> Sequence[Line]:
        return []

    def steps(self, image: NDArray[np.uint8], budget: Budget) -> Generator[None, None, OcrResult]:
        words: list[OcrWord] = []
        while not budget.is_spent:
            yield
            with budget.counted():
                ends = time.thread_time() + 0.01
                while time.thread_time() < ends:
                    pass
                words.append(OcrWord("word", (0, 0, 5, 5), 0.9))
        text = " ".join(word.text for word in words)
        return OcrResult(
            "timeout", text, tuple(words), 0.9, self.name, self.version, "the time was over", ((0, 0, 9, 9),)
        )


def test_a_picture_that_takes_too_long_to_read_is_a_verdict_that_says_so_and_not_a_503(scorer: Scorer) -> None:
    endless = Scorer(scorer.bundle, scorer.runtime, _Endless(), limits=MemeLimits(max_work_s=0.3))
    state = AppState(Settings(), endless)
    with TestClient(create_app(lambda: state)) as client:
        answer = client.post(URL, files=_files(1))
        verdict = answer.json()
        assert answer.status_code == 200
        assert (verdict["text"]["status"], verdict["decision"]) == ("timeout", "review")
        assert verdict["text"]["unread"] == [[0, 0, 9, 9]]
        assert verdict["text"]["content"].startswith("word word")
        assert "not all of the words were judged (timeout)" in verdict["policy"]["reasons"]


def test_words_and_other_pictures_do_not_wait_for_one_that_takes_long_to_read(scorer: Scorer) -> None:
    endless = Scorer(scorer.bundle, scorer.runtime, _Endless())

    async def steps() -> None:
        state = AppState(Settings(concurrency=1, request_timeout_s=20.0), endless)
        async with started(state):
            pipeline = state.classifier.pipeline
            deadline = time.monotonic() + 20
            long = asyncio.create_task(pipeline.judge(ClassifyInput(PICTURE), explain=False, deadline=deadline))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            for item in (ClassifyInput(None, "words"), ClassifyInput(meme(3), "words on a picture")):
                await pipeline.judge(item, explain=False, deadline=deadline)
            took_s = time.monotonic() - began
            assert not long.done()
            long.cancel()
            await asyncio.gather(long, return_exceptions=True)
            assert took_s < 10

    asyncio.run(steps())


def test_a_meme_whose_time_is_over_is_not_even_looked_at(held: HeldScorer) -> None:
    async def steps() -> None:
        state = AppState(Settings(ocr="none"), held)
        async with started(state):
            with pytest.raises(ProblemError, match="are over"):
                await state.classifier.pipeline.judge(
                    ClassifyInput(PICTURE, "words"), explain=False, deadline=time.monotonic() - 1
                )
        assert held.n_read == 0

    asyncio.run(steps())


def test_a_caller_who_leaves_gives_up_the_place_and_the_work(held: HeldScorer) -> None:
    async def steps() -> None:
        state = AppState(Settings(ocr="none", concurrency=1), held)
        async with started(state) as app:
            first, second = (Call([upload(PICTURE, f"words {n}")]) for n in range(2))
            tasks = [asyncio.create_task(call.to(app)) for call in (first, second)]
            await held.until_begun()
            assert state.admission.n_requests == 2
            for call in (first, second):
                call.leave()
            await asyncio.gather(*tasks)
            assert (state.admission.n_memes, state.admission.n_requests, state.admission.n_bytes) == (0, 0, 0)
            held.go_on.set()
        assert held.n_read == 1

    asyncio.run(steps())


def test_one_caller_who_leaves_does_no_harm_to_another_with_the_same_meme(held: HeldScorer) -> None:
    async def steps() -> None:
        state = AppState(Settings(ocr="none", concurrency=1), held)
        async with started(state) as app:
            first, second = (Call([upload(PICTURE, "the same words")]) for _ in range(2))
            tasks = [asyncio.create_task(call.to(app)) for call in (first, second)]
            await held.until_begun()
            while state.admission.n_memes < 2:  # the second body may still be parsed
                await asyncio.sleep(0.001)
            first.leave()
            await tasks[0]
            held.go_on.set()
            await tasks[1]
            assert second.status == 200
        assert held.n_read == 1

    asyncio.run(steps())


def test_the_same_meme_again_is_not_judged_again_but_gets_a_decision_of_its_own(scorer: Scorer) -> None:
    state = AppState(Settings(ocr="none"), scorer)
    with TestClient(create_app(lambda: state)) as client:
        first, again = (client.post(URL, files=_files(1), data={"text": "words"}).json() for _ in range(2))
        metrics = client.get("/metrics").text
    assert again["scores"] == first["scores"]
    assert again["text"] == first["text"]
    assert again["decision_id"] != first["decision_id"]
    assert set(first["timings_ms"]) == {"queue", "decode", "ocr", "preprocess", "model", "total"}
    assert set(again["timings_ms"]) == {"cache", "total"}
    assert 'memeguard_cache_lookups_total{result="hit"} 1.0' in metrics
    assert 'memeguard_cache_lookups_total{result="miss"} 1.0' in metrics


def test_a_changed_policy_counts_at_once_for_a_judgement_that_was_kept(scorer: Scorer) -> None:
    state = AppState(Settings(ocr="none"), scorer)
    blocking = ThresholdsByModality.alike(Thresholds(review=0.0, block=0.0))
    strict = replace(scorer.policy, thresholds=dict.fromkeys(scorer.policy.thresholds, blocking))

    decisions = []

    async def steps() -> None:
        item = ClassifyInput(PICTURE, "words")
        async with started(state):
            for policy in (scorer.policy, strict):
                judgement = await state.classifier.pipeline.judge(item, explain=False, deadline=time.monotonic() + 60)
                decisions.append(scorer.rule(judgement, policy).decision)
            assert set(judgement.timings_ms) == {"cache"}

    asyncio.run(steps())
    assert decisions[0] != "block"
    assert decisions[1] == "block"


def test_without_a_cache_the_same_meme_is_judged_each_time(scorer: Scorer) -> None:
    with TestClient(create_app(lambda: AppState(Settings(ocr="none", cache_items=0), scorer))) as client:
        verdicts = [client.post(URL, files=_files(1), data={"text": "words"}).json() for _ in range(2)]
    assert all("model" in verdict["timings_ms"] for verdict in verdicts)

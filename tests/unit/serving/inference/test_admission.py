"""What is let in, and what is refused before anything of it is read."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.asgi import Call, started, upload
from support.held import HeldScorer
from support.pictures import meme
from support.server import form

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.inference.admission import Admission, Pace
from serving.problems import ProblemError
from serving.settings import Settings, SettingsError, from_env

PICTURE = meme()


@pytest.fixture
def held(scorer: Scorer) -> Iterator[HeldScorer]:
    held = HeldScorer(scorer)
    yield held
    held.go_on.set()


def _settings(**given: Any) -> Settings:
    small: dict[str, Any] = {"ocr": "none", "max_items": 2, "max_pending": 2, "concurrency": 1, "cache_items": 0}
    return Settings(**small | given)


def _admission(**given: Any) -> Admission:
    return Admission(_settings(**given), lambda _: None)


def test_memes_that_take_seconds_each_leave_half_of_the_room_to_the_others() -> None:
    admission = _admission(max_pending=8, max_items=4)
    with admission.memes(3, slow=True):
        with pytest.raises(ProblemError, match="half may be explained") as refused, admission.memes(2, slow=True):
            pass
        assert (refused.value.status, refused.value.code) == (503, "overloaded")
        with admission.memes(1, slow=True), admission.memes(4):
            assert admission.n_memes == 8
    with admission.memes(3, slow=True):
        assert (admission.n_memes, admission.n_slow) == (3, 3)
    assert (admission.n_memes, admission.n_slow) == (0, 0)


def test_a_request_of_such_memes_alone_may_take_more_than_half() -> None:
    admission = _admission(max_pending=8, max_items=8)
    with admission.memes(8, slow=True):
        assert admission.n_slow == 8


def test_inputs_of_jobs_that_may_take_minutes_leave_half_of_the_requests_to_the_others() -> None:
    admission = _admission(max_pending=4)
    with admission.request(0, streamed=True), admission.request(0, streamed=True):
        with pytest.raises(ProblemError, match="half may send") as refused, admission.request(0, streamed=True):
            pass
        assert (refused.value.status, refused.value.code) == (503, "overloaded")
        with admission.request(1), admission.request(1):
            assert (admission.n_requests, admission.n_streamed) == (4, 2)
    assert (admission.n_requests, admission.n_streamed) == (0, 0)
    alone = _admission(max_pending=2)
    with alone.request(0, streamed=True), alone.request(1):
        assert alone.n_streamed == 1


@pytest.mark.parametrize(
    ("explain", "status"), [(b"false", 200), (b"true", 200), (b"words", 200), (b"regions", 503), (b"full", 503)]
)
def test_explanations_of_regions_are_such_memes(scorer: Scorer, explain: bytes, status: int) -> None:
    async def steps() -> None:
        state = AppState(_settings(), scorer)
        async with started(state) as app:
            with state.admission.memes(1, slow=True):
                call = Call([form([("text", None, b"words"), ("explain", None, explain)])])
                await call.to(app)
                assert call.status == status

    asyncio.run(steps())


def test_requests_beyond_the_limit_are_refused_before_their_body_is_read(held: HeldScorer) -> None:
    async def steps() -> None:
        async with started(AppState(_settings(), held)) as app:
            first, second, third = (Call([upload(PICTURE, f"words {n}")]) for n in range(3))
            tasks = [asyncio.create_task(call.to(app)) for call in (first, second)]
            await held.until_begun()
            await third.to(app)
            assert (third.status, third.n_received) == (503, 0)
            problem = third.json()
            assert (problem["code"], problem["limit"], problem["limit_value"]) == ("overloaded", "max_pending", 2)
            assert "max_pending" in problem["detail"]
            assert 1 <= int(third.headers["retry-after"]) <= 60
            held.go_on.set()
            await asyncio.gather(*tasks)
            assert (first.status, second.status) == (200, 200)
            fourth = await Call([upload(PICTURE, "words 4")]).to(app)
            assert fourth.status == 200

    asyncio.run(steps())


def test_health_readiness_and_metrics_are_never_refused(scorer: Scorer) -> None:
    state = AppState(_settings(), scorer)
    with TestClient(create_app(lambda: state)) as client, state.admission.memes(2):
        with state.admission.request(0), state.admission.request(0):
            refused = client.post("/v1/classify", files=[("image", ("a.png", PICTURE, "image/png"))])
            assert [client.get(path).status_code for path in ("/livez", "/readyz", "/metrics")] == [200, 200, 200]
        text = client.get("/metrics").text
    assert refused.json()["code"] == "overloaded"
    assert "memeguard_pending_items 2.0" in text
    assert 'memeguard_errors_total{code="overloaded"} 1.0' in text
    assert 'memeguard_requests_total{route="/v1/classify",status="503"} 1.0' in text


def test_a_request_of_many_memes_gets_places_for_all_of_them_or_for_none(scorer: Scorer) -> None:
    state = AppState(_settings(), scorer)
    files = [("image", (f"{n}.png", PICTURE, "image/png")) for n in range(2)]
    with TestClient(create_app(lambda: state)) as client:
        with state.admission.memes(1):
            refused = client.post("/v1/classify", files=files, data={"text": ["one", "two"]})
        judged = client.post("/v1/classify", files=files, data={"text": ["one", "two"]})
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert [set(result) >= {"decision"} for result in judged.json()["results"]] == [True, True]
    assert state.admission.n_memes == 0


def test_the_bytes_of_bodies_are_counted_before_they_come_and_until_the_answer() -> None:
    admission = _admission(max_body_bytes=100, max_pending_bytes=150)
    with admission.request(100):
        with admission.request(50):
            pass
        with pytest.raises(ProblemError) as refused, admission.request(51):
            pass
        assert (refused.value.code, refused.value.limit) == ("overloaded", "max_pending_bytes")
        assert admission.n_bytes == 100
    assert (admission.n_bytes, admission.n_requests) == (0, 0)


def test_a_body_of_unknown_length_is_counted_as_it_comes_and_refused_at_the_limit(scorer: Scorer) -> None:
    async def steps() -> None:
        state = AppState(_settings(max_body_bytes=1000, max_pending_bytes=1000), scorer)
        async with started(state) as app:
            with state.admission.request(600):
                call = await Call([b"x" * 300] * 3).to(app)
                assert (call.status, call.n_received) == (503, 2)
                assert call.json()["limit"] == "max_pending_bytes"
                assert call.headers["connection"] == "close"
                assert state.admission.n_bytes == 600
            assert state.admission.n_bytes == 0

    asyncio.run(steps())


def test_a_body_that_is_too_long_hears_so_and_not_that_the_server_is_full(scorer: Scorer) -> None:
    async def steps() -> None:
        async with started(AppState(_settings(max_body_bytes=1000, max_pending_bytes=1000), scorer)) as app:
            call = await Call([b"x" * 300] * 30, length=9000).to(app)
            assert (call.status, call.n_received) == (413, 0)
            assert (call.json()["limit"], call.json()["limit_value"]) == ("max_body_bytes", 1000)

    asyncio.run(steps())


def test_a_body_that_does_not_arrive_in_time_gets_408(scorer: Scorer) -> None:
    async def steps() -> None:
        async with started(AppState(_settings(body_timeout_s=0.05), scorer)) as app:
            call = await Call([b"half of"], length=100, whole=False).to(app)
            assert (call.status, call.json()["code"]) == (408, "body_timeout")
            assert call.json()["limit"] == "body_timeout_s"
            assert call.headers["connection"] == "close"

    asyncio.run(steps())


def test_a_stopping_server_reads_a_request_to_its_end_and_refuses_it(scorer: Scorer) -> None:
    async def steps() -> None:
        state = AppState(_settings(), scorer)
        async with started(state) as app:
            state.admission.stopping = True
            call = await Call([b"one", b"two", b"three"]).to(app)
            assert (call.status, call.json()["code"], call.n_received) == (503, "stopping", 3)
            assert call.headers["connection"] == "close"
            assert int(call.headers["retry-after"]) >= 1
            assert state.readiness().problems == ["stopping: requests under way are finished, new ones are refused"]

    asyncio.run(steps())


def test_when_to_come_again_follows_the_pace_of_the_last_seconds() -> None:
    now = [100.0]
    pace = Pace(lambda: now[0])
    assert pace.seconds_for(50) == 1
    for _ in range(10):  # two memes a second
        pace.saw_finished(1)
        now[0] += 0.5
    assert pace.seconds_for(1) == 1
    assert pace.seconds_for(20) == 10
    assert pace.seconds_for(10_000) == 60
    now[0] += 100  # nothing is known of the pace any more
    assert pace.seconds_for(20) == 1


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [("MAX_PENDING", "15", "max_items"), ("MAX_PENDING_BYTES", "1000", "max_body_bytes")],
)
def test_limits_that_would_refuse_the_largest_request_for_ever_are_refused_at_start(
    name: str, value: str, other: str
) -> None:
    with pytest.raises(SettingsError, match=other):
        from_env({f"MEMEGUARD_{name}": value})

"""A shadow that is busy or in trouble: what finds no room is dropped, and the server goes on."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.judgements import judgement
from support.ledgers import database_of, verdict_of

from model import Policy
from serving.inference.admission import Admission
from serving.inference.answered import Answered
from serving.observability.metrics import Metrics
from serving.requests.classify_body import ClassifyInput
from serving.settings import Settings
from serving.shadow.lane import Lane
from serving.shadow.recorder import Recorder
from serving.shadow.shadows import Shadows, spare_core
from serving.shadow.subject import ShadowResult, Subject

COSTLY = "what banks are asked about"
POISON = "words that may not be logged"
NAMELESS = Policy(name="community", version="1", thresholds={})


def answered(text: str = "words", image: bytes | None = None) -> Answered:
    return Answered(verdict_of(text), judgement(text), ClassifyInput(image, text), NAMELESS, None)


class Held:
    """A shadow that judges when it is told to."""

    subject = Subject("policy", "held", "1", "d" * 64)
    is_ready, store = True, None
    warnings: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = threading.Semaphore(0)

    def prepare(self) -> None: ...
    def end(self) -> None:
        self.go_on.set()

    def prepared(self, answered: Answered) -> Answered:
        return answered

    def is_costly(self, answered: Answered) -> bool:
        return answered.item.text == COSTLY

    def judge(self, answered: Answered) -> ShadowResult:
        self.begun.release()
        assert self.go_on.wait(timeout=60)
        if answered.item.text == POISON:
            raise RuntimeError(answered.item.text)
        return ShadowResult(answered.verdict.decision_id, self.subject, "judged")


def counted(metrics: Metrics) -> dict[str, float]:
    told = metrics.exposition().decode()
    return {
        outcome: float(line.split()[-1])
        for line in told.splitlines()
        for outcome in ("judged", "dropped", "failed")
        if line.startswith(f'memeguard_shadow_decisions_total{{kind="policy",outcome="{outcome}"}}')
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"ledger_url": f"sqlite:///{tmp_path}/ledger.db", "shadow_queue": 2})


@contextmanager
def running(
    shadow: Held, settings: Settings, metrics: Metrics, has_room: Callable[[], bool] = lambda: True
) -> Iterator[Shadows]:
    """Started; at the end it has stopped."""
    assert settings.ledger_url is not None
    database = database_of(settings.ledger_url.get_secret_value())
    shadows = Shadows([shadow], settings, metrics, database, has_room)  # type: ignore[list-item]  # as one does
    shadows.start()
    yield shadows
    asyncio.run(shadows.stop())
    database.close()


def test_what_finds_no_room_in_the_queue_is_dropped_and_counted(settings: Settings) -> None:
    shadow, metrics = Held(), Metrics()
    with running(shadow, settings, metrics) as shadows:
        shadows.saw(answered())
        assert shadow.begun.acquire(timeout=60)  # one is judged, two may wait
        for _ in range(5):
            shadows.saw(answered())
        assert counted(metrics) == {"dropped": 3.0}
        shadow.go_on.set()
        for _ in range(2):
            assert shadow.begun.acquire(timeout=60)
    assert counted(metrics) == {"dropped": 3.0, "judged": 3.0}


def test_a_crash_in_a_shadow_costs_one_of_its_judgements(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    shadow, metrics = Held(), Metrics()
    shadow.go_on.set()
    with running(shadow, settings, metrics) as shadows:
        for text in (POISON, "words"):
            shadows.saw(answered(text))
            assert shadow.begun.acquire(timeout=60)
    assert counted(metrics) == {"failed": 1.0, "judged": 1.0}
    assert POISON not in caplog.text


def test_pictures_that_wait_are_bounded_in_bytes() -> None:
    lane = Lane("test", 1000, lambda _: None, lambda _: None)
    large = answered(image=bytes(20 * 2**20))
    assert [lane.offer(large) for _ in range(5)] == [True, True, True, False, False]
    assert lane.offer(answered())


def test_a_lane_that_stops_drops_what_waits() -> None:
    dropped: list[Answered] = []
    lane = Lane("test", 10, lambda _: None, dropped.append)
    waiting = [answered(text) for text in ("one", "two")]
    for one in waiting:
        assert lane.offer(one)
    lane.stop()
    assert dropped == waiting
    assert not lane.offer(answered())


def test_what_takes_long_waits_for_a_core_and_the_rest_does_not(settings: Settings) -> None:
    shadow, metrics = Held(), Metrics()
    shadow.go_on.set()
    has_core = threading.Event()
    with running(shadow, settings, metrics, has_core.is_set) as shadows:
        for text in ("words", COSTLY):
            shadows.saw(answered(text))
        assert shadow.begun.acquire(timeout=60)
        assert not shadow.begun.acquire(timeout=0.1)
        has_core.set()
        assert shadow.begun.acquire(timeout=60)
    assert counted(metrics) == {"judged": 2.0}


def test_what_the_ledger_does_not_take_at_the_stop_is_told_by_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = database_of(f"sqlite:///{tmp_path}/ledger.db")
    recorder = Recorder(database)
    recorder.start()
    (tmp_path / "ledger.db").rename(tmp_path / "moved.db")
    for _ in range(3):
        recorder.add(ShadowResult("d", Held.subject, "dropped"))
    recorder.stop()
    database.close()
    assert "shadow decisions lost at the stop rows=3" in caplog.text


def test_a_bundle_is_judged_only_while_the_memes_under_way_leave_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)))
    admission = Admission(Settings(), lambda _: None)
    one_each, all_each = (spare_core(Settings(threads=threads), admission) for threads in (1, None))
    assert (one_each(), all_each()) == (True, True)
    with admission.memes(3):
        assert (one_each(), all_each()) == (True, False)
    with admission.memes(4):
        assert (one_each(), all_each()) == (False, False)

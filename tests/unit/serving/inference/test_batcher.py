import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from support.judgements import judged, reading

from model import Judgement
from model.judge import Reading, ScoringError
from serving.inference.batcher import Batcher, BatchLimits

ONE_BY_ONE = BatchLimits(threads=1, max_words=1, max_pictures=1, max_wait_s=0.0)
THREES = BatchLimits(threads=1, max_words=3, max_pictures=1, max_wait_s=0.0)


class _Network:
    """Stands for the network: notes its batches, and holds the first one up until it is let go."""

    def __init__(self, poison: str | None = None) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.queued: list[str] = []
        self.sizes: list[int] = []
        self.go_on = threading.Event()
        self._poison = poison

    def __call__(self, readings: Sequence[Reading]) -> Sequence[Judgement | ScoringError]:
        names = tuple(one.text.content for one in readings)
        self.calls.append(names)
        if len(self.calls) == 1:
            assert self.go_on.wait(timeout=60)
        if self._poison in names:
            raise RuntimeError("the network broke")
        return [ScoringError("no score") if one.text.content == "unscorable" else judged(one) for one in readings]

    def batcher(self, limits: BatchLimits) -> Batcher:
        return Batcher(self, limits, lambda stage, _: self.queued.append(stage), self.sizes.append)


def _run(batcher: Batcher, steps: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(steps())
    batcher.close()


def _ask(
    batcher: Batcher, names: str, *, long: bool = False, pictured: bool = False
) -> list["asyncio.Task[Judgement]"]:
    return [asyncio.create_task(batcher.judge(reading(name, pictured, long=long))) for name in names.split()]


async def _outcomes(tasks: Sequence["asyncio.Task[Judgement]"]) -> list[str]:
    """The judgement's name or the error's class, of each."""
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return [one.digest if isinstance(one, Judgement) else type(one).__name__ for one in found]


def test_what_waits_while_the_network_is_busy_goes_through_it_together() -> None:
    network = _Network()
    batcher = network.batcher(THREES)

    async def steps() -> None:
        first = _ask(batcher, "a")
        await asyncio.sleep(0)
        rest = _ask(batcher, "b c d e f")
        await asyncio.sleep(0)
        network.go_on.set()
        assert await _outcomes(first + rest) == list("abcdef")

    _run(batcher, steps)
    assert network.calls == [("a",), ("b", "c", "d"), ("e", "f")]
    assert network.sizes == [1, 3, 2]
    assert network.queued == ["network"] * 6


def test_one_poisoned_meme_spoils_only_itself() -> None:
    network = _Network(poison="bad")
    network.go_on.set()
    batcher = network.batcher(BatchLimits(threads=1, max_words=4, max_pictures=1, max_wait_s=60.0))

    async def steps() -> None:
        assert await _outcomes(_ask(batcher, "a bad b c")) == ["a", "RuntimeError", "b", "c"]

    _run(batcher, steps)
    assert network.calls == [("a", "bad", "b", "c"), ("a",), ("bad",), ("b",), ("c",)]


def test_a_meme_without_a_score_is_an_error_of_its_own() -> None:
    network = _Network()
    network.go_on.set()
    batcher = network.batcher(BatchLimits(threads=1, max_words=2, max_pictures=1, max_wait_s=60.0))

    async def steps() -> None:
        assert await _outcomes(_ask(batcher, "a unscorable")) == ["a", "ScoringError"]

    _run(batcher, steps)
    assert network.calls == [("a", "unscorable")]


def test_who_leaves_while_waiting_is_never_judged() -> None:
    network = _Network()
    batcher = network.batcher(THREES)

    async def steps() -> None:
        first = _ask(batcher, "a")
        await asyncio.sleep(0)
        left, stays = _ask(batcher, "b c")
        await asyncio.sleep(0)
        left.cancel()
        network.go_on.set()
        assert await _outcomes([*first, left, stays]) == ["a", "CancelledError", "c"]

    _run(batcher, steps)
    assert network.calls == [("a",), ("c",)]


def test_who_leaves_while_being_judged_does_not_hold_up_the_next() -> None:
    network = _Network()
    batcher = network.batcher(ONE_BY_ONE)

    async def steps() -> None:
        (left,) = _ask(batcher, "a")
        await asyncio.sleep(0)
        (stays,) = _ask(batcher, "b")
        left.cancel()
        network.go_on.set()
        assert await _outcomes([left, stays]) == ["CancelledError", "b"]

    _run(batcher, steps)
    assert network.calls == [("a",), ("b",)]


def test_an_idle_network_waits_for_its_batch_to_fill_and_no_longer_than_it_must() -> None:
    network = _Network()
    network.go_on.set()
    batcher = network.batcher(BatchLimits(threads=1, max_words=2, max_pictures=1, max_wait_s=60.0))

    async def steps() -> None:
        assert await _outcomes(_ask(batcher, "a b")) == ["a", "b"]

    _run(batcher, steps)
    assert network.calls == [("a", "b")]


def test_a_batch_that_does_not_fill_is_judged_when_its_time_is_up() -> None:
    network = _Network()
    network.go_on.set()
    batcher = network.batcher(BatchLimits(threads=1, max_words=2, max_pictures=1, max_wait_s=0.01))

    async def steps() -> None:
        assert await _outcomes(_ask(batcher, "a")) == ["a"]

    _run(batcher, steps)
    assert network.sizes == [1]


def test_long_memes_go_alone_and_let_the_others_through_in_between() -> None:
    network = _Network()
    batcher = network.batcher(THREES)

    async def steps() -> None:
        first = _ask(batcher, "a")
        await asyncio.sleep(0)
        long = _ask(batcher, "x y z", long=True)
        plain = _ask(batcher, "b c")
        await asyncio.sleep(0)
        network.go_on.set()
        assert await _outcomes([*first, *long, *plain]) == ["a", "x", "y", "z", "b", "c"]

    _run(batcher, steps)
    assert network.calls == [("a",), ("x",), ("b", "c"), ("y",), ("z",)]


@pytest.mark.parametrize(("max_pictures", "calls"), [(1, ["w v", "p", "q"]), (2, ["w v", "p q"])])
def test_pictures_and_words_alone_go_apart_each_with_a_limit_of_their_own(max_pictures: int, calls: list[str]) -> None:
    network = _Network()
    batcher = network.batcher(BatchLimits(threads=1, max_words=3, max_pictures=max_pictures, max_wait_s=0.0))

    async def steps() -> None:
        asked = _ask(batcher, "a")
        await asyncio.sleep(0)
        asked += _ask(batcher, "w") + _ask(batcher, "p", pictured=True)
        asked += _ask(batcher, "v") + _ask(batcher, "q", pictured=True)
        await asyncio.sleep(0)
        network.go_on.set()
        assert await _outcomes(asked) == ["a", "w", "p", "v", "q"]

    _run(batcher, steps)
    assert [" ".join(names) for names in network.calls] == ["a", *calls]


@pytest.mark.parametrize("threads", [1, 3])
def test_as_many_batches_are_judged_at_once_as_there_are_threads(threads: int) -> None:
    both_here = threading.Barrier(threads)

    def judge(readings: Sequence[Reading]) -> list[Judgement]:
        both_here.wait(timeout=60)  # breaks, and fails the test, unless all of them come
        return [judged(one) for one in readings]

    limits = BatchLimits(threads=threads, max_words=1, max_pictures=1, max_wait_s=0.0)
    batcher = Batcher(judge, limits, lambda *_: None, lambda _: None)

    async def steps() -> None:
        assert await _outcomes(_ask(batcher, " ".join("abc"[:threads]))) == list("abc"[:threads])

    _run(batcher, steps)

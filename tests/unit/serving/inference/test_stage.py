"""Stages: long work comes in pieces, and each piece waits behind all work that has had less."""

import asyncio
import threading
import time
from collections.abc import Generator

import pytest

from model.budget import Budget
from serving.inference.stage import Stage


def _stage(threads: int = 1) -> Stage:
    return Stage("ocr", threads, lambda name, seconds: None)


def _long(done: list[str], budget: Budget, name: str, n_pieces: int) -> Generator[None, None, str]:
    for _ in range(n_pieces):
        yield
        with budget.counted():
            ends = time.thread_time() + 0.05
            while time.thread_time() < ends:
                pass
        done.append(name)
    return name


def test_short_work_waits_for_a_piece_of_the_long_and_not_for_all_of_it() -> None:
    done: list[str] = []

    async def steps() -> None:
        stage = _stage()
        budget = Budget()
        long = asyncio.create_task(stage.run_steps(_long(done, budget, "long", 20), budget))
        while not done:
            await asyncio.sleep(0.001)
        await stage.run(lambda: done.append("short"))
        assert await long == "long"
        stage.close()

    asyncio.run(steps())
    assert done.index("short") < 5
    assert done.count("long") == 20


def test_who_has_had_less_goes_first() -> None:
    done: list[str] = []

    async def steps() -> None:
        stage = _stage()
        hungry, new = Budget(), Budget()
        with hungry.counted():  # as if it had had more than a second
            ends = time.thread_time() + 1.1
            while time.thread_time() < ends:
                pass
        go_on = threading.Event()
        first = asyncio.create_task(stage.run(lambda: go_on.wait(60)))
        await asyncio.sleep(0.01)
        waiting = [
            asyncio.create_task(stage.run_steps(_long(done, budget, name, 2), budget))
            for name, budget in (("hungry", hungry), ("new", new))
        ]
        await asyncio.sleep(0.01)
        go_on.set()
        await asyncio.gather(first, *waiting)
        stage.close()

    asyncio.run(steps())
    assert done == ["new", "new", "hungry", "hungry"]


def test_a_piece_that_raises_is_the_error_of_its_caller_alone() -> None:
    def bad() -> Generator[None, None, str]:
        yield
        raise RuntimeError("a bug")

    async def steps() -> None:
        stage = _stage()
        with pytest.raises(RuntimeError, match="a bug"):
            await stage.run_steps(bad(), Budget())
        assert await stage.run(lambda: 7) == 7
        stage.close()

    asyncio.run(steps())


def test_the_pieces_of_who_has_left_are_not_begun() -> None:
    done: list[str] = []

    async def steps() -> None:
        stage = _stage()
        budget = Budget()
        long = asyncio.create_task(stage.run_steps(_long(done, budget, "long", 1000), budget))
        while not done:
            await asyncio.sleep(0.001)
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        n_done = len(done)
        await stage.run(lambda: None)
        await stage.run(lambda: None)
        stage.close()
        assert len(done) <= n_done + 1, "only the piece under way is finished"

    asyncio.run(steps())


def test_as_many_run_at_once_as_there_are_threads() -> None:
    async def steps() -> None:
        stage = _stage(threads=3)
        together = threading.Barrier(3, timeout=60)
        await asyncio.gather(*(stage.run(together.wait) for _ in range(6)))
        stage.close()

    asyncio.run(steps())

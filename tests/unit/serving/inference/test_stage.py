"""Stages: long work comes in pieces, and each piece waits behind all work that has had less."""

import asyncio
import os
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


def _spent(seconds: float) -> Budget:
    budget = Budget()
    with budget.counted():
        ends = time.thread_time() + seconds
        while time.thread_time() < ends:
            pass
    return budget


def _held(go_on: threading.Event) -> Generator[None, None, int]:
    assert go_on.wait(60)
    yield
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_who_has_had_more_than_a_second_holds_up_nobody_else_and_runs_on_a_nicer_thread() -> None:
    async def steps() -> int:
        stage = _stage()
        go_on = threading.Event()
        long = asyncio.create_task(stage.run_steps(_held(go_on), _spent(1.1)))
        await asyncio.sleep(0.05)
        assert await stage.run(lambda: os.getpriority(os.PRIO_PROCESS, 0)) == os.getpriority(os.PRIO_PROCESS, 0)
        go_on.set()
        niceness = await long
        stage.close()
        return niceness

    assert asyncio.run(steps()) > os.getpriority(os.PRIO_PROCESS, 0)


def test_of_those_who_have_had_much_who_has_had_less_goes_first() -> None:
    done: list[str] = []

    async def steps() -> None:
        stage = _stage()
        go_on = threading.Event()
        first = asyncio.create_task(stage.run_steps(_held(go_on), _spent(1.1)))
        await asyncio.sleep(0.05)
        waiting = [
            asyncio.create_task(stage.run_steps(_long(done, budget, name, 2), budget))
            for name, budget in (("much", _spent(2.1)), ("less", _spent(1.1)))
        ]
        await asyncio.sleep(0.05)
        go_on.set()
        await asyncio.gather(first, *waiting)
        stage.close()

    asyncio.run(steps())
    assert done == ["less", "less", "much", "much"]


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

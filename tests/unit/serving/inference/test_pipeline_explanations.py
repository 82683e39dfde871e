"""Who asks for an explanation waits for it, and nobody else does."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest
from PIL import Image
from support.asgi import started
from support.picture_files import encoded
from support.tiny import TinyBundle

from model import Judgement, Scorer
from model.budget import Budget
from model.judge import Reading, ScoringError
from model.ocr import make_engine
from model.runtime import Runtime
from model.verdict import Explain
from serving.app_state import AppState
from serving.requests.classify_body import ClassifyInput
from serving.settings import Settings

#: So large that only some of its kind are on their way at a time.
LARGE_PICTURE = encoded(Image.new("RGB", (2400, 2000), 90), "PNG")


class _SlowlyExplaining(Scorer):
    """Explains nothing before it is told to go on."""

    def __init__(self, tiny: TinyBundle) -> None:
        super().__init__(tiny.bundle, Runtime(tiny.bundle, threads=1), make_engine("none"))
        self.go_on = threading.Event()
        self.budgets: list[Budget] = []

    def judge(
        self, readings: Sequence[Reading], explained: Sequence[Explain] = (), budget: Budget | None = None
    ) -> list[Judgement | ScoringError]:
        if any(explained):
            assert budget is not None
            self.budgets.append(budget)
            assert self.go_on.wait(timeout=60)
        return super().judge(readings, explained, budget)


@pytest.mark.parametrize("given", [ClassifyInput(None, "words"), ClassifyInput(LARGE_PICTURE, "words")])
def test_who_asks_for_no_explanation_does_not_wait_for_those_who_do(tiny: TinyBundle, given: ClassifyInput) -> None:
    slow = _SlowlyExplaining(tiny)

    async def steps() -> None:
        state = AppState(Settings(ocr="none", concurrency=1, cache_items=0), slow)
        async with started(state):
            pipeline, deadline = state.classifier.pipeline, time.monotonic() + 60
            explained = [
                asyncio.create_task(pipeline.judge(given, explain="full", deadline=deadline)) for _ in range(8)
            ]
            await asyncio.sleep(0.1)
            plain = await asyncio.wait_for(pipeline.judge(given, explain=False, deadline=deadline), timeout=30)
            assert plain.explanation is None
            assert not any(task.done() for task in explained)
            slow.go_on.set()
            for one in await asyncio.gather(*explained):
                assert one.explanation is not None
                assert one.timings_ms["explain"] > 0

    asyncio.run(steps())


def test_an_explanation_ends_before_nobody_waits_for_it(tiny: TinyBundle) -> None:
    slow = _SlowlyExplaining(tiny)
    slow.go_on.set()

    async def steps() -> None:
        state = AppState(Settings(ocr="none", cache_items=0, request_timeout_s=60), slow)
        async with started(state):
            deadline = time.monotonic() + 60
            await state.classifier.pipeline.judge(ClassifyInput(None, "words"), explain="words", deadline=deadline)
            assert [budget.deadline for budget in slow.budgets] == [deadline - 1]

    asyncio.run(steps())

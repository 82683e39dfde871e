"""A scorer whose pace is in the test's hands."""

import asyncio
import threading
from typing import Any

from model import Meme, Scorer
from model.budget import Budget


class HeldScorer(Scorer):
    """Counts the memes that it reads, and reads none before it is told to go on."""

    def __init__(self, scorer: Scorer) -> None:
        super().__init__(scorer.bundle, scorer.runtime, scorer.ocr)
        self.go_on = threading.Event()
        self.n_read = 0
        self._began = threading.Semaphore(0)

    def read(self, meme: Meme, budget: Budget | None = None) -> Any:
        self.n_read += 1
        self._began.release()
        assert self.go_on.wait(timeout=60)
        return super().read(meme, budget)

    async def until_begun(self) -> None:
        """Wait for the next meme to be read."""
        assert await asyncio.to_thread(self._began.acquire, timeout=60)

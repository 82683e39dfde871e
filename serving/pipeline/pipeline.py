"""The way of one submission through decoding, OCR and the network, off the event loop."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import anyio
from anyio import to_thread

from model import Judgement, Meme, MemeError, Scorer
from model.judgement import ScoringError
from serving.problems import ProblemError
from serving.settings import Settings
from serving.submission import Submission

T = TypeVar("T")


class Pipeline:
    """Runs a scorer for many requests at once."""

    def __init__(self, scorer: Scorer, settings: Settings) -> None:
        self._scorer = scorer
        self._limits = settings.limits
        self._limiter = anyio.CapacityLimiter(settings.judges)

    async def judge(self, item: Submission, *, explain: bool, deadline: float) -> Judgement:
        """Scores of one submission. ``deadline`` is in the seconds of ``time.monotonic``.

        Raises ``ProblemError``: what is wrong with the meme, or 503 when there is no time or room to judge it.
        """
        return await self.run(lambda: self._judge(item, explain))

    async def run(self, work: Callable[[], T]) -> T:
        """Do something that would hold up the event loop on a thread."""
        return await to_thread.run_sync(work, limiter=self._limiter)

    def _judge(self, item: Submission, explain: bool) -> Judgement:
        started = time.perf_counter()
        meme = self._decoded(item)
        decode_ms = (time.perf_counter() - started) * 1000
        (judgement,) = self._scorer.judge([self._scorer.read(meme)], [explain])
        if isinstance(judgement, ScoringError):
            raise ProblemError(500, "no_score", str(judgement)) from judgement
        return replace(judgement, timings_ms={"decode": decode_ms} | judgement.timings_ms)

    def _decoded(self, item: Submission) -> Meme:
        limits = self._limits
        try:
            if item.image is None:
                return Meme.from_text(item.text or "", tags=item.tags, id=item.id, limits=limits)
            return Meme.from_bytes(item.image, text=item.text, tags=item.tags, id=item.id, limits=limits)
        except MemeError as error:
            raise ProblemError.from_meme_error(error) from error

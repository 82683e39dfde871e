"""Pipeline of decoding, OCR and the network: takes one item to its judgement, off the event loop."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, TypeVar

from model import Judgement, Meme, MemeError, Scorer
from model.budget import Budget
from model.judge import Reading, ScoringError
from model.known.fingerprint import Fingerprint, fingerprint_of
from model.meme import declared_pixels
from model.verdict import Explain
from serving.inference.batcher import Batcher, BatchLimits
from serving.inference.cache import JudgementCache, ReadThroughCache, content_key
from serving.inference.stage import Stage
from serving.observability.metrics import Metrics
from serving.problems import ProblemError
from serving.requests.classify_body import ClassifyInput
from serving.settings import Settings

T = TypeVar("T")

#: A larger picture is hashed on a thread: this much takes about as long as going to one and back.
_HASHED_AT_ONCE_BYTES = 256 * 1024
#: Larger pictures are few at a time; of others as many as are accepted, so that none waits for the large ones.
_LARGE_PIXELS = 4_000_000
#: Share of a request's time, and at most so many seconds, that OCR leaves to the network.
_LEFT_FOR_NETWORK, _LEFT_FOR_NETWORK_S = 0.2, 6.0
#: The same, that an explanation leaves to the answer.
_LEFT_FOR_ANSWER, _LEFT_FOR_ANSWER_S = 0.1, 1.0


class Pipeline:
    """Runs a scorer for many requests at once. Its coroutines belong to one event loop.

    Large pictures take much memory once they are decoded, so only some are on their way through at a time; the others
    wait, in the order in which they came, as the bytes that were sent. One that is cancelled, because its caller left
    or its deadline passed, makes room at once, and what was not begun for it is never begun. Bodies are parsed, and
    words without a picture prepared, on threads of their own: they wait for no picture. Whoever asks for an explanation
    has the network to themselves on a thread that the system lets run when the others leave a core.
    """

    def __init__(
        self, scorer: Scorer, settings: Settings, metrics: Metrics, retry_after: Callable[[], dict[str, str]]
    ) -> None:
        """``retry_after`` makes the header of an answer that came to nothing because the time was over."""
        threads = settings.pool_threads
        batches = _batch_limits(scorer, settings)
        self._scorer = scorer
        self._limits = settings.limits
        self._metrics = metrics
        self._timeout_s = settings.request_timeout_s
        self._retry_after = retry_after
        self._parsing = Stage("parse", threads, metrics.saw_queue)
        self._decoding = Stage("decode", threads, metrics.saw_queue)
        self._reading = Stage("ocr", threads, metrics.saw_queue)
        self._network = Batcher(scorer.judge, batches, metrics.saw_queue, metrics.saw_batch)
        self._explaining = Stage("explain", threads, metrics.saw_queue)
        # One for each thread, and a second batch that fills while the first is judged.
        self._large = asyncio.Semaphore(2 * threads + 2 * batches.threads * batches.max_pictures)
        # One for each thread: they stay long, and nobody else should wait for them.
        self._large_explained = asyncio.Semaphore(threads)
        held = JudgementCache(settings.cache_items, settings.cache_bytes)
        self._cache = ReadThroughCache(held, metrics.saw_cache) if settings.cache_items else None

    async def judge(
        self, item: ClassifyInput, *, explain: Explain, deadline: float, fingerprint: bool = False
    ) -> Judgement:
        """The judgement of one item, with its fingerprint where that is asked for, and as much of why as is.

        ``deadline`` is in the seconds of ``time.monotonic``. Raises ``ProblemError``: what is wrong with the meme, or
        503 when its time is over.
        """
        return await self._in_time(lambda: self._judged(item, explain, fingerprint, deadline), deadline)

    async def judge_picture(self, item: ClassifyInput, deadline: float) -> Judgement:
        """``judge`` with the fingerprint, where a picture's words are not asked for: they are not read."""
        return await self._in_time(lambda: self._computed(item, False, True, deadline, reads=False), deadline)

    async def fingerprint(self, item: ClassifyInput, deadline: float) -> Fingerprint:
        """By what one item is known again: it is decoded and read as for ``judge``, and not judged."""

        async def read() -> Fingerprint:
            is_large = await self._is_large(item)
            async with self._large if is_large else nullcontext():
                reading, _ = await self._read_item(item, deadline, time.perf_counter(), is_large=is_large)
                found, _ = await self._decoding.run(lambda: _fingerprint(reading), is_long=is_large)
            return found

        return await self._in_time(read, deadline)

    async def _in_time(self, work: Callable[[], Awaitable[T]], deadline: float) -> T:
        if time.monotonic() >= deadline:
            raise self._too_late()
        try:
            async with asyncio.timeout_at(deadline) as time_left:  # the loop's clock is time.monotonic
                return await work()
        except TimeoutError as error:
            if not time_left.expired():
                raise
            raise self._too_late() from error

    async def run(self, work: Callable[[], T]) -> T:
        """Do something that would hold up the event loop on a thread."""
        return await self._parsing.run(work)

    def close(self) -> None:
        """Let the threads end."""
        for stage in (self._parsing, self._decoding, self._reading, self._network, self._explaining):
            stage.close()

    def _too_late(self) -> ProblemError:
        detail = f"the {self._timeout_s:g} seconds for this request are over; ask again later"
        return ProblemError(
            503,
            "deadline_exceeded",
            detail,
            self._retry_after(),
            limit="request_timeout_s",
            limit_value=self._timeout_s,
        )

    async def _judged(self, item: ClassifyInput, explain: Explain, fingerprint: bool, deadline: float) -> Judgement:
        def compute() -> Coroutine[Any, Any, Judgement]:
            return self._computed(item, explain, fingerprint, deadline)

        if self._cache is None:
            return await compute()
        return await self._cache.get(await self._key(item, explain, fingerprint), compute)

    async def _key(self, item: ClassifyInput, explain: Explain, fingerprint: bool) -> bytes:
        def key() -> bytes:
            return content_key(item, explain, self._scorer, fingerprint=fingerprint)

        return key() if item.image is None or len(item.image) <= _HASHED_AT_ONCE_BYTES else await self.run(key)

    async def _computed(
        self, item: ClassifyInput, explain: Explain, fingerprint: bool, deadline: float, *, reads: bool = True
    ) -> Judgement:
        """Through every stage. What was neither decoding, reading nor judging is told as time in the queue."""
        started = time.perf_counter()
        is_large = await self._is_large(item)
        found: Fingerprint | None = None
        large = self._large_explained if explain else self._large
        async with large if is_large else nullcontext():
            reading, stages_ms = await self._read_item(item, deadline, started, is_large=is_large, reads=reads)
            if fingerprint:
                found, stages_ms["fingerprint"] = await self._decoding.run(
                    lambda: _fingerprint(reading), is_long=is_large
                )
            try:
                judgement = await (
                    self._explained(reading, explain, deadline) if explain else self._network.judge(reading)
                )
            except ScoringError as error:
                raise _no_score(error) from error
        stages_ms |= judgement.timings_ms
        queue_ms = (time.perf_counter() - started) * 1000 - sum(stages_ms.values())
        timings_ms = {"queue": max(0.0, queue_ms)} | stages_ms
        return replace(judgement, timings_ms=timings_ms, fingerprint=found or judgement.fingerprint)

    async def _explained(self, reading: Reading, explain: Explain, deadline: float) -> Judgement:
        """Judged alone, with as much of its explanation as there is time for."""
        left_s = min(_LEFT_FOR_ANSWER * self._timeout_s, _LEFT_FOR_ANSWER_S)
        budget = Budget(math.inf, deadline - left_s)
        (found,) = await self._explaining.run(lambda: self._scorer.judge([reading], [explain], budget), is_long=True)
        if isinstance(found, ScoringError):
            raise found
        return found

    async def _read_item(
        self, item: ClassifyInput, deadline: float, started: float, *, is_large: bool = False, reads: bool = True
    ) -> tuple[Reading, dict[str, float]]:
        """One item with its words, and the milliseconds of decoding. Without ``reads`` a picture's words are left."""
        budget = self._scorer.budget(deadline - min(_LEFT_FOR_NETWORK * self._timeout_s, _LEFT_FOR_NETWORK_S))
        decoding = self._parsing if item.image is None else self._decoding
        decoded, decode_ms = await decoding.run(
            lambda: self._decoded(item, budget, reads=reads), since=started, is_long=is_large
        )
        if isinstance(decoded, Meme):
            decoded = await self._reading.run_steps(self._read(decoded, budget), budget, is_long=is_large)
        return decoded, {"decode": decode_ms}

    def _read(self, meme: Meme, budget: Budget) -> Generator[None, None, Reading]:
        """What is left unread when its time is over is told in the verdict; not begun by then, it may be sent again."""
        if time.monotonic() >= budget.deadline:
            raise self._too_late()
        return (yield from self._scorer.read_steps(meme, budget))

    async def _is_large(self, item: ClassifyInput) -> bool:
        """Whether the picture takes so much memory and time that others should not wait for it."""
        if item.image is None:
            return False
        image = item.image
        return await self._parsing.run(lambda: declared_pixels(image, self._limits) > _LARGE_PIXELS)

    def _decoded(self, item: ClassifyInput, budget: Budget, *, reads: bool) -> tuple[Meme | Reading, float]:
        """A meme that is still to be read, or one with its words; and the milliseconds of decoding."""
        started = time.perf_counter()
        limits = self._limits
        try:
            with budget.counted():
                if item.image is None:
                    meme = Meme.from_text(item.text or "", tags=item.tags, id=item.id, limits=limits)
                else:
                    meme = Meme.from_bytes(
                        item.image, text=item.text, tags=item.tags, id=item.id, limits=limits, budget=budget
                    )
        except MemeError as error:
            raise ProblemError.from_meme_error(error, limits) from error
        if not reads and meme.text is None:
            meme = replace(meme, text="")
        decode_ms = (time.perf_counter() - started) * 1000
        return (meme if meme.text is None else self._scorer.read(meme)), decode_ms


def _fingerprint(reading: Reading) -> tuple[Fingerprint, float]:
    """The fingerprint of a meme and its words, and the milliseconds that it took."""
    started = time.perf_counter()
    found = fingerprint_of(reading.meme, reading.text.content)
    return found, (time.perf_counter() - started) * 1000


def _batch_limits(scorer: Scorer, settings: Settings) -> BatchLimits:
    together = scorer.bundle.manifest.image_tower.batch_invariant
    return BatchLimits(
        threads=settings.model_threads,
        max_words=settings.max_batch,
        max_pictures=settings.max_batch if together else 1,
        max_wait_s=settings.max_wait_ms / 1000,
    )


def _no_score(error: ScoringError) -> ProblemError:
    """422, because asking again would not help and the other memes are well: it is this content that has no score."""
    return ProblemError(422, "no_score", f"{error}; it needs a person's eyes")

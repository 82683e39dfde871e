"""The desk of one worker: it holds the scorer and judges what ``submission.py`` read from a request.

It knows no HTTP but the errors; ``app.py`` calls it on a thread, so that health checks answer while it works.
"""

import logging
import time
import uuid
from typing import Any, cast

import anyio

from model import Failure, Meme, MemeError, MemeguardError, Scorer, Verdict, load
from serving.metrics import Metrics
from serving.problems import ProblemError
from serving.schemas import ModelDoc, ReadinessDoc
from serving.settings import Settings
from serving.submission import BadItem, Submission, parse_body

logger = logging.getLogger("memeguard.desk")


class Desk:
    """Settings, scorer and metrics of one worker. Safe under threads.

    ``scorer`` is None when it could not be loaded; ``load_problem`` then says why. Such a worker stays up and says so
    at ``/readyz``, instead of crashing again and again.
    """

    def __init__(self, settings: Settings, scorer: Scorer | None, load_problem: str | None = None) -> None:
        self.settings = settings
        self.metrics = Metrics()
        #: How many threads may judge at once.
        self.limiter = anyio.CapacityLimiter(settings.judges)
        self._scorer = scorer
        self._load_problem = load_problem

    @classmethod
    def open(cls, settings: Settings) -> "Desk":
        """Load the scorer that ``settings`` ask for, and log what is in force and what is missing."""
        try:
            scorer = load(
                settings.bundle,
                ocr=settings.ocr,
                provider=settings.provider,
                threads=settings.threads,
                limits=settings.limits,
            )
        except MemeguardError as error:
            desk = cls(settings, None, f"model: {error}")
        else:
            desk = cls(settings, scorer)
        desk._log_parts()
        return desk

    def readiness(self) -> ReadinessDoc:
        """Which parts are in force, and which of those asked for are missing."""
        if self._scorer is None:
            return ReadinessDoc(
                ready=False,
                model=None,
                providers=[],
                ocr_engine=self.settings.ocr,
                ocr_version=None,
                problems=[self._load_problem or "model: not loaded"],
            )
        parts = self._scorer.readiness()
        # No engine is no problem for an operator who asked for none.
        problems = [] if self.settings.ocr == "none" else list(parts.problems)
        return ReadinessDoc(
            ready=not problems,
            model=ModelDoc(name=parts.model.name, version=parts.model.version, digest=parts.model.digest),
            providers=parts.providers,
            ocr_engine=parts.ocr_engine,
            ocr_version=parts.ocr_version,
            problems=problems,
        )

    def answer(self, content_type: str | None, body: bytes) -> dict[str, Any]:
        """The JSON that answers a classify request; blocking. Raises ``ProblemError`` when there is no verdict."""
        order = parse_body(content_type, body, self.settings.max_items)
        if not order.many:
            (item,) = order.items
            return self._judge(item).to_dict()
        return {"results": [self._judge_or_fail(item).to_dict() for item in order.items]}

    def _judge_or_fail(self, item: Submission | BadItem) -> Verdict | Failure:
        try:
            return self._judge(item)
        except ProblemError as problem:
            self.metrics.saw_error(problem.code)
            return Failure(item.id or uuid.uuid4().hex, problem.code, problem.detail)

    def _judge(self, item: Submission | BadItem) -> Verdict:
        if isinstance(item, BadItem):
            raise item.problem
        if self._scorer is None:
            raise ProblemError(503, "not_ready", "the model is not loaded; GET /readyz says why")
        started = time.perf_counter()
        meme = _decoded(item, self.settings)
        decode_ms = (time.perf_counter() - started) * 1000
        # One at a time, so that a request holds one decoded picture however many it sent.
        verdict = cast(Verdict, self._scorer.score([meme])[0])  # a decoded meme always gets one
        self.metrics.saw_verdict(verdict, decode_ms)
        return verdict

    def _log_parts(self) -> None:
        parts = self.readiness()
        if parts.model is not None:
            logger.info(
                "serving model=%s version=%s digest=%s ocr=%s/%s providers=%s",
                parts.model.name,
                parts.model.version,
                parts.model.digest[:12],
                parts.ocr_engine,
                parts.ocr_version,
                ",".join(parts.providers),
            )
        for problem in parts.problems:
            logger.error("not ready: %s", problem)


def _decoded(item: Submission, settings: Settings) -> Meme:
    try:
        return Meme.from_bytes(item.image, text=item.text, tags=item.tags, id=item.id, limits=settings.limits)
    except MemeError as error:
        raise ProblemError.from_meme_error(error) from error

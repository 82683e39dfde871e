"""The desk of one worker: it holds every part, and takes a submission through all of them to a verdict.

It knows no HTTP but the errors; the routes call it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from model import Failure, Judgement, MemeguardError, Policy, Scorer, Verdict, load
from serving.inference import Pipeline
from serving.inference.admission import Admission
from serving.inference.image_fetcher import Fetcher
from serving.inference.policy_store import PolicyStore
from serving.ledger.ledger import open_ledger
from serving.observability import tracing
from serving.observability.logs import Event, frames
from serving.observability.metrics import Metrics
from serving.problems import ProblemError
from serving.requests.classify_body import BadItem, ClassifyInput
from serving.requests.context import Asking
from serving.schemas import ModelDoc, ReadinessDoc
from serving.security.key_file import Keyring
from serving.security.token_bucket import Buckets
from serving.settings import Settings

logger = logging.getLogger("memeguard.desk")
T = TypeVar("T")

#: Looking for words in a longer text takes so long that it is done on a thread.
_RULED_AT_ONCE_CHARS = 1000


class Desk:
    """The parts of one worker. Its coroutines belong to one event loop.

    ``scorer`` is None when it could not be loaded; ``load_problem`` then says why. Such a worker stays up and says so
    at ``/readyz``, instead of crashing again and again.
    """

    def __init__(self, settings: Settings, scorer: Scorer | None, load_problem: str | None = None) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.admission = Admission(settings, self.metrics.saw_pending)
        self.ledger = open_ledger(settings)
        self.keys = Keyring(settings.keys_file) if settings.keys_file else None
        self.buckets = Buckets.of_this_server()
        self.fetcher = Fetcher(settings)
        self.scorer = scorer
        if scorer is not None:
            self.metrics.saw_model(scorer.model)
        self._load_problem = load_problem
        self._parts = None if scorer is None else _Parts(settings, scorer, self.metrics, self.admission)

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

    async def start(self) -> None:
        """Start what runs beside the requests."""
        if self._parts is not None:
            self._parts.policies.start(self.metrics.saw_reload)
        if self.ledger is not None:
            await self.ledger.start()

    async def stop(self) -> None:
        """Finish what was accepted and close every part."""
        if self._parts is not None:
            await self._parts.policies.stop()
            await asyncio.to_thread(self._parts.pipeline.close)
        if self.ledger is not None:
            await self.ledger.stop()
        await self.fetcher.close()

    @property
    def parts(self) -> "_Parts":
        """Everything that needs a model; raises ``ProblemError`` 503 when there is none."""
        if self._parts is None:
            raise ProblemError(503, "not_ready", "the model is not loaded; GET /readyz says why")
        return self._parts

    async def run(self, work: Callable[[], T]) -> T:
        """Do something that would hold up the event loop on a thread of the pipeline."""
        return await self.parts.pipeline.run(work)

    async def verdict(self, item: ClassifyInput | BadItem, asking: Asking) -> Verdict:
        """Judge one submission; raises ``ProblemError`` when there is no verdict."""
        with self.admission.memes(1):
            return await self._verdict(item, asking)

    async def _verdict(self, item: ClassifyInput | BadItem, asking: Asking) -> Verdict:
        if isinstance(item, BadItem):
            raise item.problem
        parts = self.parts
        policy = parts.policies.get(asking.policy)
        judgement = await parts.pipeline.judge(item, explain=asking.explain, deadline=asking.deadline)
        verdict = await self._rule(judgement, policy, item.id)
        await self._record(verdict, item, asking, judgement.digest)
        self.metrics.saw_verdict(verdict)
        tracing.saw_verdict(verdict)
        return verdict

    async def verdicts(self, items: Sequence[ClassifyInput | BadItem], asking: Asking) -> list[Verdict | Failure]:
        """Judge several at once: a verdict or a failure each, in order.

        Raises ``ProblemError`` 503 when there is no room for all of them.
        """
        with self.admission.memes(len(items)):
            outcomes = await asyncio.gather(*(self.outcome(item, asking) for item in items))
        return [
            Failure(item.id or asking.request_id, outcome.code, outcome.detail)
            if isinstance(outcome, ProblemError)
            else outcome
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    async def outcome(self, item: ClassifyInput | BadItem, asking: Asking) -> Verdict | ProblemError:
        """Judge one of several submissions, for which the caller holds a place: a verdict, or why there is none."""
        try:
            return await self._verdict(item, asking)
        except ProblemError as error:
            problem = error
        except Exception as error:  # a bug that one meme brings out leaves the others their verdicts
            problem = _crash(error, asking.request_id)
        self.metrics.saw_error(problem.code)
        return problem

    async def _rule(self, judgement: Judgement, policy: Policy, id: str | None) -> Verdict:
        def rule() -> Verdict:
            return self.parts.scorer.rule(judgement, policy, id=id)

        is_short = len(judgement.text.content) <= _RULED_AT_ONCE_CHARS
        return rule() if is_short or not policy.word_lists else await self.run(rule)

    async def _record(self, verdict: Verdict, item: ClassifyInput, asking: Asking, digest: str) -> None:
        """Keep the decision before it is told; raises ``ProblemError`` 503 when that cannot be done."""
        if self.ledger is None:
            return
        try:
            await self.ledger.record(verdict, item, asking, digest)
        except ProblemError:
            self.metrics.saw_ledger(ok=False)
            raise
        self.metrics.saw_ledger(ok=True)

    def readiness(self) -> ReadinessDoc:
        """Which parts are in force, and which of those asked for are missing."""
        if self.scorer is None:
            return ReadinessDoc(
                ready=False,
                model=None,
                providers=[],
                ocr_engine=self.settings.ocr,
                ocr_version=None,
                problems=[self._load_problem or "model: not loaded", *self._ledger_problems()],
            )
        parts = self.scorer.readiness()
        # No engine is no problem for an operator who asked for none.
        problems = [] if self.settings.ocr == "none" else list(parts.problems)
        if self.admission.stopping:
            problems.append("stopping: requests under way are finished, new ones are refused")
        problems += self._ledger_problems()
        return ReadinessDoc(
            ready=not problems,
            model=ModelDoc(name=parts.model.name, version=parts.model.version, digest=parts.model.digest),
            providers=parts.providers,
            ocr_engine=parts.ocr_engine,
            ocr_version=parts.ocr_version,
            problems=problems,
            warnings=[self.parts.policies.warning] if self.parts.policies.warning else [],
        )

    def _ledger_problems(self) -> list[str]:
        problem = None if self.ledger is None else self.ledger.problem()
        return [] if problem is None else [problem]

    def _log_parts(self) -> None:
        parts = self.readiness()
        if parts.model is not None:
            logger.info(
                Event(
                    "serving",
                    model=parts.model.name,
                    version=parts.model.version,
                    digest=parts.model.digest[:12],
                    ocr=f"{parts.ocr_engine}/{parts.ocr_version}",
                    providers=",".join(parts.providers),
                )
            )
        for problem in parts.problems:
            logger.error("not ready: %s", problem)


def _crash(error: Exception, request_id: str) -> ProblemError:
    """Log where it happened, without the exception's message: that may hold what was sent."""
    logger.error(Event(f"crashed with {type(error).__name__}", request_id=request_id, stack=frames(error)))
    return ProblemError(500, "internal_error", "this is our fault; it was logged")


class _Parts:
    """What there is only with a model."""

    def __init__(self, settings: Settings, scorer: Scorer, metrics: Metrics, admission: Admission) -> None:
        self.scorer = scorer
        self.pipeline = Pipeline(scorer, settings, metrics, admission.retry_after)
        self.policies = PolicyStore.open(settings, scorer)

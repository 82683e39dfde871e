"""The parts of one worker: made when the app starts, and had from any request by ``app_state``."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from model import MemeguardError, Scorer, load
from model.known.category_file import CategoryFileError
from serving.inference.admission import Admission
from serving.inference.classifier import Classifier
from serving.inference.image_fetcher import Fetcher
from serving.jobs.errors import JobsOffError
from serving.jobs.jobs import open_jobs
from serving.known.bank_follower import BankFollower
from serving.known.memory.follower import MemoryFollower
from serving.ledger.ledger import Ledger, open_ledger
from serving.observability.logs import Event
from serving.observability.metrics import Metrics
from serving.problems import ProblemError
from serving.schemas import ModelDoc, ReadinessDoc
from serving.schemas.shadows import ShadowDoc
from serving.security.key_file import Keyring
from serving.security.token_bucket import TokenBuckets
from serving.settings import Settings
from serving.shadow.shadows import Shadows, opened_shadows, spare_core

logger = logging.getLogger("memeguard.app")
_JOBS_FOR_ALL = (
    "jobs: there are no API keys, so that whoever may call sees the jobs and the results of all; make keys with "
    "`memeguard keys create NAME --scope jobs`"
)
_BANKS_OFF = (
    "banks: policies name some, and the ledger that would hold them is switched off (MEMEGUARD_LEDGER_URL=none), so "
    "that memes are at least reviewed"
)


class AppState:
    """The parts of one worker. They belong to one event loop.

    ``scorer`` is None when it could not be loaded; ``load_problem`` then says why. Such a worker stays up and says so
    at ``/readyz``, instead of crashing again and again.
    """

    def __init__(self, settings: Settings, scorer: Scorer | None, load_problem: str | None = None) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.admission = Admission(settings, self.metrics.saw_pending)
        self.ledger = open_ledger(settings)
        self.banks = None if self.ledger is None else BankFollower(self.ledger.database, self.metrics.saw_flood)
        self.keys = Keyring(settings.keys_file) if settings.keys_file else None
        self.buckets = TokenBuckets.of_this_server()
        self.fetcher = Fetcher(settings)
        self._jobs_problem: str | None = None
        try:
            self.jobs = open_jobs(settings, self.ledger, self.fetcher)
        except JobsOffError as error:
            self.jobs, self._jobs_problem = None, str(error)
        self._load_problem = load_problem
        self._classifier: Classifier | None = None
        self.memory: MemoryFollower | None = None
        self.shadows: Shadows | None = None
        self._shadow_problem: str | None = None
        if scorer is not None:
            self.metrics.saw_model(scorer.model)
            self.memory = None if self.ledger is None else MemoryFollower(self.ledger.database, scorer)
            self._classifier = Classifier(
                scorer, settings, self.metrics, self.admission, self.ledger, self.banks, self.memory
            )
            self._open_shadows(self._classifier)

    @classmethod
    def open(cls, settings: Settings) -> "AppState":
        """Load the scorer that ``settings`` ask for, and log what is in force and what is missing."""
        try:
            scorer = load(
                settings.bundle,
                ocr=settings.ocr,
                ocr_languages=settings.ocr_languages,
                engine=settings.asked_engine,
                threads=settings.threads,
                limits=settings.limits,
                # For memory that is made later, and for decisions that are kept.
                features=settings.ledger_database is not None,
                categories=settings.categories_file,
            )
        except CategoryFileError as error:
            state = cls(settings, None, f"categories: {error}")
        except MemeguardError as error:
            state = cls(settings, None, f"model: {error}")
        else:
            state = cls(settings, scorer)
        _log_readiness(state.readiness())
        return state

    def _open_shadows(self, classifier: Classifier) -> None:
        """What is wrong with a shadow is told at ``/readyz`` and keeps nobody from an answer."""
        settings, ledger = self.settings, self.ledger
        if ledger is None or not settings.has_shadow:
            return
        try:
            shadows = opened_shadows(settings, classifier.scorer.bundle, classifier.policies, self.banks)
        except MemeguardError as error:
            self._shadow_problem = f"shadow: nothing is judged in it: {error}"
            return
        has_room = spare_core(settings, self.admission)
        self.shadows = Shadows(shadows, settings, self.metrics, ledger.database, has_room)
        classifier.onlooker = self.shadows.saw

    async def start(self) -> None:
        """Start what runs beside the requests."""
        if self._classifier is not None:
            self._classifier.policies.start(self.metrics.saw_reload)
        if self.ledger is not None:
            await self.ledger.start()
        if self.banks is not None:
            await self.banks.start()
        if self.memory is not None:
            await self.memory.start()
        if self.jobs is not None:
            self.jobs.runner.start()
        if self.shadows is not None:
            self.shadows.start()
        for warning in self._bank_warnings():
            logger.warning("%s", warning)

    async def stop(self) -> None:
        """Finish what was accepted and close every part."""
        if self.jobs is not None:
            await self.jobs.runner.stop()
        if self._classifier is not None:
            await self._classifier.policies.stop()
            await asyncio.to_thread(self._classifier.pipeline.close)
        if self.shadows is not None:
            await self.shadows.stop()
        if self.memory is not None:
            await self.memory.stop()
        if self.banks is not None:
            await self.banks.stop()
        if self.ledger is not None:
            await self.ledger.stop()
        await self.fetcher.close()

    @property
    def has_model(self) -> bool:
        """Whether a model is loaded."""
        return self._classifier is not None

    @property
    def classifier(self) -> Classifier:
        """What takes memes to verdicts; raises ``ProblemError`` 503 when no model is loaded."""
        if self._classifier is None:
            raise ProblemError(503, "not_ready", "the model is not loaded; GET /readyz says why")
        return self._classifier

    @property
    def decisions(self) -> Ledger:
        """The ledger; raises ``ProblemError`` 503 where it is switched off."""
        if self.ledger is None:
            raise ProblemError(
                503,
                "ledger_off",
                "this server keeps no decisions: its ledger is switched off (MEMEGUARD_LEDGER_URL=none)",
            )
        return self.ledger

    def readiness(self) -> ReadinessDoc:
        """Which parts are in force, and which of those asked for are missing."""
        if self._classifier is None:
            return ReadinessDoc(
                ready=False,
                model=None,
                engine=self.settings.asked_engine,
                providers=[],
                ocr_engine=self.settings.ocr,
                ocr_version=None,
                problems=[self._load_problem or "model: not loaded", *self._ledger_problems(), *self._job_problems()],
            )
        parts = self._classifier.scorer.readiness()
        # No engine is no problem for an operator who asked for none.
        problems = [] if self.settings.ocr == "none" else list(parts.problems)
        if self.admission.stopping:
            problems.append("stopping: requests under way are finished, new ones are refused")
        problems += [*self._ledger_problems(), *self._job_problems()]
        warning = self._classifier.policies.warning
        return ReadinessDoc(
            ready=not problems,
            model=ModelDoc.model_validate(asdict(parts.model)),
            engine=self.settings.asked_engine,
            providers=parts.providers,
            ocr_engine=parts.ocr_engine,
            ocr_version=parts.ocr_version,
            problems=problems,
            warnings=[
                *parts.warnings,
                *([warning] if warning else []),
                *self._bank_warnings(),
                *self._job_warnings(),
                *self._shadow_warnings(),
            ],
            shadows=self.shadow_docs(),
        )

    def shadow_docs(self) -> list[ShadowDoc]:
        """What is judged beside what is in force."""
        shadows = self.shadows
        if shadows is None:
            return []
        return [ShadowDoc(**vars(state.subject), share=shadows.share, ready=state.is_ready) for state in shadows.states]

    def _shadow_warnings(self) -> list[str]:
        if self._shadow_problem is not None:
            return [self._shadow_problem]
        return [] if self.shadows is None else self.shadows.warnings

    def _bank_warnings(self) -> list[str]:
        """What is amiss with the banks that policies name; nothing is known of them before ``start``."""
        if self._classifier is None:
            return []
        policies = self._classifier.policies.current.policies.values()
        names = list(dict.fromkeys(rule.name for policy in policies for rule in policy.banks))
        if self.banks is not None:
            return self.banks.warnings(names)
        return [_BANKS_OFF] if names else []

    def _ledger_problems(self) -> list[str]:
        problem = None if self.ledger is None else self.ledger.problem()
        return [] if problem is None else [problem]

    def _job_problems(self) -> list[str]:
        return [] if self._jobs_problem is None else [self._jobs_problem]

    def _job_warnings(self) -> list[str]:
        """What an operator should know of jobs."""
        if self.jobs is None:
            return []
        trouble = self.jobs.runner.trouble
        warnings = [] if trouble is None else [f"jobs: not looked after ({trouble})"]
        return warnings if self.keys is not None else [*warnings, _JOBS_FOR_ALL]


def app_state(connection: Mapping[str, Any]) -> AppState:
    """The parts of the worker that serves ``connection``: a route's ``Request``, or the scope of a middleware."""
    state: AppState = connection["app"].state.app_state
    return state


def _log_readiness(readiness: ReadinessDoc) -> None:
    if readiness.model is not None:
        logger.info(
            Event(
                "serving",
                model=readiness.model.name,
                version=readiness.model.version,
                digest=readiness.model.digest[:12],
                ocr=f"{readiness.ocr_engine}/{readiness.ocr_version}",
                engine=readiness.engine,
                engines=",".join(f"{network}:{engine}" for network, engine in readiness.model.engines if engine),
                providers=",".join(readiness.providers),
            )
        )
    for warning in readiness.warnings:
        logger.warning("%s", warning)
    for problem in readiness.problems:
        logger.error("not ready: %s", problem)

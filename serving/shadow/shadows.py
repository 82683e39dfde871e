"""The shadows of one worker: they are told of each decision, judge the chosen ones beside it, and delay none."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model import open_bundle
from model.bundle import Bundle
from model.known.category_file import category_names
from model.policy.file import read_policies
from serving.inference.admission import Admission
from serving.inference.answered import Answered
from serving.inference.policy_store import PolicyStore
from serving.known.bank_follower import BankFollower
from serving.ledger.database import Database
from serving.observability.logs import Event, log_crash
from serving.observability.metrics import Metrics
from serving.settings import Settings
from serving.shadow.bundle_shadow import BundleShadow, bundle_policies
from serving.shadow.lane import Lane
from serving.shadow.policy_shadow import PolicyShadow, chosen_policy
from serving.shadow.recorder import Recorder
from serving.shadow.subject import ShadowResult, Subject, is_sampled

logger = logging.getLogger("memeguard.shadow")


Shadow = PolicyShadow | BundleShadow
HasRoom = Callable[[], bool]


@dataclass(frozen=True)
class ShadowState:
    """What is shadowed, and whether it is ready to judge."""

    subject: Subject
    is_ready: bool


@dataclass(frozen=True)
class _Shadowed:
    """A shadow with its lane."""

    shadow: Shadow
    lane: Lane


class Shadows:
    """The shadows that the settings name. ``saw`` is told of decisions on the event loop."""

    def __init__(
        self, shadows: Sequence[Shadow], settings: Settings, metrics: Metrics, database: Database, has_room: HasRoom
    ) -> None:
        """What takes more than a moment is judged while ``has_room()`` says that the server leaves a core."""
        self.share = settings.shadow_share
        self._metrics = metrics
        self._recorder = Recorder(database)
        self._all = [_Shadowed(one, self._lane(one, settings.shadow_queue, has_room)) for one in shadows]

    def _lane(self, shadow: Shadow, max_waiting: int, has_room: HasRoom) -> Lane:
        def drop(answered: Answered) -> None:
            self._drop(answered, shadow)

        return Lane(
            shadow.subject.kind,
            max_waiting,
            lambda answered: self._judge(answered, shadow),
            drop,
            prepare=shadow.prepare,
            has_room=lambda answered: not shadow.is_costly(answered) or has_room(),
        )

    @property
    def states(self) -> list[ShadowState]:
        """What is shadowed now."""
        return [ShadowState(one.shadow.subject, one.shadow.is_ready) for one in self._all]

    @property
    def warnings(self) -> list[str]:
        """What an operator should know though requests are answered."""
        found = [warning for one in self._all for warning in one.shadow.warnings]
        if self._recorder.problem is not None:
            found.append(f"shadow decisions wait for the ledger: {self._recorder.problem}")
        if self._recorder.n_lost:
            found.append(f"{self._recorder.n_lost} shadow decisions were not kept: the ledger could not be written")
        return found

    def start(self) -> None:
        """Begin. Call it in the event loop."""
        self._recorder.start()
        for one in self._all:
            one.lane.start()
            if one.shadow.store is not None:
                one.shadow.store.start(self._metrics.saw_reload)
            told = one.shadow.subject
            logger.info(Event("shadow", kind=told.kind, name=told.name, digest=told.digest[:12], share=self.share))

    async def stop(self) -> None:
        """End; what waits is dropped, which is kept."""
        for one in self._all:
            if one.shadow.store is not None:
                await one.shadow.store.stop()
        await asyncio.to_thread(self._stop)

    def saw(self, answered: Answered) -> None:
        """Have a decision judged in the shadow, if it is chosen. It waits for nothing and never raises."""
        try:
            if not is_sampled(answered.verdict.decision_id, self.share):
                return
            for one in self._all:
                waiting = one.shadow.prepared(answered)
                if not one.lane.offer(waiting):
                    self._drop(waiting, one.shadow)
        except Exception as error:  # a bug in a shadow must not cost anybody the answer
            log_crash(logger, error, "a shadow crashed")

    def _stop(self) -> None:
        for one in self._all:
            one.shadow.end()
            one.lane.stop()
        self._recorder.stop()

    def _judge(self, answered: Answered, shadow: Shadow) -> None:
        try:
            result = shadow.judge(answered)
        except Exception as error:  # a bug that one meme brings out leaves the others their shadow
            log_crash(logger, error, "a shadow crashed")
            result = ShadowResult(answered.verdict.decision_id, shadow.subject, "failed", type(error).__name__)
        self._keep(answered, result)

    def _drop(self, answered: Answered, shadow: Shadow) -> None:
        self._keep(answered, ShadowResult(answered.verdict.decision_id, shadow.subject, "dropped"))

    def _keep(self, answered: Answered, result: ShadowResult) -> None:
        self._recorder.add(result)
        self._metrics.saw_shadow(result.subject.kind, result.outcome)
        if result.ruling is not None and result.ruling.decision != answered.verdict.decision:
            self._metrics.saw_flip(result.subject.kind, answered.verdict.decision, result.ruling.decision)


def spare_core(settings: Settings, admission: Admission) -> HasRoom:
    """Whether the memes under way leave a core of those that this worker may use."""
    n_cores = len(os.sched_getaffinity(0))
    per_meme = min(settings.threads or n_cores, n_cores)
    return lambda: admission.n_memes * per_meme < n_cores


def check_shadows(settings: Settings) -> None:
    """Before any worker starts; raises ``MemeguardError`` for a shadow that does not fit."""
    if not settings.has_shadow:
        return
    bundle, categories = open_bundle(settings.bundle), category_names(settings.categories_file)
    if settings.shadow_policy is not None:
        own = read_policies(settings.policy_file, bundle, categories)
        chosen_policy(settings.shadow_policy, own, bundle, categories)
    if settings.shadow_bundle is not None:
        bundle_policies(open_bundle(settings.shadow_bundle), settings)


def opened_shadows(settings: Settings, bundle: Bundle, own: PolicyStore, banks: BankFollower | None) -> list[Shadow]:
    """The shadows that ``settings`` name beside ``bundle`` and the policies of ``own``; raises ``MemeguardError``."""
    shadows: list[Shadow] = []
    if settings.shadow_policy is not None:
        categories = category_names(settings.categories_file)
        choice = chosen_policy(settings.shadow_policy, own.current, bundle, categories)
        shadows.append(PolicyShadow(choice, own, banks, settings))
    if settings.shadow_bundle is not None:
        shadows.append(BundleShadow(open_bundle(settings.shadow_bundle), settings, banks))
    return shadows

"""Classifier: takes an item to its verdict, judged by the pipeline, held against banks, decided by a policy, kept.

It knows no HTTP but the errors; the routes call it.
"""

import asyncio
import logging
from collections.abc import Sequence

from model import Failure, Judgement, Policy, Scorer, Verdict
from model.policy.known_memes import BankAnswer, not_asked
from model.remembered import with_votes
from model.verdict import Explain, explain_level
from serving.inference.admission import Admission
from serving.inference.answered import Answered, Onlooker
from serving.inference.pipeline import Pipeline
from serving.inference.policy_store import PolicyStore
from serving.known.bank_follower import BankFollower
from serving.known.memory.follower import MemoryFollower
from serving.ledger.entry import Traces
from serving.ledger.ledger import Ledger
from serving.observability import tracing
from serving.observability.logs import log_crash
from serving.observability.metrics import Metrics
from serving.problems import ProblemError, internal_error
from serving.requests.classify_body import BadItem, ClassifyInput
from serving.requests.context import RequestContext
from serving.settings import Settings

logger = logging.getLogger("memeguard.classifier")

#: Looking for words in a longer text takes so long that it is done on a thread.
_RULED_AT_ONCE_CHARS = 1000
#: Votes of more memes than these take milliseconds.
_VOTED_AT_ONCE = 500


class Classifier:
    """Takes items to verdicts with one model. Its coroutines belong to one event loop."""

    def __init__(
        self,
        scorer: Scorer,
        settings: Settings,
        metrics: Metrics,
        admission: Admission,
        ledger: Ledger | None,
        banks: BankFollower | None = None,
        memory: MemoryFollower | None = None,
    ) -> None:
        #: Who is told of each decision once it is kept; None: nobody.
        self.onlooker: Onlooker | None = None
        self.scorer = scorer
        self.pipeline = Pipeline(scorer, settings, metrics, admission.retry_after)
        self.policies = PolicyStore.open(settings, scorer)
        self._metrics = metrics
        self._admission = admission
        self._ledger = ledger
        self._banks = banks
        self._memory = memory
        self._keeps_fingerprints = ledger is not None and settings.ledger_store_fingerprints

    async def classify(
        self, item: ClassifyInput | BadItem, context: RequestContext, policy: Policy, *, explain: Explain = False
    ) -> Verdict:
        """The verdict of the only item of a request; raises ``ProblemError`` when there is none."""
        with self._admission.memes(1, slow=_is_slow(explain)):
            return await self._verdict(item, context, policy, explain)

    async def preview(
        self, item: ClassifyInput, context: RequestContext, policy: Policy, *, explain: Explain
    ) -> Verdict:
        """What ``classify`` would say; it is no decision: nothing is kept of it, and nothing counts it."""
        with self._admission.memes(1, slow=_is_slow(explain)):
            return (await self._ruled(item, context, policy, explain))[0]

    async def classify_many(
        self, items: Sequence[ClassifyInput | BadItem], context: RequestContext, policy: Policy, *, explain: Explain
    ) -> list[Verdict | Failure]:
        """A verdict or a failure for each item of a request, in order.

        Raises ``ProblemError`` 503 when there is no room for all of them.
        """
        with self._admission.memes(len(items), slow=_is_slow(explain)):
            outcomes = await asyncio.gather(*(self.outcome(item, context, policy, explain=explain) for item in items))
        return [
            Failure(item.id or context.request_id, outcome.code, outcome.detail)
            if isinstance(outcome, ProblemError)
            else outcome
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    async def outcome(
        self, item: ClassifyInput | BadItem, context: RequestContext, policy: Policy, *, explain: Explain = False
    ) -> Verdict | ProblemError:
        """One of several items, for which the caller holds room: its verdict, or why there is none."""
        try:
            return await self._verdict(item, context, policy, explain)
        except ProblemError as error:
            problem = error
        except Exception as error:  # a bug that one meme brings out leaves the others their verdicts
            log_crash(logger, error, request_id=context.request_id)
            problem = internal_error()
        self._metrics.saw_error(problem.code)
        return problem

    async def _verdict(
        self, item: ClassifyInput | BadItem, context: RequestContext, policy: Policy, explain: Explain
    ) -> Verdict:
        if isinstance(item, BadItem):
            raise item.problem
        verdict, judgement, banks = await self._ruled(item, context, policy, explain)
        await self._record(verdict, item, context, judgement)
        if self._banks is not None and banks is not None:
            self._banks.count(banks)
        self._metrics.saw_verdict(verdict)
        tracing.saw_verdict(verdict)
        if self.onlooker is not None:
            self.onlooker(Answered(verdict, judgement, item, policy, banks))
        return verdict

    async def _ruled(
        self, item: ClassifyInput, context: RequestContext, policy: Policy, explain: Explain
    ) -> tuple[Verdict, Judgement, BankAnswer | None]:
        """A verdict that nobody has been told, with what it was made of."""
        fingerprint = bool(policy.banks) or self._keeps_fingerprints
        judgement = await self.pipeline.judge(item, explain=explain, deadline=context.deadline, fingerprint=fingerprint)
        judgement = await self._remembered(judgement)
        banks = await self._asked_banks(judgement, policy)
        return await self._decide(judgement, policy, item.id, banks), judgement, banks

    async def _remembered(self, judgement: Judgement) -> Judgement:
        """With the votes of remembered memes; many are looked at on a thread."""
        memory = None if self._memory is None else self._memory.current
        if memory is None or len(memory) <= _VOTED_AT_ONCE:
            return with_votes(judgement, memory)
        return await self.pipeline.run(lambda: with_votes(judgement, memory))

    async def _asked_banks(self, judgement: Judgement, policy: Policy) -> BankAnswer | None:
        """What the policy's banks say of the meme; None: it names none. A million entries are looked at on a thread."""
        banks, fingerprint = self._banks, judgement.fingerprint
        if not policy.banks:
            return None
        if banks is None or fingerprint is None:
            return not_asked(policy.banks)
        names = [rule.name for rule in policy.banks]
        return await self.pipeline.run(lambda: banks.answer(fingerprint, names))

    async def _decide(self, judgement: Judgement, policy: Policy, id: str | None, banks: BankAnswer | None) -> Verdict:
        def rule() -> Verdict:
            return self.scorer.rule(judgement, policy, id=id, banks=banks)

        is_short = len(judgement.text.content) <= _RULED_AT_ONCE_CHARS
        return rule() if is_short or not policy.word_lists else await self.pipeline.run(rule)

    async def _record(
        self, verdict: Verdict, item: ClassifyInput, context: RequestContext, judgement: Judgement
    ) -> None:
        """Keep the decision before it is told; raises ``ProblemError`` 503 when that cannot be done."""
        if self._ledger is None:
            return
        traces = Traces(judgement.fingerprint, judgement.features)
        try:
            await self._ledger.record(verdict, item, context, judgement.digest, traces)
        except ProblemError:
            self._metrics.saw_ledger(ok=False)
            raise
        self._metrics.saw_ledger(ok=True)


def _is_slow(explain: Explain) -> bool:
    """Whether so much of why takes seconds: regions do, each being an encoding of the picture."""
    return explain_level(explain) in ("regions", "full")

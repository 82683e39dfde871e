"""What a shadow's policy makes of a judgement: its banks are asked, and it decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model import Judgement, MemeLimits, Policy
from model.errors import MemeError
from model.policy.decide import decide_on
from serving.inference.answered import Answered
from serving.known.bank_follower import BankFollower
from serving.shadow.banks import bank_answer
from serving.shadow.subject import ShadowResult, Subject


@dataclass(frozen=True)
class ShadowRuler:
    """Holds judgements against the policies of a shadow. ``banks`` is None where the server keeps none."""

    banks: BankFollower | None
    limits: MemeLimits

    def result(
        self,
        answered: Answered,
        subject: Subject,
        policy: Policy,
        judgement: Judgement,
        categories: Mapping[str, float],
        scores: Mapping[str, Any],
    ) -> ShadowResult:
        """What ``policy`` would decide; failed where a picture could not be read anew for its banks."""
        decision_id = answered.verdict.decision_id
        try:
            banks = bank_answer(answered, policy, self.banks, self.limits)
        except MemeError as error:
            return ShadowResult(decision_id, subject, "failed", f"banks not asked: {error.code}")
        ruling = decide_on(judgement, policy, banks=banks, categories=categories)
        return ShadowResult(decision_id, subject, "judged", policy=policy, ruling=ruling, scores=scores)

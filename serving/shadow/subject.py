"""What is judged in the shadow, and what came of one decision."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from model import Policy
from model.verdict import Ruling

ShadowKind = Literal["policy", "bundle"]
#: "dropped": the server was busy, so that the shadow did not judge it.
Outcome = Literal["judged", "dropped", "failed"]


@dataclass(frozen=True)
class Subject:
    """A policy or a bundle, by the name, version and digest that verdicts have for it."""

    kind: ShadowKind
    name: str
    version: str
    digest: str

    @classmethod
    def of_policy(cls, policy: Policy) -> "Subject":
        """A policy that is tried on the scores of the bundle in force."""
        return cls("policy", policy.name, policy.version, policy.digest)


@dataclass(frozen=True)
class ShadowResult:
    """What ``subject`` would have made of a decision.

    ``detail`` is why it failed; it may be logged and kept: it holds nothing of the meme. ``ruling`` is there where it
    was judged, under ``policy``. ``scores`` are its own, empty where they are those of the decision.
    """

    decision_id: str
    subject: Subject
    outcome: Outcome
    detail: str | None = None
    policy: Policy | None = None
    ruling: Ruling | None = None
    scores: Mapping[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """As it is kept, without the moment."""
        policy, ruling = self.policy, self.ruling
        return {
            "decision_id": self.decision_id,
            **vars(self.subject),
            "outcome": self.outcome,
            "detail": self.detail,
            "policy_name": None if policy is None else policy.name,
            "policy_version": None if policy is None else policy.version,
            "policy_digest": None if policy is None else policy.digest,
            "decision": None if ruling is None else ruling.decision,
            "reasons": None if ruling is None else list(ruling.reasons),
            "scores": dict(self.scores) or None,
        }


def is_sampled(decision_id: str, share: float) -> bool:
    """Whether shadows judge this decision too, the same at every call.

    By the decision and not by its content: a meme that comes a thousand times would else be all of the sample or none.
    """
    drawn = int.from_bytes(hashlib.sha256(decision_id.encode()).digest()[:8])
    return drawn < share * 2**64

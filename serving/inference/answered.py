"""A decision that was just made and kept, with all that it was made of, for who looks on."""

from collections.abc import Callable
from dataclasses import dataclass

from model import Judgement, Policy, Verdict
from model.policy.known_memes import BankAnswer
from serving.requests.classify_body import ClassifyInput


@dataclass(frozen=True)
class Answered:
    """``banks`` is what the banks of ``policy`` said of the meme; None: it names none."""

    verdict: Verdict
    judgement: Judgement
    item: ClassifyInput
    policy: Policy
    banks: BankAnswer | None


#: Told of each decision, on the event loop, before its caller is; it returns at once and never raises.
Onlooker = Callable[[Answered], None]

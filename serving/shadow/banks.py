"""Banks that a shadow's policy names: asked again only where the policy in force did not ask the same ones."""

from model import Judgement, Meme, MemeLimits, Policy
from model.budget import Budget
from model.known.fingerprint import Fingerprint, fingerprint_of
from model.policy.known_memes import BankAnswer, not_asked
from serving.inference.answered import Answered
from serving.known.bank_follower import BankFollower
from serving.requests.classify_body import ClassifyInput


def needs_picture(answered: Answered, policy: Policy) -> bool:
    """Whether the banks of ``policy`` can only be asked by decoding the picture again."""
    return answered.judgement.fingerprint is None and asks_banks(answered, policy)


def asks_banks(answered: Answered, policy: Policy) -> bool:
    """Whether banks are asked again for ``policy``."""
    return bool(policy.banks) and not _same_banks(answered, policy)


def bank_answer(
    answered: Answered, policy: Policy, banks: BankFollower | None, limits: MemeLimits
) -> BankAnswer | None:
    """What the banks of ``policy`` say of the meme; None: it names none. Raises ``MemeError``."""
    if not policy.banks:
        return None
    if _same_banks(answered, policy):
        return answered.banks
    if banks is None:
        return not_asked(policy.banks)
    fingerprint = answered.judgement.fingerprint or _fingerprint(answered.item, answered.judgement, limits)
    return banks.answer(fingerprint, [rule.name for rule in policy.banks])


def _same_banks(answered: Answered, policy: Policy) -> bool:
    asked = [rule.name for rule in answered.policy.banks]
    return answered.banks is not None and asked == [rule.name for rule in policy.banks]


def _fingerprint(item: ClassifyInput, judgement: Judgement, limits: MemeLimits) -> Fingerprint:
    words = judgement.text.content
    if item.image is None:
        return fingerprint_of(Meme.from_text(words, limits=limits), words)
    return fingerprint_of(Meme.from_bytes(item.image, limits=limits, budget=Budget(limits.max_work_s)), words)

"""Text of a policy as reviewers read it: what it asks for, in sentences. Entries of word lists are counted alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from model import Policy
from model.bundle import Thresholds, ThresholdsByModality
from model.modality import MODALITIES, modality_title
from model.policy.policy import BankRule
from serving.web.titles import class_title, task_title


@dataclass(frozen=True)
class PolicyText:
    """The policy that decided, or the one of its name that is in force now, where that is another.

    ``rules`` is empty where this server has no policy of the name any more.
    """

    name: str
    version: str
    rules: tuple[str, ...]
    in_force: str | None = None


def policy_text(row: Mapping[str, object], policies: Mapping[str, Policy]) -> PolicyText:
    """Of the decision in ``row``, by the policies in force."""
    name, version = str(row["policy_name"]), str(row["policy_version"])
    policy = policies.get(name)
    if policy is None:
        return PolicyText(name, version, ())
    is_same = policy.digest == row["policy_digest"]
    return PolicyText(name, version, tuple(_rules(policy)), None if is_same else policy.version)


def _rules(policy: Policy) -> Iterator[str]:
    for score, limits in policy.thresholds.items():
        yield from _thresholds(_score_title(score), limits)
    for score, bands in policy.severity.items():
        told = ", ".join(f"{band.name} from {band.lower:g}" for band in bands)
        yield f"{_score_title(score)}: severity is {told}."
    for words in policy.word_lists:
        yield f"Words of the list {words.name} ({len(words.entries)}): {words.action}."
    for rule in policy.banks:
        yield _bank(rule)
    partial = policy.partial
    yield f"Where words were not all judged: {partial.text}; where the picture was not: {partial.picture}."


def _thresholds(title: str, limits: ThresholdsByModality) -> Iterator[str]:
    if limits.shared is not None:
        yield f"{title}: {_limits(limits.shared)}."
        return
    for modality in MODALITIES:
        yield f"{title}, of {modality_title(modality)}: {_limits(limits.of(modality))}."


def _limits(limits: Thresholds) -> str:
    block = "never blocked by its score" if limits.block is None else f"blocked from {limits.block:.2f}"
    return f"reviewed from a score of {limits.review:.2f}, {block}"


def _bank(rule: BankRule) -> str:
    own = {"the same meme": rule.same_meme, "the same picture": rule.same_picture, "the same words": rule.same_words}
    told = ", ".join(f"{what} {action}" for what, action in own.items() if action is not None)
    return f"Known memes of the bank {rule.name}: {told or 'what the bank asks for'}."


def _score_title(name: str) -> str:
    """Of a score's name: a task, or ``task.class``."""
    task, _, label = name.partition(".")
    return f"{task_title(task)}, {class_title(label)}" if label else task_title(task)

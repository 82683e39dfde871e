"""Result in OpenAI's shape, made of the judgements of a post."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import get_args

from model import Policy, Verdict
from model.policy.decide import met_thresholds
from model.policy.scored_views import scored_views
from model.verdict import Decision, strictest
from serving.openai.post import JudgedPart, errors_of
from serving.schemas.moderations import (
    Category,
    InputType,
    MemeguardDoc,
    ModerationErrorDoc,
    ModerationResultDoc,
    ModerationTextDoc,
)
from serving.schemas.verdict import PolicyDoc, TextDoc

_CATEGORIES: tuple[Category, ...] = get_args(Category)
#: The one category that is judged, and the task that judges it.
_JUDGED: Category = "hate"
_TASK = "hateful"


def result_of(parts: Sequence[JudgedPart], policy: Policy) -> ModerationResultDoc:
    """What is said of one post. A part that could not be judged keeps it from looking clean."""
    judged = [(part, part.outcome) for part in parts if isinstance(part.outcome, Verdict)]
    verdicts = [verdict for _, verdict in judged]
    errors = [
        ModerationErrorDoc(part=part, code=problem.code, message=problem.detail) for part, problem in errors_of(parts)
    ]
    decisions: list[Decision] = [verdict.decision for verdict in verdicts]
    decision = strictest([*decisions, "review" if errors else "allow"])
    scores = _highest(verdicts)
    return ModerationResultDoc(
        flagged=decision != "allow",
        categories=dict.fromkeys(_CATEGORIES, False) | {_JUDGED: _is_hate(verdicts, policy)},
        category_scores=dict.fromkeys(_CATEGORIES, 0.0) | {_JUDGED: scores.get(_TASK, 0.0)},
        category_applied_input_types={name: [] for name in _CATEGORIES} | {_JUDGED: _input_types(judged)},
        memeguard=MemeguardDoc(
            decision=decision,
            policy=_policy(policy, verdicts, errors),
            scores=scores,
            decision_ids=[verdict.decision_id for verdict in verdicts],
            pictures=_words_by_picture(judged),
            errors=errors,
        ),
    )


def _highest(verdicts: Iterable[Verdict]) -> dict[str, float]:
    """By yes/no task, the highest score of all verdicts."""
    scores: dict[str, float] = {}
    for verdict in verdicts:
        for task, score in verdict.scores.items():
            if isinstance(score, float):
                scores[task] = max(score, scores.get(task, 0.0))
    return scores


def _is_hate(verdicts: Iterable[Verdict], policy: Policy) -> bool:
    return any(verdict.matches or _is_over(verdict, policy) for verdict in verdicts)


def _is_over(verdict: Verdict, policy: Policy) -> bool:
    limits = {name: found for name, found in policy.thresholds.items() if name == _TASK}
    views = scored_views(verdict.scores, verdict.judged_as, verdict.picture)
    return any(True for _ in met_thresholds(views, limits))


def _input_types(judged: Iterable[tuple[JudgedPart, Verdict]]) -> list[InputType]:
    """What the score is of. Words that were read from a picture came as a picture."""
    told = [part for part, verdict in judged if _TASK in verdict.scores]
    types: list[InputType] = ["text"] if any(part.with_words for part in told) else []
    return [*types, "image"] if any(part.with_picture for part in told) else types


def _policy(policy: Policy, verdicts: Sequence[Verdict], errors: Sequence[ModerationErrorDoc]) -> PolicyDoc:
    reasons = [reason for verdict in verdicts if verdict.decision != "allow" for reason in verdict.policy.reasons]
    reasons += ["a part of the input could not be judged"] if errors else []
    if not reasons:
        reasons = list(verdicts[0].policy.reasons) if verdicts else ["there is nothing to be seen in the input"]
    return PolicyDoc(
        name=policy.name, version=policy.version, digest=policy.digest, reasons=list(dict.fromkeys(reasons))
    )


def _words_by_picture(judged: Iterable[tuple[JudgedPart, Verdict]]) -> list[ModerationTextDoc]:
    """For each picture the words that were read from it; the caller's where nobody read it."""
    found: dict[int, Verdict] = {}
    for part, verdict in judged:
        if part.part is not None and (part.part not in found or not part.with_words):
            found[part.part] = verdict
    return [
        ModerationTextDoc(part=part, text=TextDoc.model_validate(asdict(verdict.text)))
        for part, verdict in sorted(found.items())
    ]

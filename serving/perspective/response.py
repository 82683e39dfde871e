"""Verdicts to an answer in Perspective's shape."""

from collections.abc import Sequence
from dataclasses import dataclass

from model import Policy, Verdict
from serving.perspective.attributes import TASK_OF
from serving.perspective.comment import Span
from serving.perspective.request import Asked
from serving.schemas.perspective import (
    AnalyzeCommentDoc,
    AttributeScoresDoc,
    PerspectiveDecisionDoc,
    ScoreDoc,
    SpanScoreDoc,
)
from serving.schemas.verdict import PolicyDoc

_NOTHING_JUDGED = "nothing was judged: no attribute that was asked for is answered for this comment"


@dataclass(frozen=True)
class Judged:
    """The verdict on a comment, and on each part of it that is scored by itself."""

    verdict: Verdict
    spans: Sequence[tuple[Span, Verdict]]


def answer_of(asked: Asked, judged: Judged) -> AnalyzeCommentDoc:
    """What is said of a comment."""
    verdict = judged.verdict
    scores = {
        name: found
        for name, threshold in asked.thresholds.items()
        if (found := _attribute(asked, judged, TASK_OF[name], threshold)) is not None
    }
    policy = verdict.policy
    return AnalyzeCommentDoc(
        attribute_scores=scores or None,
        languages=asked.languages,
        client_token=asked.client_token,
        memeguard=PerspectiveDecisionDoc(
            decision=verdict.decision,
            policy=PolicyDoc(
                name=policy.name, version=policy.version, digest=policy.digest, reasons=list(policy.reasons)
            ),
            scores={task: score for task, score in verdict.scores.items() if isinstance(score, float)},
            decision_id=verdict.decision_id if asked.is_stored else None,
        ),
    )


def answer_to_nothing(asked: Asked, policy: Policy) -> AnalyzeCommentDoc:
    """The answer where every attribute was dropped: what was not judged is for people to look at."""
    named = PolicyDoc(name=policy.name, version=policy.version, digest=policy.digest, reasons=[_NOTHING_JUDGED])
    return AnalyzeCommentDoc(
        languages=asked.languages,
        client_token=asked.client_token,
        memeguard=PerspectiveDecisionDoc(decision="review", policy=named, scores={}),
    )


def _attribute(asked: Asked, judged: Judged, task: str, threshold: float | None) -> AttributeScoresDoc | None:
    """The scores that reach the threshold; None for none."""
    spans = []
    for span, verdict in judged.spans:
        score = _score(verdict, task, threshold)
        if score is not None:
            begin, end = asked.comment.sent_place(span)
            spans.append(SpanScoreDoc(begin=begin, end=end, score=score))
    summary = _score(judged.verdict, task, threshold)
    if summary is None and not spans:
        return None
    return AttributeScoresDoc(span_scores=spans or None, summary_score=summary)


def _score(verdict: Verdict, task: str, threshold: float | None) -> ScoreDoc | None:
    value = verdict.scores[task]
    if not isinstance(value, float):
        raise TypeError(f"the task {task} has no single score")  # the table names yes/no tasks only
    return None if threshold is not None and value < threshold else ScoreDoc(value=value, type="PROBABILITY")

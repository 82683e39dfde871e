"""What each reviewer did, and how often they gave the golden answer."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from serving.ledger.queries import Label
from serving.ledger.tables import review_actions, review_golden
from serving.review.audit import UNDONE
from serving.review.figures.agreement import answer_value
from serving.review.figures.reviewed import Answer
from serving.review.figures.shares import Share, share


@dataclass(frozen=True)
class ReviewerFigures:
    """One reviewer. ``golden`` counts answers to tasks of golden items, of those that have an answer there."""

    reviewer: str
    labelled: int
    cannot_judge: int
    escalated: int
    skipped: int
    golden: Share


def reviewer_figures(
    connection: sa.Connection, since: datetime, answers: Sequence[Answer]
) -> tuple[ReviewerFigures, ...]:
    """Everybody who did something since then, by name."""
    right, asked = _held_against_gold(answers, _golden_labels(connection))
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    done = review_actions.c
    counted = (
        sa.select(done.reviewer, done.kind, sa.func.count())
        .where(done.created_at >= since, done.kind.in_(UNDONE), done.undone_at.is_(None))
        .group_by(done.reviewer, done.kind)
    )
    for reviewer, kind, n in connection.execute(counted):
        counts[reviewer][kind] = n
    return tuple(
        ReviewerFigures(
            name,
            kinds["labelled"],
            kinds["cannot_judge"],
            kinds["escalated"],
            kinds["skipped"],
            share(right[name], asked[name]),
        )
        for name, kinds in sorted(counts.items())
    )


def _golden_labels(connection: sa.Connection) -> dict[str, dict[str, Label]]:
    asked = sa.select(review_golden.c.decision_id, review_golden.c.labels)
    return {row.decision_id: row.labels for row in connection.execute(asked)}


def _held_against_gold(
    answers: Sequence[Answer], golden: Mapping[str, Mapping[str, Label]]
) -> tuple[Counter[str], Counter[str]]:
    """By reviewer, tasks that were answered right, and tasks that were answered."""
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for answer in answers:
        known = golden.get(answer.decision_id, {}) if answer.is_golden else {}
        for task in known.keys() & answer.labels.keys():
            asked[answer.reviewer] += 1
            right[answer.reviewer] += answer_value(known[task]) == answer_value(answer.labels[task])
    return right, asked

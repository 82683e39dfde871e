"""What was reviewed: decisions with feedback, newest first, and who said what without knowing of each other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from model.verdict import Score
from serving.ledger.queries import Label, labels_by_decision
from serving.ledger.tables import decisions, feedback, review_actions, review_items

#: More than these would keep the page waiting; the newest say how things are.
MOST_DECISIONS = 5_000
_CHUNK = 500


@dataclass(frozen=True)
class ReviewedDecision:
    """A decision and the last word of its reviewers on each task; ``text`` None: the words were not kept."""

    decision_id: str
    decision: str
    scores: dict[str, Score]
    text: str | None
    labels: dict[str, Label]


@dataclass(frozen=True)
class Answer:
    """What one reviewer said of one decision, blind to the others."""

    decision_id: str
    reviewer: str
    labels: dict[str, Label]
    is_golden: bool


def reviewed_decisions(connection: sa.Connection, since: datetime) -> Iterator[ReviewedDecision]:
    """Decisions that got feedback since then, those with the newest first."""
    newest = sa.func.max(feedback.c.feedback_id)
    asked = sa.select(feedback.c.decision_id).where(feedback.c.created_at >= since).group_by(feedback.c.decision_id)
    ids = list(connection.execute(asked.order_by(newest.desc()).limit(MOST_DECISIONS)).scalars())
    columns = (decisions.c.decision_id, decisions.c.decision, decisions.c.scores, decisions.c.text)
    for at in range(0, len(ids), _CHUNK):
        part = ids[at : at + _CHUNK]
        labels = labels_by_decision(connection, part)
        for row in connection.execute(sa.select(*columns).where(decisions.c.decision_id.in_(part))):
            yield ReviewedDecision(*row, labels=labels[row.decision_id])


def blind_answers(connection: sa.Connection, since: datetime) -> list[Answer]:
    """The last label of each reviewer on each item since then, of those given blind.

    Left out are what leads said of escalated items and what was said in an appeal: there others' words were to be read.
    """
    said, item = review_actions.c, review_items.c
    asked: sa.Select[Any] = (
        sa.select(said.decision_id, said.reviewer, said.labels, said.state)
        .join(review_items, item.decision_id == said.decision_id)
        .where(
            said.created_at >= since,
            said.kind == "labelled",
            said.undone_at.is_(None),
            said.state.in_(("open", "second", "golden")),
            item.source != "appeal",
        )
        .order_by(said.action_id.desc())
        .limit(MOST_DECISIONS)
    )
    newest: dict[tuple[str, str], Answer] = {}
    for decision_id, reviewer, labels, state in connection.execute(asked):
        newest.setdefault((decision_id, reviewer), Answer(decision_id, reviewer, labels, state == "golden"))
    return list(newest.values())

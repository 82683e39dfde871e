"""History of a decision: what was decided, and all that people did about it. For leads."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from serving.ledger.queries import Label, find_decision
from serving.ledger.tables import review_actions, review_golden, review_items


@dataclass(frozen=True)
class Action:
    """A row of the audit."""

    action_id: int
    decision_id: str | None
    created_at: datetime
    kind: str
    reviewer: str
    key_name: str | None
    state: str | None
    labels: dict[str, Label] | None
    reason: str | None
    feedback_id: int | None
    undone_at: datetime | None


@dataclass(frozen=True)
class History:
    """``decision`` as ``GET /v1/decisions/{id}`` has it, with its feedback; ``item`` None: never in the queue."""

    decision: dict[str, Any]
    item: dict[str, Any] | None
    golden_labels: dict[str, Label] | None
    actions: tuple[Action, ...]


def history_of(connection: sa.Connection, decision_id: str) -> History | None:
    """All that is known of a decision; None: there is no such one."""
    decision = find_decision(connection, decision_id)
    if decision is None:
        return None
    item = connection.execute(review_items.select().where(review_items.c.decision_id == decision_id)).mappings().first()
    golden = sa.select(review_golden.c.labels).where(review_golden.c.decision_id == decision_id)
    return History(
        decision,
        None if item is None else dict(item),
        connection.execute(golden).scalar(),
        tuple(_actions(connection, review_actions.c.decision_id == decision_id)),
    )


def last_actions(connection: sa.Connection, limit: int, reviewer: str | None = None) -> list[Action]:
    """The newest rows of the audit, of everybody or of one reviewer."""
    asked = sa.true() if reviewer is None else review_actions.c.reviewer == reviewer
    return _actions(connection, asked, limit)[::-1]


def _actions(connection: sa.Connection, wanted: sa.ColumnElement[bool], last: int | None = None) -> list[Action]:
    """In the order they were done."""
    asked = review_actions.select().where(wanted).order_by(review_actions.c.action_id.desc()).limit(last)
    return [Action(**row) for row in connection.execute(asked).mappings()][::-1]

"""Golden items: decisions whose right answer is known. They come to each reviewer once, like any other item."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from serving.ledger.feedback_labels import checked_labels
from serving.ledger.queries import Label
from serving.ledger.review_items import item_row
from serving.ledger.tables import decisions, review_golden, review_items
from serving.review.audit import Reviewer, note
from serving.review.errors import UnknownItemError


@dataclass(frozen=True)
class GoldenItem:
    """A golden item and how often it was answered."""

    decision_id: str
    created_at: datetime
    labels: dict[str, Label]
    note: str | None
    added_by: str | None


def add_golden(
    connection: sa.Connection, decision_id: str, labels: Mapping[str, Label], reviewer: Reviewer, why: str | None
) -> None:
    """Make a decision a golden item, or give one another answer.

    Raises ``UnknownItemError``, and ``ProblemError`` 422 for labels that there are not.
    """
    checked = checked_labels(labels)
    asked = decisions.select().where(decisions.c.decision_id == decision_id).with_for_update()
    decision = connection.execute(asked).mappings().first()
    if decision is None:
        raise UnknownItemError
    of_it = review_items.c.decision_id == decision_id
    state = connection.execute(sa.select(review_items.c.state).where(of_it)).scalar()
    if state is None:
        connection.execute(review_items.insert().values(item_row(dict(decision), "golden", "golden")))
    else:
        freed = {"claimed_by": None, "claimed_until": None}
        connection.execute(review_items.update().where(of_it).values(state="golden", source="golden", **freed))
    connection.execute(review_golden.delete().where(review_golden.c.decision_id == decision_id))
    row = {"decision_id": decision_id, "created_at": datetime.now(UTC), "labels": checked}
    connection.execute(review_golden.insert().values(row | {"note": why, "added_by": reviewer.name}))
    note(connection, "golden_added", reviewer, decision_id, state=state, labels=checked, reason=why)


def remove_golden(connection: sa.Connection, decision_id: str, reviewer: Reviewer) -> bool:
    """Let a golden item be a decided one; False: it was none."""
    gone = connection.execute(review_golden.delete().where(review_golden.c.decision_id == decision_id)).rowcount
    if not gone:
        return False
    of_it = review_items.c.decision_id == decision_id
    freed = {"claimed_by": None, "claimed_until": None}
    connection.execute(review_items.update().where(of_it).values(state="decided", **freed))
    note(connection, "golden_removed", reviewer, decision_id, state="golden")
    return True


def golden_items(connection: sa.Connection) -> list[GoldenItem]:
    """All of them, the oldest first."""
    asked = review_golden.select().order_by(review_golden.c.created_at, review_golden.c.decision_id)
    return [GoldenItem(**row) for row in connection.execute(asked).mappings()]

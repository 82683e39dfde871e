"""Appeals: a decision of any age and kind is opened for review again."""

from datetime import UTC, datetime

import sqlalchemy as sa

from serving.ledger.review_items import item_row
from serving.ledger.tables import decisions, review_items
from serving.review.audit import Reviewer, note
from serving.review.errors import ReviewError, UnknownItemError


def appeal(connection: sa.Connection, decision_id: str, reviewer: Reviewer, reason: str | None) -> None:
    """Open a decision again; who has spoken of it before does not get it. Raises ``UnknownItemError``.

    A golden item keeps its answer until that is removed (``ReviewError``).
    """
    asked = decisions.select().where(decisions.c.decision_id == decision_id).with_for_update()
    decision = connection.execute(asked).mappings().first()
    if decision is None:
        raise UnknownItemError
    state = sa.select(review_items.c.state).where(review_items.c.decision_id == decision_id)
    before = connection.execute(state).scalar()
    if before == "golden":
        raise ReviewError(
            "this decision is a golden item, whose answer is known; take it out of them first "
            f"(memeguard review golden remove {decision_id})"
        )
    again = {"source": "appeal", "state": "open", "queued_at": datetime.now(UTC), "first_reviewer": None}
    if before is None:
        connection.execute(review_items.insert().values(item_row(dict(decision), "appeal") | again))
    else:
        connection.execute(review_items.update().where(review_items.c.decision_id == decision_id).values(again))
    note(connection, "appealed", reviewer, decision_id, state=before, reason=reason)

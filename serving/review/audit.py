"""Audit of review: a row for everything that a person does."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from serving.ledger.tables import review_actions

Kind = Literal[
    "taken", "left", "shown", "labelled", "cannot_judge", "escalated", "skipped", "undone", "appealed", "imported",
    "golden_added", "golden_removed", "signed_in", "signed_out",
]  # fmt: skip
#: By which a reviewer has said what they think of an item: it does not come to them again.
SAID: tuple[Kind, ...] = ("labelled", "cannot_judge", "escalated")
#: What can be undone.
UNDONE: tuple[Kind, ...] = (*SAID, "skipped")


@dataclass(frozen=True)
class Reviewer:
    """Who acts. ``name`` is who they are: nobody reviews their own item a second time under it."""

    name: str
    key_name: str | None = None
    is_lead: bool = False


def note(
    connection: sa.Connection, kind: Kind, reviewer: Reviewer, decision_id: str | None = None, **values: Any
) -> int:
    """Write a row; its id. ``values`` are columns: ``state``, ``labels``, ``reason``, ``feedback_id``."""
    row = {"decision_id": decision_id, "kind": kind, "reviewer": reviewer.name, "key_name": reviewer.key_name}
    written = review_actions.insert().values(row | values | {"created_at": datetime.now(UTC)})
    action_id: int = connection.execute(written.returning(review_actions.c.action_id)).scalar_one()
    return action_id

"""What a reviewer may see of an item: the one that they hold, and those of which they have spoken.

Nothing here says that an item is golden or reviewed a second time, nor what another reviewer said of it. Scores are in
``decision`` (``scores``, ``severity``, ``reasons``); whether they may be shown before ``said`` is there is a setting.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from serving.ledger.queries import Label, labels_by_decision
from serving.ledger.tables import decisions, pictures, review_actions, review_items
from serving.review.audit import SAID, Reviewer
from serving.review.errors import NotHeldError, UnknownItemError

_MOST_EARLIER = 20
_items, _actions = review_items.c, review_actions.c


@dataclass(frozen=True)
class Said:
    """What a reviewer has said of an item: their last word that was not taken back."""

    kind: str
    labels: dict[str, Label] | None
    reason: str | None
    created_at: datetime


@dataclass(frozen=True)
class Remark:
    """What somebody said as an item was handed on: why it was appealed, and, for leads, why it was escalated."""

    kind: str
    reviewer: str
    created_at: datetime
    labels: dict[str, Label] | None
    reason: str | None


@dataclass(frozen=True)
class EarlierDecision:
    """Another decision about the same picture file, or the same words; ``labels`` are what reviewers said of it."""

    decision_id: str
    created_at: datetime
    decision: str
    policy_name: str
    same_words: bool
    labels: dict[str, Label]


@dataclass(frozen=True)
class ShownItem:
    """An item. ``decision`` is the row of ``decisions``; ``said`` is this reviewer's own answer, None before it.

    ``bank`` is the bank whose match sent it to review.
    """

    decision_id: str
    decision: dict[str, Any]
    bank: str | None
    has_picture: bool
    is_held: bool
    held_until: datetime | None
    said: Said | None
    remarks: tuple[Remark, ...]
    earlier: tuple[EarlierDecision, ...]


def shown_item(connection: sa.Connection, decision_id: str, reviewer: Reviewer) -> ShownItem:
    """An item for who may see it; raises ``NotHeldError`` for others, ``UnknownItemError``."""
    item, said = _checked(connection, decision_id, reviewer)
    row = connection.execute(decisions.select().where(decisions.c.decision_id == decision_id)).mappings().one()
    picture = sa.select(sa.literal(1)).where(pictures.c.digest == row["content_digest"])
    is_held = item["claimed_by"] == reviewer.name
    return ShownItem(
        decision_id,
        dict(row),
        item["bank"],
        row["kind"] == "picture" and connection.execute(picture).first() is not None,
        is_held,
        item["claimed_until"] if is_held else None,
        said,
        _remarks(connection, item, reviewer),
        _earlier(connection, row),
    )


def shown_picture(connection: sa.Connection, decision_id: str, reviewer: Reviewer) -> bytes | None:
    """The kept picture of an item, under the same conditions; None: it was not kept."""
    _checked(connection, decision_id, reviewer)
    asked = sa.select(pictures.c.content).join(decisions, decisions.c.content_digest == pictures.c.digest)
    return connection.execute(asked.where(decisions.c.decision_id == decision_id)).scalar()


def _checked(connection: sa.Connection, decision_id: str, reviewer: Reviewer) -> tuple[dict[str, Any], Said | None]:
    found = connection.execute(review_items.select().where(_items.decision_id == decision_id)).mappings().first()
    if found is None:
        raise UnknownItemError
    said = _said(connection, decision_id, reviewer)
    if said is None and found["claimed_by"] != reviewer.name and not reviewer.is_lead:
        raise NotHeldError
    return dict(found), said


def _said(connection: sa.Connection, decision_id: str, reviewer: Reviewer) -> Said | None:
    asked = sa.select(_actions.kind, _actions.labels, _actions.reason, _actions.created_at).where(
        _actions.decision_id == decision_id,
        _actions.reviewer == reviewer.name,
        _actions.kind.in_(SAID),
        _actions.undone_at.is_(None),
    )
    row = connection.execute(asked.order_by(_actions.action_id.desc()).limit(1)).first()
    return None if row is None else Said(*row)


def _remarks(connection: sa.Connection, item: dict[str, Any], reviewer: Reviewer) -> tuple[Remark, ...]:
    kinds = ["appealed"]
    if item["state"] == "escalated" and reviewer.is_lead:
        kinds += SAID
    asked = (
        sa.select(_actions.kind, _actions.reviewer, _actions.created_at, _actions.labels, _actions.reason)
        .where(_actions.decision_id == item["decision_id"], _actions.kind.in_(kinds), _actions.undone_at.is_(None))
        .order_by(_actions.action_id)
    )
    return tuple(Remark(*row) for row in connection.execute(asked))


def _earlier(connection: sa.Connection, row: sa.RowMapping) -> tuple[EarlierDecision, ...]:
    asked = (
        decisions.select()
        .where(decisions.c.content_digest == row["content_digest"], decisions.c.decision_id != row["decision_id"])
        .order_by(decisions.c.created_at.desc())
        .limit(_MOST_EARLIER)
    )
    found = connection.execute(asked).mappings().all()
    labels = labels_by_decision(connection, [one["decision_id"] for one in found])
    return tuple(
        EarlierDecision(
            one["decision_id"],
            one["created_at"],
            one["decision"],
            one["policy_name"],
            one["text_digest"] == row["text_digest"],
            labels.get(one["decision_id"], {}),
        )
        for one in found
    )

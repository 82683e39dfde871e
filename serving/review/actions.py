"""Actions of a reviewer on the item that they hold; each is one transaction of its caller, with its audit row.

A label becomes feedback, which training reads, but for golden items: of those the right answer is known already.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from serving.ledger.feedback_labels import checked_labels
from serving.ledger.queries import Label, Review, insert_review
from serving.ledger.review_items import State, hand_back
from serving.ledger.tables import feedback, review_actions, review_items
from serving.review.audit import UNDONE, Kind, Reviewer, note
from serving.review.errors import NotHeldError, NothingToUndoError
from serving.review.queue import Rules

_items, _actions = review_items.c, review_actions.c


def label(
    connection: sa.Connection,
    decision_id: str,
    reviewer: Reviewer,
    labels: Mapping[str, Label],
    reason: str | None,
    rules: Rules,
) -> None:
    """Say what an item is. Raises ``NotHeldError``, and ``ProblemError`` 422 for labels that there are not.

    A share of items then waits for a second reviewer, chosen by a hash of the id; where the two disagree, for a lead.
    """
    checked = checked_labels(labels)
    item = _held(connection, decision_id, reviewer)
    feedback_id = None
    if item["state"] != "golden":
        row = insert_review(connection, Review(decision_id, checked, reason, reviewer.name, reviewer.key_name))
        feedback_id = None if row is None else row["feedback_id"]
    following = _after_label(connection, item, checked, rules)
    _close(connection, item, reviewer, "labelled", following, labels=checked, reason=reason, feedback_id=feedback_id)


def cannot_judge(connection: sa.Connection, decision_id: str, reviewer: Reviewer, reason: str | None) -> None:
    """Pass an item on to another reviewer; what two could not judge goes to a lead. Raises ``NotHeldError``."""
    item = _held(connection, decision_id, reviewer)
    others = sa.select(_actions.action_id).where(
        _actions.decision_id == decision_id, _actions.kind == "cannot_judge", _actions.undone_at.is_(None)
    )
    is_second = connection.execute(others.limit(1)).first() is not None
    following: State = "escalated" if is_second and item["state"] != "golden" else item["state"]
    _close(connection, item, reviewer, "cannot_judge", following, reason=reason)


def escalate(connection: sa.Connection, decision_id: str, reviewer: Reviewer, reason: str | None) -> None:
    """Hand an item to a lead. Raises ``NotHeldError``."""
    item = _held(connection, decision_id, reviewer)
    _close(connection, item, reviewer, "escalated", _unless_golden(item, "escalated"), reason=reason)


def skip(connection: sa.Connection, decision_id: str, reviewer: Reviewer) -> None:
    """Leave an item to others; it does not come back within the hour. Raises ``NotHeldError``."""
    item = _held(connection, decision_id, reviewer)
    _close(connection, item, reviewer, "skipped", item["state"])


def undo(connection: sa.Connection, reviewer: Reviewer, rules: Rules) -> str:
    """Take back a reviewer's last action; they hold its item again, whose id this is.

    Raises ``NothingToUndoError`` also when another reviewer has gone on with the item.
    """
    mine = _actions.reviewer == reviewer.name, _actions.kind.in_(UNDONE), _actions.undone_at.is_(None)
    last = review_actions.select().where(*mine).order_by(_actions.action_id.desc()).limit(1)
    action = connection.execute(last).mappings().first()
    if action is None:
        raise NothingToUndoError("there is nothing to undo: you have done nothing yet, or taken all of it back")
    decision_id = str(action["decision_id"])
    now = datetime.now(UTC)
    _check_untouched(connection, dict(action), reviewer, now)
    hand_back(connection, reviewer.name)
    connection.execute(feedback.delete().where(feedback.c.feedback_id == action["feedback_id"]))
    connection.execute(review_actions.update().where(_actions.action_id == action["action_id"]).values(undone_at=now))
    back: dict[str, Any] = {"state": action["state"]}
    if action["state"] == "open":
        back["first_reviewer"] = None
    _set(connection, decision_id, **back, claimed_by=reviewer.name, claimed_until=now + rules.claim_for)
    note(connection, "undone", reviewer, decision_id)
    return decision_id


def is_second_reviewed(decision_id: str, share: float) -> bool:
    """Whether an item is reviewed twice: of all ids this share, always the same ones."""
    drawn = hashlib.sha256(f"second review {decision_id}".encode()).digest()[:8]
    return int.from_bytes(drawn) / 2**64 < share


def disagree(one: Mapping[str, Label], other: Mapping[str, Label]) -> bool:
    """Whether two reviewers answered a task differently that both of them answered."""
    return any(_as_set(one[task]) != _as_set(other[task]) for task in one.keys() & other.keys())


def _as_set(label: Label) -> frozenset[str]:
    return frozenset([label] if isinstance(label, str) else label)


def _held(connection: sa.Connection, decision_id: str, reviewer: Reviewer) -> dict[str, Any]:
    """The item, which nobody else can act on until the transaction ends."""
    asked = review_items.select().where(_items.decision_id == decision_id, _items.claimed_by == reviewer.name)
    item = connection.execute(asked.with_for_update()).mappings().first()
    if item is None:
        raise NotHeldError
    return dict(item)


def _after_label(
    connection: sa.Connection, item: Mapping[str, Any], labels: Mapping[str, Label], rules: Rules
) -> State:
    if item["state"] == "open" and is_second_reviewed(item["decision_id"], rules.second_share):
        return "second"
    if item["state"] == "second":
        first = sa.select(_actions.labels).where(
            _actions.decision_id == item["decision_id"],
            _actions.reviewer == item["first_reviewer"],
            _actions.kind == "labelled",
            _actions.undone_at.is_(None),
        )
        said = connection.execute(first.order_by(_actions.action_id.desc()).limit(1)).scalar()
        return "escalated" if said is not None and disagree(said, labels) else "decided"
    return _unless_golden(item, "decided")


def _unless_golden(item: Mapping[str, Any], state: State) -> State:
    return "golden" if item["state"] == "golden" else state


def _close(
    connection: sa.Connection, item: Mapping[str, Any], reviewer: Reviewer, kind: Kind, following: State, **said: Any
) -> None:
    """Let go of the item, in the state that follows, and write the audit row."""
    values: dict[str, Any] = {"state": following, "claimed_by": None, "claimed_until": None}
    if kind == "labelled" and item["state"] == "open":
        values["first_reviewer"] = reviewer.name
    _set(connection, item["decision_id"], **values)
    note(connection, kind, reviewer, item["decision_id"], state=item["state"], **said)


def _set(connection: sa.Connection, decision_id: str, **values: Any) -> None:
    connection.execute(review_items.update().where(_items.decision_id == decision_id).values(values))


def _check_untouched(connection: sa.Connection, action: Mapping[str, Any], reviewer: Reviewer, now: datetime) -> None:
    """Nobody else holds the item or has said anything of it since."""
    asked = sa.select(_items.claimed_by, _items.claimed_until).where(_items.decision_id == action["decision_id"])
    item = connection.execute(asked.with_for_update()).one()
    is_held = item.claimed_until is not None and item.claimed_until > now and item.claimed_by != reviewer.name
    later = sa.select(_actions.action_id).where(
        _actions.decision_id == action["decision_id"],
        _actions.action_id > action["action_id"],
        _actions.reviewer != reviewer.name,
        _actions.kind.in_((*UNDONE, "appealed")),
        _actions.undone_at.is_(None),
    )
    if is_held or connection.execute(later.limit(1)).first() is not None:
        raise NothingToUndoError(
            "your last action cannot be undone any more: another reviewer has gone on with that item. A lead can appeal"
        )

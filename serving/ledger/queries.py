"""Queries and statements on the tables, each in the transaction of its caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from serving.ledger.entry import Entry
from serving.ledger.tables import (
    bank_entries,
    bank_removals,
    chores,
    counters,
    decisions,
    feedback,
    fingerprints,
    memory,
    pictures,
    review_items,
)

#: One class of a task; of a multilabel task, those that hold.
Label = str | list[str]


@dataclass(frozen=True)
class Review:
    """What a reviewer says of a decision.

    ``closes_item``: nobody else need look at it. What a caller's user says is no reason to take it from the reviewers.
    """

    decision_id: str
    labels: dict[str, Label]
    reason: str | None
    reviewer: str | None
    key_name: str | None
    closes_item: bool = True


def insert_entries(connection: sa.Connection, entries: Sequence[Entry]) -> None:
    """Write decisions with their items, and the pictures that are not there yet."""
    files = {entry.row["content_digest"]: entry.picture for entry in entries if entry.picture is not None}
    if files:
        # The two dialects say "on conflict do nothing" alike, but each with an insert of its own.
        insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(pictures)
        # In one order everywhere, so that two workers with the same pictures never wait for each other in a circle.
        rows = [{"digest": digest, "content": content} for digest, content in sorted(files.items())]
        connection.execute(insert.on_conflict_do_nothing(), rows)
    connection.execute(decisions.insert(), [entry.row for entry in entries])
    found = [entry.fingerprint for entry in entries if entry.fingerprint is not None]
    if found:
        connection.execute(fingerprints.insert(), found)
    items = [entry.item for entry in entries if entry.item is not None]
    if items:
        connection.execute(review_items.insert(), items)


def insert_review(connection: sa.Connection, review: Review) -> dict[str, Any] | None:
    """The row of ``feedback``; None when there is no such decision.

    A review that repeats the decision's last one is that one: a caller may send it again when no answer came.
    """
    # Locked in PostgreSQL, so that the same review sent twice at once is stored once; SQLite has one writer anyway.
    known = sa.select(decisions.c.decision_id).where(decisions.c.decision_id == review.decision_id).with_for_update()
    if connection.execute(known).first() is None:
        return None
    values = {name: value for name, value in vars(review).items() if name != "closes_item"}
    last = _reviews(connection, review.decision_id)[-1:]
    if last and all(last[0][name] == value for name, value in values.items()):
        return last[0]
    insert = feedback.insert().values(created_at=datetime.now(UTC), **values).returning(feedback)
    if review.closes_item:  # who is reviewed elsewhere, over HTTP, need not be looked at again
        waiting = review_items.c.decision_id == review.decision_id, review_items.c.state == "open"
        connection.execute(review_items.update().where(*waiting).values(state="decided"))
    return dict(connection.execute(insert).mappings().one())


def find_decision(connection: sa.Connection, decision_id: str) -> dict[str, Any] | None:
    """All that is kept of a decision, with ``feedback`` in the order it came and whether there is a picture."""
    row = connection.execute(decisions.select().where(decisions.c.decision_id == decision_id)).mappings().first()
    if row is None:
        return None
    picture = sa.select(sa.literal(1)).where(pictures.c.digest == row["content_digest"])
    return dict(row) | {
        "picture_stored": connection.execute(picture).first() is not None,
        "feedback": _reviews(connection, decision_id),
    }


def last_decision_about(connection: sa.Connection, content_digest: str) -> str | None:
    """The latest decision about the same picture file or, of words alone, the same words; None: there is none."""
    same = sa.select(decisions.c.decision_id).where(decisions.c.content_digest == content_digest)
    found: str | None = connection.execute(same.order_by(decisions.c.created_at.desc()).limit(1)).scalar()
    return found


def labels_by_decision(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, Label]]:
    """By decision what reviewers say of it, the last word on each task; nothing of those without feedback."""
    labels: dict[str, dict[str, Label]] = {}
    asked = sa.select(feedback.c.decision_id, feedback.c.labels).where(feedback.c.decision_id.in_(ids))
    for decision_id, given in connection.execute(asked.order_by(feedback.c.feedback_id)):
        labels.setdefault(decision_id, {}).update(given)
    return labels


def delete_decisions(connection: sa.Connection, ids: Sequence[str]) -> int:
    """Delete decisions with all that was made of them; how many there were.

    Feedback, what was done in review, fingerprints, entries of banks and remembered memes go with them (ON DELETE
    CASCADE), and so do the pictures that no other decision is about.
    """
    if connection.dialect.name == "postgresql":
        # Nobody may find a picture there, and rely on it, while it is being deleted.
        connection.execute(sa.text("LOCK TABLE pictures IN SHARE ROW EXCLUSIVE MODE"))
    gone = decisions.c.decision_id.in_(ids)
    # Locked: no entry may be made of a decision once its entries have been looked for.
    found = sa.select(decisions.c.content_digest).where(gone).order_by(decisions.c.decision_id).with_for_update()
    digests = set(connection.execute(found).scalars())
    _tell_followers(connection, ids)
    deleted = connection.execute(decisions.delete().where(gone)).rowcount
    wanted = sa.exists().where(decisions.c.content_digest == pictures.c.digest)
    connection.execute(pictures.delete().where(pictures.c.digest.in_(digests), ~wanted))
    return deleted


def _tell_followers(connection: sa.Connection, ids: Sequence[str]) -> None:
    """Workers that hold entries or remembered memes of these decisions learn that they are gone."""
    banked = sa.select(bank_entries.c.entry_id).where(bank_entries.c.decision_id.in_(ids))
    entry_ids = list(connection.execute(banked).scalars())
    if entry_ids:
        note_removals(connection, entry_ids)
    remembered = sa.select(sa.literal(1)).where(memory.c.decision_id.in_(ids))
    if connection.execute(remembered.limit(1)).first() is not None:
        count_change(connection, "memory")


def note_removals(connection: sa.Connection, entry_ids: Sequence[str]) -> None:
    """Say that entries of banks are gone, to who follows the banks."""
    change, now = count_change(connection, "banks"), datetime.now(UTC)
    rows = [{"change": change, "removed_at": now, "entry_id": entry_id} for entry_id in entry_ids]
    connection.execute(bank_removals.insert(), rows)


def count_change(connection: sa.Connection, name: str) -> int:
    """The number of a change of "banks" or "memory".

    Until the transaction ends nobody else gets one, so that changes become visible in the order of their numbers.
    """
    counted = counters.update().where(counters.c.name == name).values(value=counters.c.value + 1)
    value: int = connection.execute(counted.returning(counters.c.value)).scalar_one()
    return value


def decisions_before(connection: sa.Connection, moment: datetime, limit: int) -> list[str]:
    """The oldest decisions that are older than ``moment``."""
    old = sa.select(decisions.c.decision_id).where(decisions.c.created_at < moment)
    return list(connection.execute(old.order_by(decisions.c.created_at).limit(limit)).scalars())


def claim_chore(connection: sa.Connection, name: str, every: timedelta) -> bool:
    """Whether a chore is due; who is told so does it, and the other workers are not."""
    now = datetime.now(UTC)
    due = sa.or_(chores.c.done_at.is_(None), chores.c.done_at <= now - every)
    claim = chores.update().where(chores.c.name == name, due).values(done_at=now)
    return connection.execute(claim).rowcount == 1


def _reviews(connection: sa.Connection, decision_id: str) -> list[dict[str, Any]]:
    rows = feedback.select().where(feedback.c.decision_id == decision_id).order_by(feedback.c.feedback_id)
    return [dict(row) for row in connection.execute(rows).mappings()]

"""Workload: how old the queue is, and how much comes in and is done a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from serving.ledger.tables import review_actions, review_items
from serving.review.audit import SAID

#: Upper bounds of the ages that the queue is shown by.
_AGES = (
    ("under an hour", timedelta(hours=1)),
    ("1 to 4 hours", timedelta(hours=4)),
    ("4 to 24 hours", timedelta(days=1)),
    ("1 to 3 days", timedelta(days=3)),
    ("3 to 7 days", timedelta(days=7)),
    ("over a week", None),
)
_DAYS = 30
_WAITING = ("open", "second")


@dataclass(frozen=True)
class AgeBucket:
    """Items that have waited about so long."""

    title: str
    items: int


@dataclass(frozen=True)
class QueueAge:
    """What waits; ``oldest`` is when the oldest item came in. Escalated ones wait for a lead."""

    waiting: int
    escalated: int
    oldest: datetime | None
    buckets: tuple[AgeBucket, ...]


@dataclass(frozen=True)
class Day:
    """A day in UTC: items that came into the queue, and answers that reviewers gave."""

    day: date
    queued: int
    answered: int


def queue_age(connection: sa.Connection, now: datetime) -> QueueAge:
    """By how long items have waited."""
    buckets, younger = [], now + timedelta(days=1)
    for title, age in _AGES:
        older = None if age is None else now - age
        buckets.append(AgeBucket(title, _n_items(connection, _WAITING, older, younger)))
        younger = older or younger
    oldest = sa.select(sa.func.min(review_items.c.queued_at))
    return QueueAge(
        sum(bucket.items for bucket in buckets),
        _n_items(connection, ("escalated",), None, None),
        connection.execute(oldest.where(review_items.c.state.in_(_WAITING))).scalar(),
        tuple(buckets),
    )


def days(connection: sa.Connection, now: datetime) -> tuple[Day, ...]:
    """The last 30, oldest first, today among them."""
    today = now.astimezone(UTC).date()
    return tuple(_day(connection, today - timedelta(days=back)) for back in reversed(range(_DAYS)))


def _day(connection: sa.Connection, day: date) -> Day:
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    done = review_actions.c
    answered = sa.select(sa.func.count()).where(
        done.created_at >= start, done.created_at < end, done.kind.in_(SAID), done.undone_at.is_(None)
    )
    states = (*_WAITING, "escalated", "decided")
    return Day(day, _n_items(connection, states, start, end), connection.execute(answered).scalar_one())


def _n_items(connection: sa.Connection, states: Sequence[str], start: datetime | None, end: datetime | None) -> int:
    """Items in one of these states that came in from ``start`` to before ``end``."""
    item = review_items.c
    counted = sa.select(sa.func.count()).select_from(review_items).where(item.state.in_(states))
    if start is not None:
        counted = counted.where(item.queued_at >= start)
    if end is not None:
        counted = counted.where(item.queued_at < end)
    return connection.execute(counted).scalar_one()

"""Queue of items: each is given to one reviewer at a time, and handed back when they leave or take too long.

On PostgreSQL a reviewer steps over rows that another is taking at this moment; SQLite has one writer anyway.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from serving.ledger.review_items import Source, State, hand_back
from serving.ledger.tables import review_actions, review_items
from serving.review.audit import SAID, Reviewer, note

Order = Literal["oldest", "newest", "uncertain", "highest"]
#: An item that was skipped comes back to who skipped it after this.
_SKIPPED_FOR = timedelta(hours=1)
_ANY_BANK = "*"
#: Tenths of the score, 0 to 9, in the order in which they are looked through.
_BANDS: dict[Order, tuple[int, ...]] = {
    "highest": (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
    "uncertain": (5, 4, 6, 3, 7, 2, 8, 1, 9, 0),
}
_WAITING: tuple[State, ...] = ("open", "second")
_items = review_items.c


@dataclass(frozen=True)
class Rules:
    """How items are given: shares are of 0 to 1."""

    golden_share: float = 0.0
    second_share: float = 0.0
    claim_for: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Filters:
    """Which items. ``band`` 0 to 9 is a tenth of the score; ``bank`` "*" is any. ``escalated`` ones are for leads.

    Orders by score ("highest", "uncertain": nearest to .5) go by tenths, and by age within.
    """

    decision: str | None = None
    policy: str | None = None
    source: Source | None = None
    older_than: timedelta | None = None
    younger_than: timedelta | None = None
    band: int | None = None
    bank: str | None = None
    order: Order = "oldest"
    escalated: bool = False


@dataclass(frozen=True)
class QueueCount:
    """Items of one policy that wait, how many of them reviewers hold, and since when the oldest waits."""

    policy: str
    waiting: int
    claimed: int
    oldest: datetime


def take_next(
    connection: sa.Connection,
    reviewer: Reviewer,
    filters: Filters,
    rules: Rules,
    draw: Callable[[], float] = random.random,
) -> str | None:
    """The decision whose item ``reviewer`` gets; None: there is none for them. What they hold already comes first.

    Golden items are mixed in by ``draw``; of others, those that wait for a second reviewer come first.
    """
    now = datetime.now(UTC)
    held = held_item(connection, reviewer)
    if held is not None:
        _hold(connection, held, reviewer, now + rules.claim_for)
        return held
    states: tuple[State, ...] = ("second", "open")
    if filters.escalated:
        states = ("escalated",) if reviewer.is_lead else ()
    elif draw() < rules.golden_share:
        states = ("golden", *states)
    for state, step in _steps(states, filters):
        found = connection.execute(_candidate(state, step, reviewer, filters, now)).scalar()
        if found is not None:
            _hold(connection, found, reviewer, now + rules.claim_for)
            note(connection, "taken", reviewer, found)
            return str(found)
    return None


def claim(connection: sa.Connection, decision_id: str, reviewer: Reviewer, rules: Rules) -> bool:
    """Give a lead this very item, also one that is decided; False: another reviewer has it, or there is none."""
    now = datetime.now(UTC)
    mine = sa.and_(_items.decision_id == decision_id, sa.or_(_is_free(now), _items.claimed_by == reviewer.name))
    found = connection.execute(sa.select(_items.decision_id).where(mine).with_for_update()).scalar()
    if found is None:
        return False
    hand_back(connection, reviewer.name)
    _hold(connection, decision_id, reviewer, now + rules.claim_for)
    note(connection, "taken", reviewer, decision_id)
    return True


def release(connection: sa.Connection, reviewer: Reviewer) -> str | None:
    """Hand back what a reviewer holds, as they leave; its id."""
    held = held_item(connection, reviewer)
    if held is not None:
        hand_back(connection, reviewer.name)
        note(connection, "left", reviewer, held)
    return held


def held_item(connection: sa.Connection, reviewer: Reviewer) -> str | None:
    """What a reviewer holds, also longer than they should where nobody has taken it since."""
    held = sa.select(_items.decision_id).where(_items.claimed_by == reviewer.name)
    return connection.execute(held.order_by(_items.claimed_until.desc()).limit(1)).scalar()


def queue_counts(connection: sa.Connection) -> list[QueueCount]:
    """What waits, by policy; golden and escalated items are not among it."""
    counted = (
        sa.select(_items.policy_name, sa.func.count().label("waiting"), sa.func.min(_items.queued_at).label("oldest"))
        .where(_items.state.in_(_WAITING))
        .group_by(_items.policy_name)
        .order_by(_items.policy_name)
    )
    # "" comes before every name, and no state is asked for: so the index of claims is taken, which holds few rows.
    held = sa.select(_items.policy_name, _items.state).where(
        _items.claimed_by > "", _items.claimed_until > datetime.now(UTC)
    )
    n_held = Counter(row.policy_name for row in connection.execute(held) if row.state in _WAITING)
    return [
        QueueCount(row.policy_name, row.waiting, n_held[row.policy_name], row.oldest)
        for row in connection.execute(counted)
    ]


def n_escalated(connection: sa.Connection) -> int:
    """Items that wait for a lead."""
    counted = sa.select(sa.func.count()).select_from(review_items).where(_items.state == "escalated")
    return connection.execute(counted).scalar_one()


def _hold(connection: sa.Connection, decision_id: str, reviewer: Reviewer, until: datetime) -> None:
    item = review_items.update().where(_items.decision_id == decision_id)
    connection.execute(item.values(claimed_by=reviewer.name, claimed_until=until))


def _candidate(
    state: State, step: sa.ColumnElement[bool], reviewer: Reviewer, filters: Filters, now: datetime
) -> sa.Select[Any]:
    asked = sa.select(_items.decision_id).where(_items.state == state, step, _is_free(now), ~_has_spoken(reviewer, now))
    if state == "second":
        asked = asked.where(_items.first_reviewer != reviewer.name)
    age = _items.queued_at.desc() if filters.order == "newest" else _items.queued_at
    asked = asked.where(*_wanted(filters, now)).order_by(age).limit(1)
    return asked.with_for_update(of=review_items, skip_locked=True)


def _steps(states: tuple[State, ...], filters: Filters) -> list[tuple[State, sa.ColumnElement[bool]]]:
    """What is looked through one after the other, each by an index; open items by score a tenth at a time."""
    bands = _BANDS.get(filters.order) if filters.band is None else None
    steps: list[tuple[State, sa.ColumnElement[bool]]] = []
    for state in states:
        if state == "open" and bands is not None:
            steps += [(state, _items.band == band) for band in bands]
            steps.append((state, _items.band.is_(None)))
        else:
            steps.append((state, sa.true()))
    return steps


def _is_free(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(_items.claimed_until.is_(None), _items.claimed_until <= now)


def _has_spoken(reviewer: Reviewer, now: datetime) -> sa.ColumnElement[bool]:
    """Whether a reviewer has said what they think of the item, or has just skipped it."""
    done = review_actions.c
    skipped = sa.and_(done.kind == "skipped", done.created_at > now - _SKIPPED_FOR)
    return sa.exists().where(
        done.decision_id == _items.decision_id,
        done.reviewer == reviewer.name,
        done.undone_at.is_(None),
        sa.or_(done.kind.in_(SAID), skipped),
    )


def _wanted(filters: Filters, now: datetime) -> list[sa.ColumnElement[bool]]:
    equal = {
        _items.decision: filters.decision,
        _items.policy_name: filters.policy,
        _items.band: filters.band,
        _items.source: filters.source,
        _items.bank: None if filters.bank == _ANY_BANK else filters.bank,
    }
    wanted = [column == value for column, value in equal.items() if value is not None]
    if filters.bank == _ANY_BANK:
        wanted.append(_items.bank.is_not(None))
    if filters.older_than is not None:
        wanted.append(_items.queued_at <= now - filters.older_than)
    if filters.younger_than is not None:
        wanted.append(_items.queued_at > now - filters.younger_than)
    return wanted

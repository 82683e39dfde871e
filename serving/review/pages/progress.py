"""Progress of a reviewer: what they did last and today, and whether a break is due."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import sqlalchemy as sa

from serving.ledger.tables import review_actions
from serving.review.audit import SAID, UNDONE
from serving.review.pages.item_view import said_text

#: Who did nothing for so long had a break.
_BREAK = timedelta(minutes=5)
#: Actions that are looked at for when the reviewer began; more in a row are hours of work.
_MOST_ACTIONS = 2000
_actions = review_actions.c


@dataclass(frozen=True)
class LastAction:
    """What a reviewer did last and can undo."""

    decision_id: str
    said: str


@dataclass(frozen=True)
class Progress:
    """``minutes`` is for how long a reviewer has worked without a break."""

    done_today: int
    minutes: int
    break_is_due: bool
    last: LastAction | None


def progress_of(
    connection: sa.Connection, reviewer: str, break_minutes: int | None, now: datetime | None = None
) -> Progress:
    """Of what the audit has of a reviewer; a break is due after ``break_minutes``, None: never."""
    now, mine = now or datetime.now(UTC), _actions.reviewer == reviewer
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    done = sa.select(sa.func.count()).where(
        mine, _actions.kind.in_(SAID), _actions.undone_at.is_(None), _actions.created_at >= midnight
    )
    last = (
        sa.select(_actions.decision_id, _actions.kind, _actions.labels)
        .where(mine, _actions.kind.in_(UNDONE), _actions.undone_at.is_(None))
        .order_by(_actions.action_id.desc())
        .limit(1)
    )
    row = connection.execute(last).first()
    minutes = 0 if break_minutes is None else _minutes_of_work(connection, reviewer, now)
    return Progress(
        connection.execute(done).scalar_one(),
        minutes,
        break_minutes is not None and minutes >= break_minutes,
        None if row is None else LastAction(row.decision_id, said_text(row.kind, row.labels)),
    )


def _minutes_of_work(connection: sa.Connection, reviewer: str, now: datetime) -> int:
    """Since the last pause between two actions that was a break."""
    asked = sa.select(_actions.created_at).where(_actions.reviewer == reviewer, _actions.decision_id.is_not(None))
    moments = list(connection.execute(asked.order_by(_actions.action_id.desc()).limit(_MOST_ACTIONS)).scalars())
    began = now
    for later, earlier in pairwise([now, *moments]):
        if later - earlier >= _BREAK:
            break
        began = earlier
    return int((now - began).total_seconds() // 60)

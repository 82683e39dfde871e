"""Store of jobs in the ledger's database: statements on the table ``jobs``.

A job is run by whoever holds its lease. Who has not renewed it in time has lost it: another may go on.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import sqlalchemy as sa

from serving.jobs.errors import TooManyJobsError
from serving.ledger.tables import counters, jobs

State = Literal["queued", "running", "done", "failed", "cancelled"]
EndState = Literal["done", "failed", "cancelled"]
OPEN: tuple[State, ...] = ("queued", "running")
ENDED: tuple[EndState, ...] = get_args(EndState)
#: Any number, as long as it stays the same.
_POSTGRES_LOCK = 0x6D656D6A
_PAGE = 100
#: A job whose process ended so often, without a row done in between, is given up.
MOST_CRASHES = 5
_LONGEST_PAUSE_S = 60


@dataclass(frozen=True)
class Limits:
    """Of the jobs of one key."""

    max_open: int
    max_kept: int


@dataclass(frozen=True)
class Visibility:
    """Whose jobs a caller may see: their own, or those of every key."""

    key_name: str | None
    sees_all: bool = False

    @property
    def condition(self) -> sa.ColumnElement[bool]:
        """On rows of ``jobs``."""
        return sa.true() if self.sees_all else jobs.c.key_name.is_not_distinct_from(self.key_name)


@dataclass(frozen=True)
class Ending:
    """What became of a job. ``counts``: rows by decision and by error code."""

    state: EndState
    error_code: str | None = None
    error_message: str | None = None
    counts: Mapping[str, Mapping[str, int]] | None = None


@dataclass(frozen=True)
class Progress:
    """How far a job is. ``rows_total`` None: its input is still being read."""

    rows_total: int | None = None
    rows_done: int = 0
    notes: Sequence[str] = field(default_factory=tuple)


def ledger_number(connection: sa.Connection) -> int:
    """A number that no other ledger has, made when it is first asked for; what is copied of a ledger keeps it."""
    name = "ledger"
    _alone(connection)
    found = connection.scalar(sa.select(counters.c.value).where(counters.c.name == name))
    if found is None:
        found = secrets.randbits(62)
        connection.execute(counters.insert().values(name=name, value=found))
    return found


def insert_job(connection: sa.Connection, row: Mapping[str, Any], limits: Limits) -> None:
    """Queue a job; raises ``TooManyJobsError`` where its key has as many as it may."""
    _alone(connection)
    own = jobs.c.key_name.is_not_distinct_from(row["key_name"])
    for name, value, condition in (
        ("jobs_max_open", limits.max_open, jobs.c.state.in_(OPEN)),
        ("jobs_max_kept", limits.max_kept, sa.true()),
    ):
        if _count(connection, own, condition) >= value:
            raise TooManyJobsError(name, value)
    connection.execute(
        jobs.insert().values(
            **row,
            state="queued",
            created_at=datetime.now(UTC),
            rows_done=0,
            notes=[],
            cancel_requested=False,
            crashes=0,
            webhook_attempts=0,
        )
    )


def check_room(connection: sa.Connection, key_name: str | None, limits: Limits, n_uploads: int = 0) -> None:
    """Raise ``TooManyJobsError`` as ``insert_job`` would, before an upload is read for nothing.

    ``n_uploads`` of the key are on their way, and have no row yet.
    """
    own = jobs.c.key_name.is_not_distinct_from(key_name)
    if _count(connection, own, jobs.c.state.in_(OPEN)) + n_uploads >= limits.max_open:
        raise TooManyJobsError("jobs_max_open", limits.max_open)
    if _count(connection, own) + n_uploads >= limits.max_kept:
        raise TooManyJobsError("jobs_max_kept", limits.max_kept)


def find_job(connection: sa.Connection, job_id: str, seen: Visibility) -> dict[str, Any] | None:
    """A job; None where there is none that the caller may see."""
    row = connection.execute(jobs.select().where(jobs.c.job_id == job_id, seen.condition)).mappings().first()
    return None if row is None else dict(row)


def list_jobs(connection: sa.Connection, seen: Visibility) -> list[dict[str, Any]]:
    """The newest jobs first, a hundred at most."""
    rows = jobs.select().where(seen.condition).order_by(jobs.c.created_at.desc(), jobs.c.job_id).limit(_PAGE)
    return [dict(row) for row in connection.execute(rows).mappings()]


def may_claim(connection: sa.Connection, store: str) -> bool:
    """Whether ``claim_job`` might find something: it is asked often, and locks nothing."""
    return _first_waiting(connection, store, datetime.now(UTC)) is not None


def claim_job(
    connection: sa.Connection, store: str, owner: str, at_once: int, lease: timedelta
) -> dict[str, Any] | None:
    """The job that ``owner`` is to run now, oldest first: one that is queued, or whose owner has lost its lease."""
    _alone(connection)
    now = datetime.now(UTC)
    of_store = jobs.c.store == store
    if _count(connection, of_store, jobs.c.state == "running", jobs.c.lease_until > now) >= at_once:
        return None
    row = _first_waiting(connection, store, now)
    if row is None:
        return None
    was_running = row["state"] == "running"  # its server was killed, or hung
    changed = {
        "state": "running",
        "started_at": row["started_at"] or now,
        "lease_owner": owner,
        "lease_until": now + lease,
        "due_at": None,
        "crashes": row["crashes"] + was_running,
    }
    connection.execute(jobs.update().where(jobs.c.job_id == row["job_id"]).values(**changed))
    return dict(row) | changed


def renew(connection: sa.Connection, job_id: str, owner: str, progress: Progress, lease: timedelta) -> bool | None:
    """Keep the lease and write how far the job is: whether it is to be cancelled; None: the lease is lost."""
    mine = _held(job_id, owner)
    row = connection.execute(sa.select(jobs.c.cancel_requested, jobs.c.rows_done).where(*mine)).first()
    if row is None:
        return None
    values: dict[str, Any] = {"lease_until": datetime.now(UTC) + lease, **_written(progress)}
    if progress.rows_done > row.rows_done:
        values["crashes"] = 0
    connection.execute(jobs.update().where(*mine).values(**values))
    return bool(row.cancel_requested)


def release(
    connection: sa.Connection, job_id: str, owner: str, progress: Progress, pause: timedelta | None = None
) -> None:
    """Give the job back, to be gone on with: at once, or after a ``pause``."""
    values: dict[str, Any] = {"due_at": None if pause is None else datetime.now(UTC) + pause}
    values |= {"state": "queued", "lease_owner": None, "lease_until": None}
    connection.execute(jobs.update().where(*_held(job_id, owner)).values(**values, **_written(progress)))


def release_crashed(connection: sa.Connection, job_id: str, owner: str, progress: Progress) -> None:
    """The same after a crash, which counts; the more there were, the longer the pause."""
    mine = _held(job_id, owner)
    row = connection.execute(sa.select(jobs.c.crashes).where(*mine)).first()
    if row is None:
        return
    crashes = row.crashes + 1
    connection.execute(jobs.update().where(*mine).values(crashes=crashes))
    release(connection, job_id, owner, progress, timedelta(seconds=min(_LONGEST_PAUSE_S, 2**crashes)))


def end_job(
    connection: sa.Connection, job_id: str, owner: str, ending: Ending, progress: Progress, retention: timedelta
) -> bool:
    """Write the end; False where the lease was lost, so that it is not ours to write."""
    values = _ended(ending, retention) | _written(progress) | {"rows_done": progress.rows_done}
    return connection.execute(jobs.update().where(*_held(job_id, owner)).values(**values)).rowcount == 1


def cancel_job(connection: sa.Connection, job_id: str, retention: timedelta) -> None:
    """Cancel a job that nobody runs, or ask who runs it to end it. One that has ended stays as it is."""
    _alone(connection)
    this = jobs.update().where(jobs.c.job_id == job_id)
    connection.execute(this.where(jobs.c.state == "queued").values(**_ended(Ending("cancelled"), retention)))
    connection.execute(this.where(jobs.c.state == "running").values(cancel_requested=True))


def delete_job(connection: sa.Connection, job_id: str) -> None:
    """Forget a job."""
    connection.execute(jobs.delete().where(jobs.c.job_id == job_id))


def delete_expired(connection: sa.Connection) -> list[str]:
    """Forget jobs that were kept long enough; their ids.

    Of whatever folder: one that no server has any more would keep its jobs, and count for their keys, for ever.
    """
    ids = list(connection.scalars(sa.select(jobs.c.job_id).where(jobs.c.expires_at <= datetime.now(UTC))))
    connection.execute(jobs.delete().where(jobs.c.job_id.in_(ids)))
    return ids


def states_of(connection: sa.Connection, store: str) -> dict[str, State]:
    """The state of every job whose files are in a store."""
    rows = connection.execute(sa.select(jobs.c.job_id, jobs.c.state).where(jobs.c.store == store))
    return {row.job_id: row.state for row in rows}


def _first_waiting(connection: sa.Connection, store: str, now: datetime) -> sa.RowMapping | None:
    queued = sa.and_(jobs.c.state == "queued", sa.or_(jobs.c.due_at.is_(None), jobs.c.due_at <= now))
    lost = sa.and_(jobs.c.state == "running", jobs.c.lease_until <= now)
    waiting = jobs.select().where(jobs.c.store == store, sa.or_(queued, lost))
    return connection.execute(waiting.order_by(jobs.c.created_at, jobs.c.job_id).limit(1)).mappings().first()


def _held(job_id: str, owner: str) -> tuple[sa.ColumnElement[bool], ...]:
    return jobs.c.job_id == job_id, jobs.c.state == "running", jobs.c.lease_owner == owner


def _written(progress: Progress) -> dict[str, Any]:
    """Values of a job that goes on. A process that begins a partition anew counts from below what was done before: the
    number is not lowered, or rows done twice would pass for progress and a job could crash for ever."""
    further = sa.case((jobs.c.rows_done > progress.rows_done, jobs.c.rows_done), else_=progress.rows_done)
    return {"rows_total": progress.rows_total, "rows_done": further, "notes": list(progress.notes)}


def _ended(ending: Ending, retention: timedelta) -> dict[str, Any]:
    """Values of a job that has ended; its webhook, where there is one, is due now."""
    now = datetime.now(UTC)
    waiting = jobs.c.webhook_state == "waiting"
    return {
        "state": ending.state,
        "finished_at": now,
        "expires_at": now + retention,
        "error_code": ending.error_code,
        "error_message": ending.error_message,
        "counts": ending.counts,
        "lease_owner": None,
        "lease_until": None,
        "webhook_state": sa.case((waiting, "pending"), else_=jobs.c.webhook_state),
        "webhook_due_at": sa.case((waiting, sa.literal(now, jobs.c.webhook_due_at.type)), else_=None),
    }


def _count(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(jobs).where(*conditions)) or 0


def _alone(connection: sa.Connection) -> None:
    """Let nobody else count or claim jobs until this transaction ends; in SQLite it has the only write lock already."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})

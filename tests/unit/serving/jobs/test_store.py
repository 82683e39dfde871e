"""Who may run a job, and how many there may be, in either database."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.jobs import STORE, new_row
from support.ledgers import database_of

from serving.jobs.errors import TooManyJobsError
from serving.jobs.store import (
    Ending,
    Limits,
    Progress,
    Visibility,
    cancel_job,
    claim_job,
    delete_expired,
    end_job,
    find_job,
    insert_job,
    list_jobs,
    may_claim,
    release_crashed,
    renew,
)
from serving.ledger.database import Database
from serving.ledger.tables import jobs

LEASE, SHORT = timedelta(seconds=60), timedelta(milliseconds=1)
KEPT = timedelta(hours=1)
ANYBODY = Visibility(None, sees_all=True)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = database_of(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def of_either_kind(ledger_url: str) -> Iterator[Database]:
    opened = database_of(ledger_url)
    yield opened
    opened.close()


def _add(database: Database, **values: Any) -> str:
    row = new_row(**values)
    with database.writing() as connection:
        insert_job(connection, row, Limits(max_open=3, max_kept=4))
    return str(row["job_id"])


def _claim(database: Database, owner: str, *, at_once: int = 10, lease: timedelta = LEASE) -> str | None:
    with database.writing() as connection:
        row = claim_job(connection, STORE, owner, at_once, lease)
    return None if row is None else str(row["job_id"])


def _find(database: Database, job_id: str) -> dict[str, Any]:
    with database.reading() as connection:
        row = find_job(connection, job_id, ANYBODY)
    assert row is not None
    return row


def test_of_many_who_ask_at_once_one_runs_a_job_and_no_key_gets_more_than_it_may(of_either_kind: Database) -> None:
    database = of_either_kind
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: _is_made(database), range(6)))
    assert sum(made) == 3
    _add(database, key_name="other", store="of another folder")
    with ThreadPoolExecutor(4) as pool:
        claimed = [one for one in pool.map(lambda number: _claim(database, str(number), at_once=2), range(6)) if one]
    assert len(set(claimed)) == len(claimed) == 2


def test_jobs_are_run_once_each_and_the_oldest_first(database: Database) -> None:
    jobs = [_add(database) for _ in range(3)]
    _add(database, key_name="other", store="of another folder")
    assert [_claim(database, owner) for owner in "abcd"] == [*jobs, None]
    with database.reading() as connection:
        assert not may_claim(connection, STORE)


def test_no_more_run_at_once_than_may(database: Database) -> None:
    first, second = _add(database), _add(database)
    assert [_claim(database, owner, at_once=1) for owner in "ab"] == [first, None]
    with database.writing() as connection:
        assert end_job(connection, first, "a", Ending("done"), Progress(1, 1), KEPT)
    assert _claim(database, "b", at_once=1) == second


def test_who_lost_a_lease_may_write_nothing_and_another_goes_on(database: Database) -> None:
    job = _add(database)
    assert _claim(database, "killed", lease=SHORT) == job
    time.sleep(0.02)
    assert _claim(database, "other", at_once=1) == job
    with database.writing() as connection:
        assert renew(connection, job, "killed", Progress(9, 9), LEASE) is None
        assert not end_job(connection, job, "killed", Ending("done"), Progress(9, 9), KEPT)
        release_crashed(connection, job, "killed", Progress(9, 9))
        assert renew(connection, job, "other", Progress(9, 5), LEASE) is False
    row = _find(database, job)
    assert (row["state"], row["lease_owner"], row["rows_done"]) == ("running", "other", 5)


def test_crashes_are_counted_until_a_row_is_done_and_the_next_try_waits(database: Database) -> None:
    job = _add(database)
    assert _claim(database, "a") == job
    with database.writing() as connection:
        release_crashed(connection, job, "a", Progress())
    assert (_find(database, job)["crashes"], _claim(database, "a")) == (1, None)
    with database.writing() as connection:
        cancel_job(connection, job, KEPT)
    assert _find(database, job)["state"] == "cancelled"
    other = _add(database)
    assert _claim(database, "a", lease=SHORT) == other
    time.sleep(0.02)
    assert _claim(database, "b") == other
    assert _find(database, other)["crashes"] == 1
    with database.writing() as connection:
        renew(connection, other, "b", Progress(5, 1), LEASE)
    assert _find(database, other)["crashes"] == 0


def test_rows_that_are_done_a_second_time_are_no_progress(database: Database) -> None:
    job = _add(database)
    _claim(database, "a")
    with database.writing() as connection:
        renew(connection, job, "a", Progress(9, 5), LEASE)
        release_crashed(connection, job, "a", Progress(9, 5))
        connection.execute(jobs.update().values(due_at=None))
    _claim(database, "a")
    with database.writing() as connection:
        for done_again in (0, 3, 5):
            renew(connection, job, "a", Progress(9, done_again), LEASE)
    assert (_find(database, job)["rows_done"], _find(database, job)["crashes"]) == (5, 1)
    with database.writing() as connection:
        renew(connection, job, "a", Progress(9, 6), LEASE)
    assert (_find(database, job)["rows_done"], _find(database, job)["crashes"]) == (6, 0)


def test_a_job_that_runs_is_cancelled_by_who_runs_it(database: Database) -> None:
    job = _add(database)
    _claim(database, "a")
    with database.writing() as connection:
        cancel_job(connection, job, KEPT)
        assert renew(connection, job, "a", Progress(3, 1), LEASE) is True
        assert end_job(connection, job, "a", Ending("cancelled"), Progress(3, 1), KEPT)
        cancel_job(connection, job, KEPT)
    assert _find(database, job)["state"] == "cancelled"


def test_a_key_has_as_many_open_and_kept_jobs_as_it_may_whatever_others_have(database: Database) -> None:
    for _ in range(3):
        _add(database)
    _add(database, key_name="other")
    _add(database, key_name=None)
    done = _claim(database, "a")
    assert done is not None
    with database.writing() as connection:
        end_job(connection, done, "a", Ending("done"), Progress(1, 1), KEPT)
    _add(database)
    with pytest.raises(TooManyJobsError) as error:
        _add(database)
    assert (error.value.limit, error.value.value) == ("jobs_max_open", 3)
    second = _claim(database, "a")
    assert second is not None
    with database.writing() as connection:
        end_job(connection, second, "a", Ending("done"), Progress(1, 1), KEPT)
    with pytest.raises(TooManyJobsError) as error:
        _add(database)
    assert (error.value.limit, error.value.value) == ("jobs_max_kept", 4)


def _is_made(database: Database) -> bool:
    try:
        _add(database)
    except TooManyJobsError:
        return False
    return True


def test_a_job_is_seen_by_its_key_alone(database: Database) -> None:
    own, of_none = _add(database, key_name="app"), _add(database, key_name=None)
    with database.reading() as connection:
        for job, seen in ((own, Visibility("app")), (of_none, Visibility(None))):
            assert [row["job_id"] for row in list_jobs(connection, seen)] == [job]
        assert find_job(connection, own, Visibility("other")) is None
        assert find_job(connection, own, Visibility(None)) is None
        assert len(list_jobs(connection, Visibility("keeper", sees_all=True))) == 2


def test_jobs_that_ended_are_forgotten_when_their_time_is_over(database: Database) -> None:
    over, kept, still_open = _add(database), _add(database), _add(database)
    elsewhere = _add(database, key_name="other", store="of a folder that is gone")
    with database.writing() as connection:
        for job, retention in ((over, timedelta(0)), (elsewhere, timedelta(0)), (kept, KEPT)):
            cancel_job(connection, job, retention)
    with database.deleting() as connection:
        assert set(delete_expired(connection)) == {over, elsewhere}
    assert {_find(database, job)["state"] for job in (kept, still_open)} == {"cancelled", "queued"}

"""What a runner does of a job that nobody can do, and of folders and tables that are not as they should be."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.jobs import new_row
from support.ledgers import database_of

from serving.jobs.errors import JobsOffError
from serving.jobs.folder import JobFiles, JobFolder
from serving.jobs.jobs import check_jobs
from serving.jobs.runner import JobRunner
from serving.jobs.store import MOST_CRASHES, Limits, Visibility, claim_job, find_job, insert_job
from serving.ledger.database import Database
from serving.settings import Settings


class Place:
    """A folder of jobs, its ledger, and one that runs them."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder}/ledger.db"
        self.database: Database = database_of(url)
        self.folder = JobFolder(folder / "jobs")
        settings = Settings.model_validate({"ocr": "none", "ledger_url": url, "jobs_folder": folder / "jobs"})
        self.runner = JobRunner(settings, self.database, self.folder)

    def claimed(self, **values: Any) -> dict[str, Any]:
        row = new_row(store=self.folder.store) | values
        self.folder.make(row["job_id"])
        with self.database.writing() as connection:
            insert_job(connection, row, Limits(10, 10))
            found = claim_job(connection, self.folder.store, self.runner._owner, 10, self.runner._retention)
        assert found is not None
        return found

    def find(self, job_id: str) -> dict[str, Any]:
        with self.database.reading() as connection:
            row = find_job(connection, job_id, Visibility(None, sees_all=True))
        assert row is not None
        return row


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    opened = Place(tmp_path)
    yield opened
    opened.database.close()


def test_a_job_with_which_whole_servers_ended_too_often_is_given_up(place: Place) -> None:
    row = place.claimed() | {"crashes": MOST_CRASHES}
    asyncio.run(place.runner._run(row))
    ended = place.find(row["job_id"])
    assert (ended["state"], ended["error_code"]) == ("failed", "process_ended")
    assert not place.folder.job(row["job_id"]).folder.exists()


def test_a_job_whose_options_this_version_does_not_know_is_tried_again_and_then_given_up(place: Place) -> None:
    row = place.claimed(options={"policy": None, "of_another_version": 1})
    asyncio.run(place.runner._run(row))
    again = place.find(row["job_id"])
    assert (again["state"], again["crashes"]) == ("queued", 1)
    last = place.claimed(options={"of_another_version": 1}) | {"crashes": MOST_CRASHES - 1}
    asyncio.run(place.runner._run(last))
    assert place.find(last["job_id"])["error_code"] == "internal_error"


def test_a_folder_that_cannot_be_removed_leaves_the_others_swept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (place.folder.make(letter * 32) for letter in "ab")
    remove = JobFiles.remove

    def fails_once(files: JobFiles) -> None:
        if files.folder == first.folder:
            raise RecursionError
        remove(files)

    monkeypatch.setattr(JobFiles, "remove", fails_once)
    place.folder.sweep({"a" * 32: "failed", "b" * 32: "failed"})
    assert (first.folder.exists(), second.folder.exists()) == (True, False)


def test_a_server_with_another_ledger_leaves_the_folder_alone(place: Place, tmp_path: Path) -> None:
    row = place.claimed()
    asyncio.run(place.runner._sweep())
    folder = place.folder.job(row["job_id"]).folder
    os.utime(folder, (0, 0))  # older than any upload that lasts
    url = f"sqlite:///{tmp_path}/other.db"
    other, settings = database_of(url), Settings.model_validate({"ledger_url": url, "jobs_folder": tmp_path / "jobs"})
    runner = JobRunner(settings, other, JobFolder(tmp_path / "jobs"))
    for use in (runner._swept, runner._claimed, lambda: check_jobs(settings)):
        with pytest.raises(JobsOffError, match="another ledger"):
            use()
    other.close()
    assert folder.exists()
    JobFolder(tmp_path / "jobs").bind(place.database)  # its own may go on


def test_results_of_a_job_that_was_forgotten_elsewhere_go_at_once_and_uploads_stay(place: Place) -> None:
    forgotten, uploading, just_ended = (place.folder.make(letter * 32) for letter in "abc")
    for files in (forgotten, just_ended):
        files.results.write_bytes(b"{}")
    os.utime(forgotten.results, (time.time() - 120,) * 2)
    place.folder.sweep({})
    assert [files.folder.exists() for files in (forgotten, uploading, just_ended)] == [False, True, True]

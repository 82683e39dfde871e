"""What the process of a job makes of an input that it cannot take, and of a run that was begun otherwise."""

import errno
import gzip
import shutil
from pathlib import Path

import pytest
from support.ledgers import database_of

from model.atomic import lock_file
from serving.batch.errors import WorkersFailedError
from serving.batch.input.batch_input import BatchInput
from serving.batch.known import KnownSnapshot
from serving.batch.plan import find_plan, make_plan
from serving.batch.run import worker_spec
from serving.jobs.folder import JobFiles
from serving.jobs.task import Event, Failed, JobTask, Note
from serving.jobs.worker import process
from serving.jobs.worker.process import failure, run_job
from serving.schemas.jobs import JobOptions
from serving.settings import Settings

POLICIES = """format_version: 1
default: plain
policies:
  plain: {version: "1", extends: bundle}
"""


def _task(folder: Path, content: bytes, input_format: str = "csv", **options: str) -> JobTask:
    files = JobFiles(folder / ("0" * 32))
    files.input.mkdir(parents=True)
    files.upload(input_format).write_bytes(content)
    (folder / "policies.yaml").write_text(POLICIES)
    database_of(f"sqlite:///{folder}/ledger.db").close()
    settings = Settings.model_validate(
        {
            "ocr": "none",
            "policy_file": folder / "policies.yaml",
            "ledger_url": f"sqlite:///{folder}/ledger.db",
            "jobs_max_rows": 5,
            "jobs_max_unpacked_bytes": 1000,
        }
    )
    return JobTask.of(settings, files.folder, input_format, JobOptions.model_validate({"image_column": ""} | options))


def _failure(task: JobTask) -> Failed:
    told: list[Event] = []
    with pytest.raises(Exception) as error:  # noqa: PT011  whatever it is
        run_job(task, told.append)
    assert told == []
    failed = failure(error.value, task)
    assert str(task.folder) not in failed.message
    return failed


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"telltale,text\n1,words\n", "bad_input", "rows.csv has no column 'id'; it has 2 columns"),
        (b"name,text\n1,words\n", "bad_input", "Name them with id_column"),
        (b"id,text\n1,words\n1,others\n", "bad_input", "several rows have the same id"),
        (b"id,text\n", "bad_input", "holds no items"),
        (b"id,text\n" + b"".join(b"%d,words\n" % number for number in range(6)), "too_many_rows", "limit of 5"),
        (b"id,text\n1," + b"x" * 1001 + b"\n", "too_many_bytes", "1000 bytes"),
    ],
)
def test_an_input_that_cannot_be_taken_fails_with_the_reason(
    tmp_path: Path, content: bytes, code: str, words: str
) -> None:
    failed = _failure(_task(tmp_path, content))
    assert (failed.code, failed.may_go_on) == (code, False)
    assert words in failed.message
    assert "telltale" not in failed.message


def test_what_unpacks_to_too_much_fails_however_small_it_was_sent(tmp_path: Path) -> None:
    bomb = gzip.compress(b"id,text\n1," + b"x" * 5_000_000 + b"\n")
    assert _failure(_task(tmp_path, bomb, "csv.gz")).code == "too_many_bytes"


@pytest.mark.parametrize(
    "content", [b"id,text\n1,words\n" + b"\n" * 2000, b"id,text,other\n1,words," + b"x" * 2000 + b"\n"]
)
def test_what_unpacks_to_much_that_no_row_shows_fails_alike(tmp_path: Path, content: bytes) -> None:
    failed = _failure(_task(tmp_path, gzip.compress(content), "csv.gz"))
    assert (failed.code, failed.may_go_on) == ("too_many_bytes", False)


def test_a_policy_that_is_gone_is_told(tmp_path: Path) -> None:
    assert _failure(_task(tmp_path, b"id,text\n1,words\n", policy="strict")).code == "unknown_policy"


def test_a_run_that_has_not_ended_yet_and_a_full_disk_may_go_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = _task(tmp_path, b"id,text\n1,words\n")
    files = JobFiles(task.folder)
    files.run.mkdir()
    for lock in (files.lock, files.run / "_lock"):
        with lock_file(lock):
            failed = _failure(task)
        assert (failed.code, failed.may_go_on) == ("at_work_elsewhere", True)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("serving.batch.plan.write_partition", full)
    failed = _failure(task)
    assert (failed.code, failed.may_go_on) == ("not_done", True)
    assert "No space left" in failed.message


def test_trouble_of_the_machine_is_not_put_on_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = _task(tmp_path, b"id,text\n1,words\n")
    monkeypatch.setenv("PATH", "")
    failed = _failure(task.model_copy(update={"ocr": "tesseract"}))
    assert (failed.code, failed.may_go_on) == ("not_done", True)
    for error in (OSError(errno.ENOSPC, "No space left on device"), WorkersFailedError("5 workers ended")):
        assert (failure(error, task).code, failure(error, task).may_go_on) == ("not_done", True)


def test_a_damaged_gzip_is_the_senders(tmp_path: Path) -> None:
    failed = _failure(_task(tmp_path, b"id,text\n1,not packed at all\n", "csv.gz"))
    assert (failed.code, failed.may_go_on) == ("bad_input", False)


def test_a_bug_is_told_without_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "-".join(("telltale", "words"))

    def crash(*_: object) -> None:
        raise ValueError(secret)

    monkeypatch.setattr(process, "run_batch", crash)
    failed = _failure(_task(tmp_path, b"id,text\n1,words\n"))
    assert (failed.code, failed.may_go_on) == ("internal_error", True)
    assert secret not in failed.message


def test_a_run_of_another_policy_is_begun_anew_and_that_is_noted(tmp_path: Path) -> None:
    task = _task(tmp_path, b"id,text\n1,words\n")
    options = process._batch_options(task, JobFiles(task.folder))
    source = BatchInput(options.input, options.columns)
    identity = worker_spec(options, source).identity
    told: list[Event] = []
    for before, kept in ((identity, True), (identity.model_copy(update={"policy_version": "0"}), False)):
        make_plan(source, options.out, before, (), 16, lambda _: KnownSnapshot())
        process._begin_anew_if_judged_otherwise(options, source, told.append)
        assert (find_plan(options.out) is not None) == kept
        shutil.rmtree(options.out, ignore_errors=True)
    (note,) = told
    assert isinstance(note, Note)
    assert "its policy version is 0, now 1" in note.text

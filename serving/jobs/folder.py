"""Files of jobs: a folder for all of them, in it one for each job.

``JOB_ID/input/`` is what was sent, ``JOB_ID/run/`` what the batch engine makes of it; both go when the job has ended.
``JOB_ID/results.jsonl`` stays until the job is deleted.
"""

import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from model.atomic import lock_file, write_atomically
from serving.jobs.errors import JobsOffError
from serving.jobs.store import OPEN, State, ledger_number
from serving.ledger.database import Database
from serving.observability.logs import log_crash

logger = logging.getLogger("memeguard.jobs")
_STORE_FILE, _LEDGER_FILE, _STORE_LOCK = "store-id", "ledger-id", "store-id.lock"
_JOB_ID = re.compile(r"[0-9a-f]{32}")
#: An upload may last so long before it has a row.
_ORPHAN_AGE_S = 2 * 3600
#: One that ended so lately may have been made since the jobs were listed.
_JUST_ENDED_S = 60


class JobFiles:
    """The files of one job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.input = folder / "input"
        self.run = folder / "run"
        self.results = folder / "results.jsonl"
        #: Held by the process that does the job.
        self.lock = folder / "lock"

    def upload(self, input_format: str) -> Path:
        """Where the input goes as it was sent."""
        return self.folder / f"upload.{input_format}" if input_format == "zip" else self.input / f"rows.{input_format}"

    def remove_work(self) -> None:
        """Remove all but the results."""
        for folder in (self.input, self.run):
            shutil.rmtree(folder, ignore_errors=True)
        for path in (self.lock, *self.folder.glob("upload.*"), *self.folder.glob("*.tmp")):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


class JobFolder:
    """The folder of all jobs, for this process's user alone. ``store`` is its own name: servers that see it share it.

    Raises ``JobsOffError`` where it cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._is_bound = False
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.store = self._store()
        except OSError as error:
            raise JobsOffError(
                f"jobs: {self.path} cannot be written ({error.strerror}); give another folder as MEMEGUARD_JOBS_FOLDER"
            ) from error

    def bind(self, database: Database) -> None:
        """Hold the folder to the ledger it was first used with: to another one, each of its jobs is files that nobody
        needs. Raises ``JobsOffError`` with another ledger, and ``LedgerError``.
        """
        if self._is_bound:
            return
        with database.writing() as connection:
            number = str(ledger_number(connection))
        path = self.path / _LEDGER_FILE
        try:
            with lock_file(self.path / _STORE_LOCK, mode=0o600):
                if not path.exists():
                    write_atomically(path, number.encode())
                bound = path.read_text("ascii").strip()
        except OSError as error:
            raise JobsOffError(f"jobs: {path} cannot be written or read ({error.strerror})") from error
        if bound != number:
            raise JobsOffError(
                f"jobs: the jobs in {self.path} are in another ledger than {database.name}; give this server that "
                f"ledger, or another folder as MEMEGUARD_JOBS_FOLDER (if that ledger is gone for good, remove {path})"
            )
        self._is_bound = True

    def job(self, job_id: str) -> JobFiles:
        """The files of a job."""
        return JobFiles(self.path / job_id)

    def make(self, job_id: str) -> JobFiles:
        """The same, made."""
        files = self.job(job_id)
        files.folder.mkdir(mode=0o700)
        files.input.mkdir()
        return files

    def sweep(self, states: Mapping[str, State]) -> None:
        """Remove what no job needs: a process may have ended before it could. One that cannot go leaves the others."""
        for folder in self.path.iterdir():
            if not _JOB_ID.fullmatch(folder.name):
                continue
            try:
                _sweep(JobFiles(folder), states.get(folder.name))
            except Exception as error:
                log_crash(logger, error, "files of a job could not be removed")

    def _store(self) -> str:
        path = self.path / _STORE_FILE
        with lock_file(self.path / _STORE_LOCK, mode=0o600):
            if not path.exists():
                write_atomically(path, uuid.uuid4().hex.encode())
            if not os.access(self.path, os.W_OK):
                raise PermissionError(13, os.strerror(13))
            return path.read_text("ascii").strip()


def _sweep(files: JobFiles, state: State | None) -> None:
    if state is None:
        with suppress(FileNotFoundError):
            has_ended = files.results.exists()  # and was forgotten, or deleted by a server with another folder
            found, age_s = (files.results, _JUST_ENDED_S) if has_ended else (files.folder, _ORPHAN_AGE_S)
            if time.time() - found.stat().st_mtime > age_s:
                files.remove()
    elif state == "done":
        files.remove_work()
    elif state not in OPEN:
        files.remove()

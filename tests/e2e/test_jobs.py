"""Jobs of the real server: through a kill, with what strangers send, and cancelled."""

import io
import json
import os
import signal
import sqlite3
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from support.callers import ask
from support.pictures import meme
from support.server import Answer, Server, free_port, running

from serving.security.key_file import change_keys
from serving.security.keys import KeyList, new_key

N_ROWS = 120
WITHIN_S = 120


def _keys(path: Path) -> list[str]:
    made = [new_key(name, ("jobs",), None, None) for name in ("app", "other")]
    change_keys(path, lambda _: KeyList(keys=tuple(entry for _, entry in made)))
    return [key for key, _ in made]


def _input() -> bytes:
    """A zip with a table: some rows with pictures, and some that name what is not theirs to read."""
    rows: list[dict[str, Any]] = [{"id": f"r{number}", "text": f"words number {number}"} for number in range(N_ROWS)]
    rows[0]["image"], rows[1]["image"], rows[2]["image"] = "pictures/a.png", "/etc/passwd", "../../store-id"
    rows[3]["image"], rows[3]["text"] = "https://127.0.0.1/a.png", None
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("set/rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        archive.writestr("set/pictures/a.png", meme())
    return file.getvalue()


def _post(server: Server, key: str, body: bytes, media_type: str, query: str = "") -> Answer:
    return ask(server, "POST", f"/v1/jobs{query}", body=body, Content_Type=media_type, X_API_Key=key)


def _job(server: Server, key: str, job_id: str) -> Any:
    return ask(server, "GET", f"/v1/jobs/{job_id}", X_API_Key=key).json()


def _wait_for(holds: Callable[[], bool], pause_s: float = 0.2) -> None:
    ends = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < ends
        time.sleep(pause_s)


def _processes_of_jobs(server: Server) -> list[psutil.Process]:
    found = [psutil.Process(pid) for pid in server.pids()]
    return [process for process in found if "serving.jobs.worker" in process.cmdline()]


def test_a_job_outlives_a_killed_server_with_every_row_once_and_another_is_cancelled(tmp_path: Path) -> None:
    app, other = _keys(tmp_path / "keys.json")
    folder, port = tmp_path / "jobs", free_port()
    command = ["serving.cli", "serve", "--ocr", "none", "--port", str(port), "--keys-file", str(tmp_path / "keys.json")]
    with running(command, port, tmp_path, MEMEGUARD_JOBS_FOLDER=str(folder)) as server:
        job_id = _post(server, app, _input(), "application/zip").json()["id"]
        run = folder / job_id / "run"
        _wait_for((run / "part-000000.parquet").exists, 0.005)
        (process,) = _processes_of_jobs(server)
        assert process.nice() == 19
        assert ask(server, "GET", "/v1/jobs", X_API_Key=other).json() == {"jobs": []}
        workers = process.children()
        of_job = {process.pid, *(one.pid for one in workers)}
        for pid in set(server.pids()) - of_job:  # these end with the server, or they would go on unseen
            os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([process, *workers], timeout=10)
        assert not any(one.is_running() for one in (process, *workers))
    first = (run / "part-000000.parquet").stat()
    assert not (folder / job_id / "results.jsonl").exists()
    with running(command, port, tmp_path, MEMEGUARD_JOBS_FOLDER=str(folder)) as server:
        _wait_for(lambda: _processes_of_jobs(server) != [])
        _processes_of_jobs(server)[0].kill()
        _wait_for(lambda: _job(server, app, job_id)["rows"]["done"] > 0)
        if_kept = (run / "part-000000.parquet").stat()
        assert (if_kept.st_ino, if_kept.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)  # nothing is done twice
        _wait_for(lambda: _job(server, app, job_id)["state"] == "done")
        _check_results(server, app, other, job_id)
        assert [path.name for path in (folder / job_id).iterdir()] == ["results.jsonl"]
        _check_cancelled(server, app, folder)
        _check_given_back(server, app)


def _check_results(server: Server, app: str, other: str, job_id: str) -> None:
    job = _job(server, app, job_id)
    assert job["rows"] == {"total": N_ROWS, "done": N_ROWS}
    assert job["errors"] == {"unreadable_file": 3}
    answer = ask(server, "GET", job["results"], X_API_Key=app)
    rows = [json.loads(line) for line in answer.body.splitlines()]
    assert [row["id"] for row in rows] == [f"r{number}" for number in range(N_ROWS)]
    assert rows[0]["judged_as"] == "both"
    errors = {row["id"]: row["error"]["message"] for row in rows if "error" in row}
    assert sorted(errors) == ["r1", "r2", "r3"]
    assert "no such file in what was sent" in errors["r1"]
    assert str(server.log.parent) not in str(errors)
    assert "fetches no URL" in errors["r3"]
    assert ask(server, "GET", job["results"], X_API_Key=other).status == 404


def _begun(server: Server, app: str) -> str:
    """A job that has a process, and much to do."""
    rows = b"id,text\n" + b"".join(b"%d,words\n" % number for number in range(5000))
    job_id = _post(server, app, rows, "text/csv", "?image_column=").json()["id"]
    _wait_for(lambda: _processes_of_jobs(server) != [])
    return str(job_id)


def _check_cancelled(server: Server, app: str, folder: Path) -> None:
    job_id = _begun(server, app)
    assert ask(server, "POST", f"/v1/jobs/{job_id}/cancel", X_API_Key=app).json()["state"] == "running"
    _wait_for(lambda: _job(server, app, job_id)["state"] == "cancelled")
    _wait_for(lambda: not (folder / job_id).exists())
    assert _processes_of_jobs(server) == []
    assert ask(server, "GET", "/readyz", X_API_Key=app).json()["problems"] == []


def _check_given_back(server: Server, app: str) -> None:
    """By a server that is stopped, whose every process gets the signal."""
    job_id = _begun(server, app)
    (process,) = _processes_of_jobs(server)
    _wait_for(lambda: process.nice() == 19)  # it has begun
    process.terminate()
    assert server.stop() == 0
    assert not process.is_running()
    with closing(sqlite3.connect(server.log.parent / "memeguard" / "ledger.db")) as ledger:
        query = "SELECT state, crashes, lease_owner FROM jobs WHERE job_id = ?"
        assert ledger.execute(query, (job_id,)).fetchall() == [("queued", 0, None)]

"""Batch runs that are interrupted or killed."""

import subprocess
from pathlib import Path

import pytest
from support.batch import command, write_memes

from benchmarks.batch_kills import workers_of
from serving.batch.output.manifest import record_session, timings


@pytest.mark.slow
def test_an_interrupted_run_ends_its_workers(tmp_path: Path) -> None:
    many = write_memes(tmp_path / "memes", 300)  # more than are scored before the signal, on a busy machine too
    driver = subprocess.Popen(
        command(many, "--out", tmp_path / "out", "--ocr", "none", "--unit-rows", 1, "--workers", 2),
        stderr=subprocess.PIPE,
    )
    while not (workers := workers_of(driver.pid)) or not list((tmp_path / "out").glob("part-*.parquet")):
        assert driver.poll() is None
    driver.send_signal(2)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 1
    assert b"Aborted" in said
    assert not [worker for worker in workers if worker.is_running() and worker.status() != "zombie"]


def test_sessions_are_counted_even_when_they_were_killed(tmp_path: Path) -> None:
    for _ in range(2):
        with record_session(tmp_path, engine="local"):
            pass
    with pytest.raises(KeyboardInterrupt), record_session(tmp_path, engine="local"):
        raise KeyboardInterrupt
    found = timings(tmp_path)
    assert [session["engine"] for session in found["sessions"]] == ["local"] * 3
    assert found["sessions"][2]["seconds"] is None
    assert found["seconds"] == pytest.approx(sum(session["seconds"] for session in found["sessions"][:2]), abs=0.002)

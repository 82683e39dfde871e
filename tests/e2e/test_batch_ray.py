import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.batch import command, run_command, run_here, write_memes
from support.ray_clusters import CLUSTER_ENVIRON, actors_of, listening, running_ray

from benchmarks.batch_kills import answers_of, differences
from serving.batch.engines.ray_engine import SHORT_FOLDER
from serving.batch.verify import verify

N_MEMES = 24
UNIT_ROWS = 3
#: Reads the outcome of a partition whose bundle went away between the driver's look at it and the actor's.
_LOST_BUNDLE = """
import dataclasses, pathlib, sys
from serving.batch import run
from serving.batch.engines.ray_engine import run_on_ray
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.items import Columns
from serving.batch.engines.score_partition import PartitionTask
from model import MemeguardError

input, address = sys.argv[1:]
spec = run.worker_spec(run.BatchOptions(input=input, out=pathlib.Path("out"), ocr="none"), BatchInput(input, Columns()))
spec = dataclasses.replace(spec, bundle=pathlib.Path("/gone"))
try:
    run_on_ray([PartitionTask(0, pathlib.Path("partition"), pathlib.Path("shard"))], spec, 1, print, address)
except MemeguardError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ray")


@pytest.fixture(scope="module")
def memes(folder: Path) -> Path:
    return write_memes(folder / "in", N_MEMES, corrupt=2)


@pytest.fixture(scope="module")
def local(folder: Path, memes: Path) -> Path:
    """What the local engine makes of the memes."""
    run_here(memes, folder / "local", partition_rows=UNIT_ROWS)
    return folder / "local"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster with room for two workers."""
    # Short, since Ray's sockets lie in there.
    with running_ray(tmp_path_factory.mktemp("r"), n_cpus=2) as found:
        yield found


def _on_ray(memes: Path, out: Path, *more: object) -> list[str]:
    return command(memes, "--out", out, "--engine", "ray", "--ocr", "none", "--unit-rows", UNIT_ROWS, *more)


def _started(arguments: list[str], **environ: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environ
    )


def _wait_for(running: "subprocess.Popen[str]", what: Callable[[], Any]) -> None:
    while not what():
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)


def _not_ours(errors: str) -> list[str]:
    """Lines of stderr beside those that say how far a slow run is."""
    return [line for line in errors.splitlines() if f" of {N_MEMES} items" not in line]


def _unlike(out: Path, local: Path) -> list[str]:
    """Ids whose rows are not the same in both folders."""
    mine, theirs = answers_of(out), answers_of(local)
    assert mine.keys() == theirs.keys()
    return [id for id in mine if differences(mine[id], theirs[id])]


def _counts(out: Path) -> dict[str, Any]:
    manifest = json.loads((out / "manifest.json").read_text())
    return {name: manifest[name] for name in ("input", "judges", "counts")}


def test_a_ray_of_our_own_stays_on_loopback_survives_a_killed_actor_gives_the_same_table_and_leaves_nothing(
    folder: Path, memes: Path, local: Path
) -> None:
    home, out = folder / "home", folder / "own"
    home.mkdir()
    running = _started(_on_ray(memes, out, "--workers", 2), HOME=str(home))
    _wait_for(running, lambda: len(actors_of(running.pid)) == 2 and list(out.glob("part-*.parquet")))
    assert listening(running.pid) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    actor = actors_of(running.pid)[0]
    for process in [*actor.children(recursive=True), actor]:
        process.kill()
    output, errors = running.communicate()
    assert running.returncode == 0, errors
    assert output.startswith(f"{N_MEMES} items, one row each")
    # Of the actor that was lost, Ray tells.
    assert [line for line in _not_ours(errors) if "(raylet)" not in line] == []
    assert not list(home.iterdir())
    assert not list(Path(SHORT_FOLDER).glob(f"memeguard-ray-{running.pid}-*"))
    assert _unlike(out, local) == []
    assert _counts(out) == _counts(local)
    assert verify(out).holds


def test_what_the_local_engine_began_a_cluster_ends_with_more_workers_than_it_has_room_for(
    folder: Path, memes: Path, local: Path, address: str
) -> None:
    out = folder / "resumed"
    begun = command(memes, "--out", out, "--ocr", "none", "--unit-rows", UNIT_ROWS, "--workers", 1)
    running = _started(begun)
    _wait_for(running, lambda: list(out.glob("part-*.parquet")))
    running.send_signal(signal.SIGKILL)
    running.communicate()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    assert 0 < len(before) < N_MEMES // UNIT_ROWS
    ended = _started(_on_ray(memes, out, "--workers", 3), **CLUSTER_ENVIRON, RAY_ADDRESS=address)
    _, errors = ended.communicate()
    assert ended.returncode == 0, errors
    assert _not_ours(errors) == []
    assert _unlike(out, local) == []
    assert before.items() <= {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}.items()
    assert verify(out).holds


def test_what_an_actor_refuses_is_one_line_and_no_traceback(folder: Path, memes: Path, address: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _LOST_BUNDLE, memes, address],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | CLUSTER_ENVIRON,
    )
    assert (told.returncode, told.stderr) == (0, "")
    (line,) = told.stdout.splitlines()
    assert line.startswith("BatchError")
    assert "/gone" in line


def test_a_cluster_that_is_not_there_is_said_at_once(folder: Path, memes: Path) -> None:
    began = time.monotonic()
    told = run_command(
        *[memes, "--out", folder / "nowhere", "--engine", "ray", "--ocr", "none"],
        *["--ray-address", "127.0.0.1:1"],
    )
    assert time.monotonic() - began < 60
    assert told.returncode == 1
    assert told.stderr == "Error: there is no Ray cluster to be had at 127.0.0.1:1: [Errno 111] Connection refused\n"

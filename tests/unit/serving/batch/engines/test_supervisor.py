"""Workers that end, hang or never begin, and what becomes of the rows that they were working on."""

import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from support.batch import rows_of, run_here, set_trap, write_jsonl
from support.pictures import meme
from support.tiny import TinyBundle

from model import MemeLimits, open_bundle
from model.engine import REFERENCE
from model.ocr import make_engine
from model.policy.policy import default_policy
from serving.batch.engines.crash_counts import CrashCounts
from serving.batch.engines.score_partition import OutcomeCounts, PartitionTask
from serving.batch.engines.supervisor import WorkerSupervisor
from serving.batch.engines.worker_process import WorkerSpec
from serving.batch.errors import BatchError
from serving.batch.input.items import Item
from serving.batch.partition_files import write_partition
from serving.batch.plan import ScoringIdentity


@pytest.fixture
def spec(tiny: TinyBundle) -> WorkerSpec:
    bundle = open_bundle(tiny.bundle.path)
    policy = default_policy(bundle.manifest)
    return WorkerSpec(
        bundle=bundle.path,
        ocr="none",
        ocr_languages=None,
        engines=REFERENCE,
        threads=1,
        policy=policy,
        identity=ScoringIdentity.of(bundle, policy, make_engine("none"), REFERENCE),
        protocols=frozenset({"file"}),
        limits=MemeLimits(),
        item_timeout_s=60.0,
    )


def task(folder: Path, *images: str) -> PartitionTask:
    """A partition of these pictures; those that are not there yet are memes."""
    for name in images:
        if not (folder / name).exists():
            (folder / name).write_bytes(meme())
    items = [Item("here", name, str(folder / name), "words") for name in images]
    write_partition(folder / "partitions" / "part-000000.parquet", items)
    return PartitionTask(0, folder / "partitions" / "part-000000.parquet", folder / "part-000000.parquet")


def ignore(_: OutcomeCounts) -> None:
    pass


@pytest.mark.slow
def test_items_that_end_or_hang_their_worker_are_left_out_and_all_others_scored(
    tmp_path: Path, tiny: TinyBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", set_trap(tmp_path / "trap")["PYTHONPATH"])
    names = ["a.png", "exits.png", "b.png", "c.png", "dies.png", "d.png", "e.png", "hangs.png", "f.png"]
    for name in names:
        (tmp_path / name).write_bytes(meme())
    rows = [{"id": name, "image": name, "text": "words"} for name in names]
    input = write_jsonl(tmp_path / "t.jsonl", rows)
    totals = run_here(input, tmp_path / "out", bundle=tiny.bundle.path, workers=2, partition_rows=3, item_timeout_s=2.0)
    assert totals.errors == {"killed_worker": 3}
    found = {row["id"]: row["error"] for row in rows_of(tmp_path / "out")}
    assert {id for id, error in found.items() if error} == {"exits.png", "dies.png", "hangs.png"}
    assert found.keys() == set(names)
    deaths = Counter((tmp_path / "trap" / "log").read_text().split())
    assert deaths["exits.png"] == deaths["hangs.png"] == 3
    assert deaths["dies.png"] == 6  # SIGKILL is what a system does that is short of memory, for whatever reason
    assert not list((tmp_path / "out" / "_plan").glob("*.strikes.json"))


def test_workers_that_end_before_they_are_ready_are_an_error_and_no_loop(
    tmp_path: Path, spec: WorkerSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", set_trap(tmp_path / "trap", no_start=True)["PYTHONPATH"])
    with pytest.raises(BatchError, match="5 worker processes ended before they were ready: is there enough memory"):
        WorkerSupervisor(spec).score(task(tmp_path, "a.png"), ignore)


def test_a_worker_says_why_it_cannot_begin_or_go_on(tmp_path: Path, spec: WorkerSpec) -> None:
    other = replace(spec, identity=spec.identity.model_copy(update={"model_digest": "that was there before"}))
    gone = replace(spec, bundle=tmp_path / "nothing")
    good = task(tmp_path, "a.png")
    for wrong_spec, wrong_task, words in (
        (other, good, "a worker cannot go on: its model digest is that was there before, now "),
        (gone, good, "a worker cannot go on: BundleError: "),
        (spec, replace(good, partition=tmp_path / "part-000001.parquet"), "FileNotFoundError"),
        (spec, replace(good, shard=Path("/proc/part-000000.parquet")), "cannot go on: .*Error: .*No such file"),
    ):
        worker = WorkerSupervisor(wrong_spec)
        with pytest.raises(BatchError, match=words):
            worker.score(wrong_task, ignore)
        worker.close()
    assert not good.shard.exists()
    assert not list(good.partition.parent.glob("*.strikes.json"))


def test_a_worker_lives_on_when_the_thread_that_asked_for_it_ends(tmp_path: Path, spec: WorkerSpec) -> None:
    worker = WorkerSupervisor(spec)
    pids = []

    def score() -> None:
        worker.score(task(tmp_path, "a.png"), ignore)
        pids.append(worker._process._process.pid if worker._process else None)

    for _ in range(2):
        thread = threading.Thread(target=score)
        thread.start()
        thread.join()
    worker.close()
    assert len(pids) == 2
    assert pids[0] == pids[1] is not None


def test_an_abandoned_worker_ends_and_blames_no_row(
    tmp_path: Path, spec: WorkerSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", set_trap(tmp_path / "trap")["PYTHONPATH"])
    hanging = task(tmp_path, "hangs.png")
    worker = WorkerSupervisor(spec)
    raised: list[str] = []

    def score() -> None:
        try:
            worker.score(hanging, ignore)
        except BatchError as error:
            raised.append(str(error))

    thread = threading.Thread(target=score)
    thread.start()
    while thread.is_alive() and not (tmp_path / "trap" / "log").exists():
        thread.join(0.01)
    worker.abandon()
    thread.join(30)
    assert raised == ["stopped"]
    assert not list(hanging.partition.parent.glob("*.strikes.json"))


def test_rows_are_told_of_once_even_when_a_partition_is_begun_again(
    tmp_path: Path, spec: WorkerSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", set_trap(tmp_path / "trap")["PYTHONPATH"])
    names = [f"{number}.png" for number in range(11)] + ["exits.png", "12.png"]
    counts = OutcomeCounts()
    worker = WorkerSupervisor(spec)
    worker.score(task(tmp_path, *names), counts.merge)
    worker.close()
    assert (counts.n_rows, counts.errors) == (13, {"killed_worker": 1})


def test_a_row_alone_is_struck_and_several_are_suspected(tmp_path: Path) -> None:
    crashes = CrashCounts(tmp_path / "part-000000.parquet")
    assert not crashes.any
    crashes.add(range(8), by_itself=True)
    crashes.add(range(8), by_itself=True)
    assert CrashCounts(tmp_path / "part-000000.parquet").any
    for by_itself in (True, False):
        crashes.add(range(3, 4), by_itself=by_itself)
        assert crashes.poisoned == frozenset()
    crashes.add(range(3, 4), by_itself=False)
    assert CrashCounts(tmp_path / "part-000000.parquet").poisoned == {3}
    crashes.clear()
    assert not CrashCounts(tmp_path / "part-000000.parquet").any

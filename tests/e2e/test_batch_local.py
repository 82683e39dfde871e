"""``memeguard batch`` as an operator runs it: killed again and again, refused, run twice, and held against HTTP."""

import base64
import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.batch import BAD_PICTURES, command, plan_of, rows_of, run_command, write_memes

from benchmarks.batch_kills import answers_of, differences, live_through_kills
from model import Scorer, Verdict
from serving.batch.verify import verify

N_ITEMS, N_CORRUPT, N_KILLS = 300, 3, 6
_END_S = 500


def check_answers(input: Path, out: Path) -> None:
    """One row for every line of the input; those with damaged pictures are errors, and no other."""
    items = [json.loads(line) for line in input.read_text().splitlines()]
    rows = rows_of(out)
    assert Counter(row["id"] for row in rows) == Counter(item["id"] for item in items)
    bad = {item["id"] for item in items if item["image"].startswith("bad")}
    assert {row["id"]: row["error"]["code"] for row in rows if row["error"]}.keys() == bad
    assert {row["error"]["code"] for row in rows if row["error"]} <= set(BAD_PICTURES)
    assert all(row["decision"] and row["scores"]["hateful"] is not None for row in rows if not row["error"])
    assert verify(out).problems == ()


@pytest.fixture(scope="module")
def memes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_memes(tmp_path_factory.mktemp("memes"), N_ITEMS, corrupt=N_CORRUPT)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_memes(tmp_path_factory.mktemp("small"), 24, corrupt=3)


@pytest.fixture(scope="module")
def finished(small: Path) -> Iterator[Path]:
    """A run that went through without a kill."""
    out = small.parent / "out"
    done = run_command(small, "--out", out, "--ocr", "none", "--workers", 1, "--unit-rows", 10)
    assert done.returncode == 0, done.stderr
    yield out
    shutil.rmtree(out)


def test_nothing_is_lost_and_nothing_is_there_twice_when_drivers_and_workers_are_killed(
    memes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    n_drivers = live_through_kills(memes, out, seed=5, n_kills=N_KILLS, partition_rows=10)
    assert n_drivers == N_KILLS // 2 + 1
    check_answers(memes, out)
    proof = run_command("verify", out)
    assert proof.returncode == 0, proof.stderr
    assert f"{N_ITEMS} items, {N_ITEMS} rows" in proof.stdout
    assert len(json.loads((out / "manifest.json").read_text())["timings"]["sessions"]) >= n_drivers - 1


def test_a_driver_killed_while_it_cuts_the_input_leaves_nothing_in_the_way(memes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    driver = subprocess.Popen(command(memes, "--out", out, "--ocr", "none", "--unit-rows", 1))
    while len(list(out.glob("_plan.unfinished/part-*.parquet"))) < 20:
        assert driver.poll() is None
        time.sleep(0.001)
    driver.kill()
    driver.wait()
    assert not (out / "_plan").exists()
    other = write_memes(tmp_path / "other", 3)
    done = run_command(other, "--out", out, "--ocr", "none", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert plan_of(out).n_items == len(rows_of(out)) == 3
    assert not (out / "_plan.unfinished").exists()


def test_rows_are_the_verdicts_of_the_library_and_the_answers_of_http(
    small: Path, finished: Path, scorer: Scorer, client: TestClient
) -> None:
    items = [json.loads(line) for line in small.read_text().splitlines()]
    rows = rows_of(finished)
    assert [row["id"] for row in rows] == [item["id"] for item in items]
    contents = [(small.parent / item["image"]).read_bytes() for item in items]
    bodies = [
        {**item, "image": base64.b64encode(content).decode()} for item, content in zip(items, contents, strict=True)
    ]
    answers = [client.post("/v1/classify", json=body).json() for body in bodies]
    bad = {row["id"]: row["error"]["code"] for row in rows if row["error"]}
    assert bad == {item["id"]: answer["code"] for item, answer in zip(items, answers, strict=True) if "code" in answer}
    assert len(bad) == 3
    told = answers_of(finished)
    for item, answer in [pair for pair in zip(items, answers, strict=True) if pair[0]["id"] not in bad]:
        here = scorer.score_file(small.parent / item["image"], text=item["text"], tags=item["tags"])
        assert isinstance(here, Verdict)
        assert differences(told[item["id"]], answer) == []
        assert differences(told[item["id"]], json.loads(json.dumps(here.to_dict())) | {"id": item["id"]}) == []


def test_a_second_run_does_nothing_and_says_the_same(small: Path, finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    first = json.loads((finished / "manifest.json").read_text())["counts"]
    again = run_command(small, "--out", finished, "--ocr", "none", "--workers", 1, "--unit-rows", 10)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before
    assert "24 items" in again.stdout
    assert f"allow                     │    {first['decisions']['allow']}" in again.stdout
    assert run_command("verify", finished).returncode == 0


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        (
            "new",
            ("--id-column", "key"),
            "no column 'key'; it has 'id', 'image', 'text', 'tags'. Name them with --id-column",
        ),
        ("out", ("--tags-column", "hashtags"), "belongs to another run: its columns are id, image, text, tags"),
        ("out", ("--ocr", "rapidocr"), "its ocr is none, now rapidocr"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_and_nothing_is_touched(
    small: Path, finished: Path, name: str, arguments: tuple[str, ...], words: str
) -> None:
    before = sorted(finished.rglob("*"))
    refused = run_command(small, "--out", finished.parent / name, "--ocr", "none", *arguments)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: ")
    assert words in " ".join(refused.stderr.split())
    assert sorted(finished.rglob("*")) == before


def test_two_runs_in_one_folder_do_not_meet(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = subprocess.Popen(command(small, "--out", out, "--ocr", "none", "--workers", 1), stdout=subprocess.DEVNULL)
    while not (out / "_plan").exists():
        assert first.poll() is None
        time.sleep(0.005)
    second = run_command(small, "--out", out, "--ocr", "none", "--workers", 1)
    assert first.wait(_END_S) == 0
    assert second.returncode == 1
    assert "another batch run is at work" in second.stderr
    check_answers(small, out)

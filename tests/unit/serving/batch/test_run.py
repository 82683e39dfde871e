"""A batch run as a whole: what it refuses, how it goes on, and how it ends."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.batch import command, plan_of, rows_of, run_here, write_jsonl, write_memes
from support.killing import killed_everywhere
from support.pictures import meme
from support.tiny import TinyBundle

from model.policy.policy import default_policy
from serving.batch.errors import BatchError
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.items import Columns
from serving.batch.plan import make_plan, partition_path
from serving.batch.verify import verify

N_ITEMS = 12


@pytest.fixture(scope="module")
def input(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_memes(tmp_path_factory.mktemp("memes"), N_ITEMS, corrupt=1)


@pytest.fixture(scope="module")
def finished(input: Path, tiny: TinyBundle) -> Path:
    out = input.parent / "finished"
    run_here(input, out, bundle=tiny.bundle.path, partition_rows=5)
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run."""
    return Path(shutil.copytree(finished, tmp_path / "out"))


@pytest.fixture(scope="module")
def scored_only(input: Path, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All shards and partitions are there, and nothing was written after them."""
    out = Path(shutil.copytree(finished, tmp_path_factory.mktemp("scored") / "out"))
    for name in ("_SUCCESS", "manifest.json", "report.html"):
        (out / name).unlink()
    again = tmp_path_factory.mktemp("partitions")
    made = make_plan(BatchInput(str(input), Columns()), again, plan_of(out).identity, (), 5)
    for number in range(made.n_partitions):
        partition_path(again, number).rename(partition_path(out, number))
    return out


def files_of(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_finished_run_has_shards_a_manifest_a_report_and_no_copies_of_the_input(finished: Path) -> None:
    assert sorted(files_of(finished)) == [
        "_SUCCESS", "_lock", "_plan/plan.json", "_plan/session-000001.json", "manifest.json",
        "part-000000.parquet", "part-000001.parquet", "part-000002.parquet", "report.html",
    ]  # fmt: skip
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["counts"]["rows"] == manifest["input"]["n_items"] == N_ITEMS
    assert sum(manifest["histograms"]["hateful"]) == N_ITEMS - 1
    assert [shard["rows"] for shard in manifest["shards"]] == [5, 5, 2]
    by_modality = manifest["histograms_by_modality"]["hateful"]
    assert set(by_modality) <= {"both", "text", "image"}
    assert np.sum(list(by_modality.values()), axis=0).tolist() == manifest["histograms"]["hateful"]


def test_a_second_run_does_nothing_and_comes_to_the_same(input: Path, out: Path, tiny: TinyBundle) -> None:
    before = files_of(out)
    again = run_here(input, out, bundle=tiny.bundle.path)
    assert (again.n_rows, again.errors.total(), again.decisions.total()) == (N_ITEMS, 1, N_ITEMS - 1)
    assert sum(again.histograms["hateful"]) == N_ITEMS - 1
    assert files_of(out) == before


@pytest.mark.slow
def test_a_run_whose_last_words_were_not_written_ends_however_often_it_is_killed(
    input: Path, scored_only: Path, tiny: TinyBundle
) -> None:
    shards = {name: content for name, content in files_of(scored_only).items() if name.startswith("part-")}
    n_killed = 0
    for folder, killed in killed_everywhere(
        scored_only, lambda folder: run_here(input, folder, bundle=tiny.bundle.path)
    ):
        n_killed += killed
        assert not (folder / "_SUCCESS").exists() or verify(folder).holds
        run_here(input, folder, bundle=tiny.bundle.path)
        left = files_of(folder)
        assert {name: content for name, content in left.items() if name.startswith("part-")} == shards
        assert not [name for name in left if name.startswith("_plan/part-")]
        assert verify(folder).holds
        shutil.rmtree(folder)
    assert n_killed > 15


def test_a_run_goes_on_with_what_is_missing_or_damaged_and_keeps_the_rest(
    input: Path, scored_only: Path, tmp_path: Path, tiny: TinyBundle
) -> None:
    out = Path(shutil.copytree(scored_only, tmp_path / "out"))
    kept = (out / "part-000000.parquet").read_bytes()
    (out / "part-000001.parquet").write_bytes((out / "part-000001.parquet").read_bytes()[:500])
    short = pq.read_table(out / "part-000002.parquet")
    pq.write_table(short.slice(0, 1), out / "part-000002.parquet")
    (out / "part-000001.parquet.77.abcd.tmp").write_bytes(b"half")
    totals = run_here(input, out, bundle=tiny.bundle.path)
    assert (totals.n_rows, len(rows_of(out))) == (N_ITEMS, N_ITEMS)
    assert (out / "part-000000.parquet").read_bytes() == kept
    assert verify(out).holds
    assert not list(out.glob("*.tmp"))


def test_a_partition_that_is_gone_is_told(input: Path, scored_only: Path, tmp_path: Path, tiny: TinyBundle) -> None:
    out = Path(shutil.copytree(scored_only, tmp_path / "out"))
    (out / "_plan" / "part-000001.parquet").unlink()
    with pytest.raises(
        BatchError, match=r"_plan/part-000001\.parquet is gone, and .* score the input into another --out"
    ):
        run_here(input, out, bundle=tiny.bundle.path)
    assert not (out / "_SUCCESS").exists()


def test_an_input_that_was_only_written_anew_or_renamed_goes_on(
    input: Path, out: Path, tiny: TinyBundle, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in input.read_text().splitlines()]
    moved = write_jsonl(tmp_path / "moved.jsonl", [row | {"image": str(input.parent / row["image"])} for row in rows])
    run_here(moved, out, bundle=tiny.bundle.path)
    assert json.loads((out / "_plan" / "plan.json").read_text())["input"] == str(moved)
    assert verify(out).holds


@pytest.mark.parametrize("changed", ["grown", "shrunk", "moved"])
def test_an_input_with_other_rows_is_refused(
    input: Path, out: Path, tiny: TinyBundle, tmp_path: Path, changed: str
) -> None:
    lines = input.read_text().splitlines(keepends=True)
    other = tmp_path / "t.jsonl"
    other.write_text(
        "".join({"grown": [*lines, lines[0].replace("m0", "new")], "shrunk": lines[1:]}.get(changed, lines))
    )
    before = files_of(out)
    with pytest.raises(BatchError, match=rf"belongs to another run: its input is {input}, now {other} with other rows"):
        run_here(other, out, bundle=tiny.bundle.path)
    assert files_of(out) == before


def test_a_folder_in_which_a_picture_was_replaced_is_another_input(tmp_path: Path, tiny: TinyBundle) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(meme())
    run_here(pictures, tmp_path / "out", bundle=tiny.bundle.path)
    (pictures / "a.png").write_bytes(meme(1))
    with pytest.raises(BatchError, match="pictures was changed since"):
        run_here(pictures, tmp_path / "out", bundle=tiny.bundle.path)


def test_other_judges_and_other_columns_are_refused(input: Path, out: Path, tiny: TinyBundle, tmp_path: Path) -> None:
    tiny.written_anew(tmp_path / "bundle", version="0.0.2")
    policy = replace(default_policy(tiny.bundle.manifest), name="strict", version="7")
    options: list[tuple[dict[str, Any], str]] = [
        ({"bundle": tmp_path / "bundle"}, "its model version is 0.0.1, now 0.0.2; its model digest is "),
        ({"policy": policy}, "its policy name is default, now strict"),
        ({"ocr": "rapidocr"}, "its ocr is none, now rapidocr "),
        ({"engine": "openvino"}, "its image tower engine is onnxruntime, now openvino; its head engine is "),
        ({"columns": Columns(text="title")}, "its columns are id, image, text, tags"),
        ({"protocols": frozenset({"https"})}, "its --allow-protocol is not given, now https"),
    ]
    before = files_of(out)
    for changed, words in options:
        with pytest.raises(BatchError, match=words):
            run_here(input, out, **{"bundle": tiny.bundle.path} | changed)
    assert files_of(out) == before


def test_a_run_goes_on_with_the_engines_that_it_was_begun_with(input: Path, tiny: TinyBundle, tmp_path: Path) -> None:
    """Where the choice is left to us, wherever it goes on; another one that is asked for is refused."""
    out = tmp_path / "out"
    run_here(input, out, bundle=tiny.bundle.path, engine="openvino")
    engines = {"image_tower": "openvino", "head": "openvino", "ocr": None}
    assert [row["model"]["engines"] for row in rows_of(out) if row["model"]] == [engines] * (N_ITEMS - 1)
    judges = json.loads((out / "manifest.json").read_bytes())["judges"]
    assert (judges["image_tower_engine"], judges["head_engine"], judges["ocr_networks_engine"]) == (
        *("openvino", "openvino"),
        None,
    )
    assert "image tower openvino, head openvino" in (out / "report.html").read_text()
    run_here(input, out, bundle=tiny.bundle.path)
    with pytest.raises(BatchError, match="its image tower engine is openvino, now onnxruntime"):
        run_here(input, out, bundle=tiny.bundle.path, engine="onnxruntime")


def test_a_folder_of_something_else_is_left_alone(input: Path, out: Path, tiny: TinyBundle, tmp_path: Path) -> None:
    shutil.rmtree(out / "_plan")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.doc").write_bytes(b"")
    for folder, words in (
        (out, "no folder of a batch run .* and holds '_SUCCESS'"),
        (tmp_path / "other", "holds 'thesis.doc'; give an --out that is empty or new"),
        (tmp_path / "file", "file cannot be written: File exists"),
        (Path("/proc/out"), "/proc/out cannot be written"),
        (input.parent, "holds 'bad-7.jpg'"),
    ):
        with pytest.raises(BatchError, match=words):
            run_here(input, folder, bundle=tiny.bundle.path)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.doc"]


def test_a_finished_run_whose_files_were_touched_is_told(input: Path, out: Path, tiny: TinyBundle) -> None:
    (out / "part-000001.parquet").unlink()
    with pytest.raises(BatchError, match=r"was finished, but part-000001.parquet is gone or not as it was written"):
        run_here(input, out, bundle=tiny.bundle.path)
    (out / "manifest.json").write_text("{}")
    with pytest.raises(BatchError, match=r"its manifest.json is gone or damaged"):
        run_here(input, out, bundle=tiny.bundle.path)
    (out / "manifest.json").unlink()
    with pytest.raises(BatchError, match=r"its manifest.json is gone or damaged"):
        run_here(input, out, bundle=tiny.bundle.path)


def test_an_output_within_its_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    with pytest.raises(BatchError, match="lies in the input"):
        run_here(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_by_address_is_refused(input: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BatchError, match=r"--out s3:/bucket/out is an address: answers are written into a folder"):
        run_here(input, Path("s3://bucket/out"))
    assert not list(tmp_path.iterdir())


def test_an_engine_that_is_not_there_is_refused_before_anything_is_written(
    input: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BatchError, match=r"OCR engine tesseract: .*--ocr none scores rows by the text that they bring"):
        run_here(input, tmp_path / "out", ocr="tesseract")
    assert not (tmp_path / "out").exists()


def test_a_sample_to_label_is_taken_of_a_finished_run_too(input: Path, out: Path, tiny: TinyBundle) -> None:
    run_here(input, out, bundle=tiny.bundle.path, sample_review=4)
    assert len((out / "review" / "review.jsonl").read_text().splitlines()) == 4
    assert verify(out).holds


@pytest.mark.slow
def test_a_disk_that_is_full_is_told_and_the_same_command_goes_on(
    input: Path, tmp_path: Path, tiny: TinyBundle
) -> None:
    arguments = (input, "--out", tmp_path / "out", "--ocr", "none", "--bundle", tiny.bundle.path, "--unit-rows", 6)
    # As on a full disk, a write fails: a partition still fits into 8 KiB, a shard does not.
    limited = ["bash", "-c", 'ulimit -f 8 && exec "$@"', "-", *command(*arguments)]
    full = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=120)
    assert full.returncode == 1
    assert "File too large" in full.stderr
    assert "Traceback" not in full.stderr
    assert not list((tmp_path / "out").glob("part-*"))
    run_here(input, tmp_path / "out", bundle=tiny.bundle.path)
    assert verify(tmp_path / "out").holds

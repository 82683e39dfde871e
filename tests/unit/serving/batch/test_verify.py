"""The proof of a run finds whatever was lost, doubled, damaged or changed, and names it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.batch import run_command, run_here, write_jsonl
from support.tiny import TinyBundle

from serving.batch.errors import BatchError
from serving.batch.verify import verify

SHARD = "part-000001.parquet"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, tiny: TinyBundle) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    rows = [{"id": f"m{number}", "text": f"words {number}", "image": None} for number in range(15)]
    input = write_jsonl(folder / "memes.jsonl", rows)
    run_here(input, folder / "out", bundle=tiny.bundle.path, partition_rows=5)
    return folder


@pytest.fixture
def out(original: Path, tmp_path: Path) -> Path:
    """A copy of a finished run and of its input, to be damaged."""
    folder = shutil.copytree(original, tmp_path / "copy")
    plan = folder / "out" / "_plan" / "plan.json"
    plan.write_text(plan.read_text().replace(str(original), str(folder)))
    return Path(folder) / "out"


def rewritten(out: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(out / SHARD)), out / SHARD)


def renamed(table: pa.Table) -> pa.Table:
    ids = ["who?", *table["id"].to_pylist()[1:]]
    return table.set_column(0, table.schema.field("id"), pa.array(ids))


def test_a_run_that_was_left_alone_is_proven(original: Path) -> None:
    proof = verify(original / "out")
    assert proof.holds
    assert (proof.n_items, proof.n_rows, proof.problems) == (15, 15, ())


@pytest.mark.parametrize(
    ("damage", "counts", "problems"),
    [
        (lambda out: (out / SHARD).unlink(), (5, 0, 0), [f"{SHARD} is gone", "5 items have no row: 'm5', 'm6', 'm7'"]),
        (
            lambda out: (out / SHARD).write_bytes((out / SHARD).read_bytes()[:-100]),
            (5, 0, 0),
            [f"{SHARD} was changed", f"{SHARD} cannot be read", "5 items have no row: 'm5'"],
        ),
        (
            lambda out: rewritten(out, lambda table: table.slice(0, 4)),
            (1, 0, 0),
            [f"{SHARD} was changed", "1 items have no row: 'm9'"],
        ),
        (
            lambda out: rewritten(out, lambda table: pa.concat_tables([table, table.slice(0, 2)])),
            (0, 2, 0),
            [f"{SHARD} was changed", "2 items have more than one row: 'm5', 'm6'"],
        ),
        (
            lambda out: rewritten(out, renamed),
            (1, 0, 1),
            [f"{SHARD} was changed", "1 items have no row: 'm5'", "1 rows are of no item of the input: 'who?'"],
        ),
        (
            lambda out: shutil.copy(out / SHARD, out / "part-000099.parquet"),
            (0, 5, 0),
            ["part-000099.parquet is no shard of this run", "5 items have more than one row: 'm5'"],
        ),
        (lambda out: (out / "manifest.json").unlink(), (0, 0, 0), ["its manifest.json is gone or damaged"]),
        (lambda out: (out / "manifest.json").write_text("{}"), (0, 0, 0), ["its manifest.json is gone or damaged"]),
        (lambda out: (out / "_SUCCESS").unlink(), (0, 0, 0), ["the run is not finished"]),
    ],
)
def test_every_damage_is_found_and_named(
    out: Path, damage: Callable[[Path], object], counts: tuple[int, int, int], problems: list[str]
) -> None:
    damage(out)
    proof = verify(out)
    assert (proof.n_missing, proof.n_twice, proof.n_unknown) == counts
    assert len(proof.problems) == len(problems)
    for found, expected in zip(proof.problems, problems, strict=True):
        assert expected in found


def test_an_input_that_was_changed_after_the_run_is_found(out: Path) -> None:
    input = out.parent / "memes.jsonl"
    lines = input.read_text().splitlines(keepends=True)
    input.write_text("".join([lines[0].replace("words", "other words"), *lines[1:]]))
    assert verify(out).problems == (f"{input} was changed after the run began",)
    input.write_text("".join([*lines[2:], json.dumps({"id": "late", "text": "words"})]))
    proof = verify(out)
    assert (proof.n_items, proof.n_missing, proof.n_unknown) == (14, 1, 2)
    assert proof.problems[1:] == (
        "1 items have no row: 'late'", "2 rows are of no item of the input: 'm0', 'm1'",
    )  # fmt: skip


def test_only_a_run_whose_input_is_there_can_be_proven(out: Path, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="holds no batch run"):
        verify(tmp_path)
    (out.parent / "memes.jsonl").unlink()
    with pytest.raises(BatchError, match="there is nothing at "):
        verify(out)


def test_the_command_ends_with_1_and_names_what_is_missing(out: Path) -> None:
    (out / SHARD).unlink()
    done = run_command("verify", out)
    assert done.returncode == 1
    assert "15 items, 10 rows" in done.stdout
    assert "5 items have no row: 'm5', 'm6', 'm7', 'm8', 'm9'" in done.stderr

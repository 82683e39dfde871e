import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from support import ROOT
from support.batch import BAD_PICTURES, plan_of, rows_of, write_memes
from support.tiny import TinyBundle

from serving.batch import progress
from serving.batch.engines.score_partition import OutcomeCounts
from serving.batch.output.manifest import Totals
from serving.batch.plan import Plan
from serving.cli import main

POLICIES = """format_version: 1
default: lax
policies:
  lax: {version: "1", thresholds: {hateful: {review: 1.0, block: never}}}
  strict: {version: "2", thresholds: {hateful: {review: 0.0, block: never}}}
"""
#: Runs the command in a Python that cannot import a package.
_WITHOUT = "import sys; sys.modules[sys.argv.pop(1)] = None; from serving.cli import main; main(prog_name='memeguard')"


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="memeguard")


@pytest.fixture
def memes(tmp_path: Path) -> Path:
    return write_memes(tmp_path / "in", 6)


@pytest.fixture
def small(tiny: TinyBundle) -> list[object]:
    """Flags of a run that takes a second."""
    return ["--bundle", tiny.bundle.path, "--ocr", "none", "--workers", 1]


def test_help_shows_input_options_and_the_way_to_verify() -> None:
    told = _run("batch", "--help").output
    assert "Usage: memeguard batch [OPTIONS] INPUT" in told
    for option in ("--out DIR", "--runner [local|ray]", "--policy FILE[:NAME]", "--workers", "--sample-review N"):
        assert option in told
    assert "--engine [auto|onnxruntime|openvino|cuda|local|ray]" in told
    assert "memeguard batch verify DIR" in told
    assert "Usage: memeguard batch verify [OPTIONS] DIR" in _run("batch", "verify", "--help").output


def test_a_run_ends_with_what_became_of_the_items_and_where_the_answers_are(
    memes: Path, tmp_path: Path, small: list[object]
) -> None:
    (memes.parent / "meme-3.jpg").write_bytes(BAD_PICTURES["corrupt"])
    told = _run("batch", memes, "--out", tmp_path / "out", *small)
    assert told.exit_code == 0, told.output
    assert told.stderr == ""
    assert "6 items, one row each" in told.stdout
    assert "error: corrupt" in told.stdout
    assert f"{tmp_path / 'out'}: part-*.parquet, manifest.json, report.html\n" in told.stdout
    again = _run("batch", memes, "--out", tmp_path / "out", *small)
    assert again.exit_code == 0
    assert "everything was done before" in again.stdout
    assert _run("batch", "verify", tmp_path / "out").exit_code == 0


def test_files_that_were_passed_over_are_told_of(memes: Path, tmp_path: Path, small: list[object]) -> None:
    memes.unlink()
    for name in ("a.mp4", "b.jpg_large"):
        (memes.parent / name).write_bytes(b"")
    for _ in range(2):
        told = _run("batch", memes.parent, "--out", tmp_path / "out", *small)
        assert "6 items, one row each" in told.stdout
        assert "2 files were passed over: they are no picture and no table, or begin with _\n" in told.stdout


def test_words_that_nobody_could_read_are_told_of(memes: Path, tmp_path: Path, small: list[object]) -> None:
    told = _run("batch", f"{memes.parent}/*.jpg", "--out", tmp_path / "out", *small)
    assert "the words of 6 items could not be read: these are never allowed" in told.stdout


def test_the_policy_of_a_file_decides_by_its_default_or_by_name(
    memes: Path, tmp_path: Path, small: list[object]
) -> None:
    file = tmp_path / "policies.yaml"
    file.write_text(POLICIES, encoding="utf-8")
    for choice, out, decision in ((file, "default", "allow"), (f"{file}:strict", "named", "review")):
        assert _run("batch", memes, "--out", tmp_path / out, "--policy", choice, *small).exit_code == 0
        assert {row["decision"] for row in rows_of(tmp_path / out)} == {decision}
    assert plan_of(tmp_path / "named").identity.policy_name == "strict"
    told = _run("batch", memes, "--out", tmp_path / "default", "--policy", f"{file}:strict", *small)
    assert told.exit_code == 1
    assert "its policy name is lax, now strict" in told.stderr


def test_a_policy_that_is_not_there_is_one_line_before_any_work(memes: Path, tmp_path: Path) -> None:
    told = _run("batch", memes, "--out", tmp_path / "out", "--policy", tmp_path / "none.yaml")
    assert (told.exit_code, len(told.stderr.splitlines())) == (1, 1)
    assert "none.yaml" in told.stderr
    assert not (tmp_path / "out").exists()


def test_a_sample_to_label_is_told_of_and_is_not_drawn_twice(memes: Path, tmp_path: Path, small: list[object]) -> None:
    arguments = ["batch", memes, "--out", tmp_path / "out", "--sample-review", 4, *small]
    assert f"{tmp_path / 'out' / 'review'}: 4 items to label\n" in _run(*arguments).stdout
    lines = (tmp_path / "out" / "review" / "review.jsonl").read_text().splitlines()
    tasks = {"hateful", "memotion_sentiment", "protected_class"}
    assert all(json.loads(line).keys() >= {"id", "img", "text"} | tasks for line in lines)
    assert "a sample was there already and is left as it is" in _run(*arguments).stdout


def test_the_address_of_a_ray_without_ray_is_a_mistake(memes: Path, tmp_path: Path) -> None:
    told = _run("batch", memes, "--out", tmp_path / "out", "--ray-address", "auto")
    assert told.exit_code == 2
    assert "--ray-address belongs to --engine ray" in told.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--engine", "ray", "--runner", "local"), "--engine ray is the older way to say --runner ray"),
        (("--runner", "local", "--ray-address", "auto"), "--ray-address belongs to"),
    ],
)
def test_runners_that_contradict_each_other_are_a_mistake(
    flags: tuple[str, ...], words: str, memes: Path, tmp_path: Path
) -> None:
    told = _run("batch", memes, "--out", tmp_path / "out", *flags)
    assert (told.exit_code, words in told.stderr) == (2, True)


def test_an_engine_and_a_provider_that_contradict_each_other_are_refused(memes: Path, tmp_path: Path) -> None:
    told = _run("batch", memes, "--out", tmp_path / "out", "--engine", "openvino", "--provider", "cuda")
    assert (told.exit_code, "contradict each other" in told.stderr) == (1, True)


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [("pyarrow", ["batch", "--help"]), ("ray", ["batch", "in.jsonl", "--out", "out", "--engine", "ray"])],
)
def test_a_missing_extra_is_named_in_one_line(missing: str, arguments: list[str], tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _WITHOUT, missing, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert "the extra 'batch'" in line
    assert missing in line
    assert "pip install -e '.[batch]'" in line


def test_a_file_system_whose_package_is_missing_is_named(tmp_path: Path) -> None:
    told = _run("batch", "gs://bucket/in.jsonl", "--out", tmp_path / "out", "--ocr", "none")
    assert told.exit_code == 1
    assert "gcsfs" in told.stderr


def _plan(n_items: int) -> Plan:
    fields: dict[str, Any] = {"n_items": n_items}
    return Plan.model_construct(**fields)


def _counts(n_rows: int, n_errors: int = 0) -> OutcomeCounts:
    return OutcomeCounts(Counter(allow=n_rows - n_errors), Counter(corrupt=n_errors))


def test_a_terminal_sees_a_bar_with_items_rate_errors_and_time_left() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with progress.show_progress(console) as (callbacks, counted):
        callbacks.on_start(_plan(6), 2)
        callbacks.on_scored(_counts(3, n_errors=1))
    *_, last = re.findall("scoring.*", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()))
    assert "5/6" in last
    assert "items/s" in last
    assert "1 errors" in last
    assert (counted.n_before, counted.n_scored) == (2, 3)


def test_a_log_gets_a_line_now_and_then_and_a_short_run_none(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    with progress.show_progress(Console(file=log)) as (callbacks, _):
        callbacks.on_start(_plan(6), 2)
        callbacks.on_scored(_counts(1))
        assert log.getvalue() == ""
        monkeypatch.setattr(progress, "_LINE_EVERY_S", 0.0)
        callbacks.on_scored(_counts(1, n_errors=1))
    (line,) = log.getvalue().splitlines()
    assert line.startswith("4 of 6 items, 1 errors, ")
    assert line.endswith(" left")


def test_names_in_the_summary_are_no_markup(tmp_path: Path) -> None:
    told = io.StringIO()
    out = tmp_path / "[bold]out"
    totals = Totals(n_rows=1, decisions=Counter(allow=1))
    progress.print_summary(Console(file=told, width=200), out, _plan(1), totals, progress.RunProgress())
    assert f"{out}: part-*.parquet" in told.getvalue()


def test_an_input_that_is_called_verify_is_given_by_its_path(
    tmp_path: Path, small: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_memes(tmp_path / "verify", 2)
    monkeypatch.chdir(tmp_path)
    assert "2 items, one row each" in _run("batch", "./verify", "--out", "out", *small).stdout

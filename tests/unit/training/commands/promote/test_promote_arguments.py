"""What ``memeguard promote`` is asked with: data, folders, bundles that are none."""

import json
from pathlib import Path

import pytest
from support.promoting import compared, promote, report

from model.bundle import Bundle
from training.promotion.store import Store

# BentoML, when it is imported: its own use of a newer pathspec.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


def test_without_a_champion_or_data_the_way_on_is_named(store: Store, level: Bundle, data: Path) -> None:
    assert "--first" in compared(level, data).stderr
    assert "--data" in promote(level.path).stderr
    assert "CHALLENGER" in promote().stderr
    assert promote("--rollback").exit_code == 1
    assert "Nothing is current" in promote("--list").stdout


def test_a_bundle_is_not_compared_with_itself(store: Store, champion: Bundle, data: Path) -> None:
    result = compared(champion, data, "--champion", champion.path)
    assert result.exit_code == 1
    assert "the same bundle" in result.stderr


def test_data_without_labels_of_any_task_is_refused_with_those_it_has(
    store: Store, champion: Bundle, level: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "own.jsonl").write_text(json.dumps({"id": "1", "text": "a day", "offensive": "offensive"}) + "\n")
    result = promote(level.path, "--champion", champion.path, "--data", tmp_path / "own.jsonl")
    assert result.exit_code == 1
    assert "offensive" in result.stderr


def test_a_split_that_was_asked_for_is_taken_and_no_other(
    store: Store, champion: Bundle, level: Bundle, data: Path
) -> None:
    options = ("--champion", champion.path, "--data", data, "--resamples", 100, "--max-slowdown", 1000, "--dry-run")
    refused = promote(level.path, *options, "--split", "test")
    assert refused.exit_code == 1
    assert "has no split 'test'; it has: dev" in refused.stderr
    by_another_name = promote(level.path, *options, "--split", "val")
    assert by_another_name.exit_code == 0, by_another_name.output
    assert {line["data"] for line in report(level)["lines"]} == {"memes, dev"}


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_scored(
    store: Store, champion: Bundle, level: Bundle, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    result = compared(level, data, "--champion", champion.path, "--out", tmp_path / "taken", "--provider", "cuda")
    assert result.exit_code == 1
    assert "give a folder that can be written" in result.stderr


def test_a_folder_that_is_no_bundle_is_one_line(store: Store, champion: Bundle, data: Path, tmp_path: Path) -> None:
    result = promote(tmp_path, "--champion", champion.path, "--data", data)
    assert result.exit_code == 1
    assert "manifest.json" in result.stderr
    assert promote("nosuch:tag", "--champion", champion.path, "--data", data).exit_code == 1


def test_text_alone_can_be_compared_too(
    store: Store, champion: Bundle, level: Bundle, data: Path, tmp_path: Path
) -> None:
    rows = [json.loads(text) for text in (data / "dev.jsonl").read_text(encoding="utf-8").splitlines()]
    words = [{"id": row["id"], "text": row["text"], "hateful": row["label"]} for row in rows]
    (tmp_path / "words.jsonl").write_text("".join(json.dumps(row) + "\n" for row in words), encoding="utf-8")
    result = promote(
        level.path, "--champion", champion.path, "--data", tmp_path / "words.jsonl", "--dry-run",
        "--resamples", 200, "--max-slowdown", 1000,
    )  # fmt: skip
    assert result.exit_code == 0, result.output

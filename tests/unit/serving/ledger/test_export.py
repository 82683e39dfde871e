import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.ledgers import database_of, keep, review, with_ledger
from support.pictures import meme

from serving.cli import main
from serving.ledger.errors import LedgerError
from serving.ledger.export import Exported, export_feedback
from serving.ledger.ledger import Ledger
from serving.requests.classify_body import ClassifyInput
from training.datasets import read_generic

ALL = {"store_text": True, "store_pictures": True}


def _export(url: str, folder: Path, since: datetime | None = None) -> Exported:
    database = database_of(url)
    try:
        return export_feedback(database, folder, since)
    finally:
        database.close()


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def _picture_and_comment(ledger: Ledger) -> tuple[str, str]:
    """Two decisions that got feedback, and one that got none."""
    picture = await keep(ledger, ClassifyInput(meme(), None, ("cat",), "post-1"), text="its words")
    comment = await keep(ledger, ClassifyInput(None, "a comment"), text="a comment")
    await keep(ledger)
    await ledger.feedback(review(picture, hateful="not_hateful", offensive="offensive"), 10)
    await ledger.feedback(review(picture, hateful="hateful"), 10)
    await ledger.feedback(review(comment, attack=["mocking", "slurs"]), 10)
    return picture, comment


def test_the_export_is_read_by_training_as_it_is(ledger_url: str, tmp_path: Path) -> None:
    picture, comment = with_ledger(ledger_url, _picture_and_comment, **ALL)
    assert _export(ledger_url, tmp_path / "out") == Exported(2, 0)
    loaded = read_generic(tmp_path / "out", "all")
    assert loaded.skipped == []
    samples = {sample.id: sample for sample in loaded.samples}
    # The last word on each task counts.
    assert samples[picture].labels == {"hateful": 1, "offensive": 1}
    assert samples[comment].labels == {"attack": (3, 6)}
    assert (samples[picture].text, samples[picture].tags) == ("its words", ("cat",))
    image = samples[picture].image
    assert image is not None
    assert image.read_bytes() == meme()
    assert (samples[comment].text, samples[comment].image) == ("a comment", None)


def test_rows_say_where_they_come_from(ledger_url: str, tmp_path: Path) -> None:
    picture, _ = with_ledger(ledger_url, _picture_and_comment, **ALL)
    _export(ledger_url, tmp_path / "out")
    (row,) = [row for row in _lines(tmp_path / "out" / "feedback.jsonl") if row["id"] == picture]
    assert (row["decision"], row["model_digest"], row["policy_name"]) == ("review", "m" * 64, "default")
    assert (row["caller_id"], row["reviewers"], row["reason"]) == ("post-1", ["ann"], "because")
    assert row["content_digest"] == hashlib.sha256(meme()).hexdigest()
    assert datetime.fromisoformat(row["decided_at"]) <= datetime.fromisoformat(row["reviewed_at"])


def test_rows_without_content_lie_apart_with_their_digest(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    picture, comment = with_ledger(url, _picture_and_comment)
    assert _export(url, tmp_path / "out") == Exported(0, 2)
    rows = {row["id"]: row for row in _lines(tmp_path / "out" / "without_content" / "feedback.jsonl")}
    assert rows[picture]["hateful"] == "hateful"
    assert rows[picture]["content_digest"] == hashlib.sha256(meme()).hexdigest()
    assert rows[comment]["content_digest"] == hashlib.sha256(b"a comment").hexdigest()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["without_content"]


def test_a_picture_without_its_words_can_be_trained_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    picture, _ = with_ledger(url, _picture_and_comment, store_pictures=True)
    assert _export(url, tmp_path / "out") == Exported(1, 1)
    loaded = read_generic(tmp_path / "out", "all")
    assert [(sample.id, sample.text) for sample in loaded.samples] == [(picture, "")]


def test_only_what_got_feedback_since_a_moment_is_exported_with_all_that_was_said(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with_ledger(url, _picture_and_comment, **ALL)
    now = datetime.now(UTC)
    assert _export(url, tmp_path / "later", now + timedelta(minutes=1)) == Exported(0, 0)
    assert _export(url, tmp_path / "earlier", now - timedelta(minutes=1)) == Exported(2, 0)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(LedgerError, match="not empty"):
        _export(url, tmp_path / "out")


def test_the_command_says_how_many_rows_there_are_and_what_to_switch_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with_ledger(url, _picture_and_comment, store_pictures=True)
    out = str(tmp_path / "out")
    result = CliRunner().invoke(main, ["ledger", "export", "--out", out, "--since", "2020-01-01", "--url", url])
    first, second = result.output.splitlines()
    assert first == f"1 rows to train on: {out}/feedback.jsonl"
    assert second.startswith("1 rows without words and picture")
    assert "MEMEGUARD_LEDGER_STORE_TEXT=true" in second


def test_the_command_names_no_file_that_it_did_not_write(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with_ledger(url, keep)
    result = CliRunner().invoke(main, ["ledger", "export", "--out", str(tmp_path / "out"), "--url", url])
    assert result.output == "0 rows to train on\n"
    assert list((tmp_path / "out").iterdir()) == []

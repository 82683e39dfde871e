"""What a run says of banks and memory, and what it refuses."""

import json
from pathlib import Path

import pytest
from support.batch import plan_of, rows_of, run_here
from support.batch_known import (
    Known,
    flags_of,
    memeguard,
)
from support.tiny import TinyBundle

from serving.batch.errors import BatchError
from serving.batch.known import KnownSnapshot


def test_a_run_says_what_it_asks_keeps_it_to_the_end_and_then_removes_it(
    known: Known, tiny: TinyBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMEGUARD_LEDGER_URL", known.url)
    batch = ["batch", known.memes, "--out", tmp_path / "out", "--workers", 1, *flags_of(known, tiny, "unknown")]
    told = memeguard(*batch)
    assert told.exit_code == 0, told.output
    assert "banks: 3 entries are asked" in told.stderr
    assert "there is no such one, so that memes are at least reviewed" in told.stderr
    assert "memory: 2 remembered memes vote; --no-memory judges without them" in told.stderr
    assert not list((tmp_path / "out" / "_plan").glob("known-*"))
    assert {row["decision"] for row in rows_of(tmp_path / "out")} == {"review", "block", None}
    kept = json.loads((tmp_path / "out" / "manifest.json").read_text())["known"]
    assert kept == plan_of(tmp_path / "out").known.model_dump(mode="json")
    assert (kept["banks"]["n_entries"], kept["banks"]["missing"], kept["memory"]["n_memes"]) == (3, ["nowhere"], 2)
    assert min(kept["banks"]["number"], kept["memory"]["number"]) > 0
    assert len(kept["banks"]["digest"]) == len(kept["memory"]["digest"]) == 64
    known.forget()
    again = memeguard(*batch)
    assert (again.exit_code, "everything was done before" in again.stdout) == (0, True)
    other = memeguard(*batch, "--no-memory")
    assert (other.exit_code, "its memory votes, now --no-memory" in other.stderr) == (1, True)


def test_a_run_without_memory_is_not_gone_on_with_one(known: Known, tiny: TinyBundle, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_here(known.memes, out, bundle=tiny.bundle.path)
    assert {row["memory"] is None for row in rows_of(out)} == {True}
    assert plan_of(out).known == KnownSnapshot()
    assert "known" not in json.loads((out / "_plan" / "plan.json").read_text())  # earlier versions read it
    run_here(known.memes, out, bundle=tiny.bundle.path, memory=None)
    with pytest.raises(BatchError, match="no memory votes in it, now --memory"):
        run_here(known.memes, out, bundle=tiny.bundle.path, memory=True)


@pytest.mark.parametrize("kind", ["batch", "score"])
@pytest.mark.parametrize(
    ("url", "flags", "words"),
    [
        ("none", ["banks"], "the ledger is switched off (MEMEGUARD_LEDGER_URL=none)"),
        ("none", ["--memory"], "the ledger is switched off (MEMEGUARD_LEDGER_URL=none)"),
        ("sqlite:///{folder}/nothing.db", ["banks"], "there is no ledger sqlite:///{folder}/nothing.db"),
        ("sqlite:///{folder}/nothing.db", ["--memory"], "there is no ledger sqlite:///{folder}/nothing.db"),
        ("sqlite:///{folder}/text.db", ["banks"], "the ledger sqlite:///{folder}/text.db: file is not a database"),
        ("sqlite:///{folder}/text.db", [], "file is not a database; --no-memory judges without what is remembered"),
    ],
)
def test_a_ledger_that_cannot_be_asked_is_refused_in_one_line(
    known: Known,
    tiny: TinyBundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    url: str,
    flags: list[str],
    words: str,
) -> None:
    (tmp_path / "text.db").write_text("this is text, and much of it" * 100)
    monkeypatch.setenv("MEMEGUARD_LEDGER_URL", url.format(folder=tmp_path))
    asked = flags_of(known, tiny, "banked") if "banks" in flags else [*flags_of(known, tiny, "banked")[:4], *flags]
    of_kind = [known.memes, "--out", tmp_path / "out"] if kind == "batch" else [known.memes.parent / "0.jpg"]
    told = memeguard(kind, *of_kind, *asked)
    assert told.exit_code == 1
    (line,) = told.stderr.splitlines()
    assert words.format(folder=tmp_path) in line
    assert not (tmp_path / "nothing.db").exists()

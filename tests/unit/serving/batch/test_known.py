"""Banks and memory in batch: asked as a server and ``memeguard score`` ask them, as they were when the run began."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from support.banks import SENTENCE, altered, bank_with, photo, random_pdq
from support.batch import command, plan_of, rows_of, run_here, write_jsonl
from support.ledgers import database_of
from support.tiny import TinyBundle

from benchmarks.batch_kills import answers_of, workers_of
from model import Meme, Policy, Scorer, Verdict, load
from model.known.fingerprint import Fingerprint, fingerprint_of
from model.known.words import words_key
from model.policy.file import chosen_policy
from serving.app_state import AppState
from serving.batch.errors import BatchError
from serving.batch.known import KnownFiles, KnownSnapshot, take_snapshot
from serving.cli import main
from serving.http.app import create_app
from serving.known.bank import ACTIONS, Bank, NewEntry
from serving.known.bank_retro import load_banks
from serving.known.bank_store import delete_bank, quarantine
from serving.known.memory.features import features_of
from serving.known.memory.follower import fitted
from serving.known.memory.store import NewMeme, add_meme, remove_memes, stored_memes
from serving.ledger.database import Database
from serving.settings import Settings

POLICIES = """format_version: 1
default: banked
policies:
  banked:
    version: "1"
    thresholds: {hateful: {review: 0.9, block: never}}
    banks: {removed: , jokes: {same_picture: benign}}
  unknown: {version: "1", extends: bundle, banks: {nowhere: , removed: }}
"""
OTHER_WORDS = "these are quite other words than before"
#: Pictures by number: of an entry to block, of a joke, of an expired one, of one in quarantine.
BLOCKED, JOKE, EXPIRED, QUARANTINED = range(4)
N_PICTURES = 6
#: As far as scores of batches of one and of eight may differ.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Known:
    """A ledger with banks and a memory, and memes that are in them or are not."""

    url: str
    memes: Path
    policies: Path
    memory_ids: tuple[str, ...]

    @property
    def items(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.memes.read_text().splitlines()]

    def forget(self) -> None:
        """Everything that is known: what comes after it asks another ledger."""
        database = database_of(self.url)
        with database.deleting() as connection:
            delete_bank(connection, "removed")
            delete_bank(connection, "jokes")
            remove_memes(connection, self.memory_ids)
        database.close()


@pytest.fixture(scope="module")
def scorer(tiny: TinyBundle) -> Scorer:
    return load(tiny.bundle.path, ocr="none", features=True, fingerprints=True, threads=1)


@pytest.fixture
def known(tmp_path: Path, scorer: Scorer) -> Known:
    memes = _memes(tmp_path / "in")
    (tmp_path / "policies.yaml").write_text(POLICIES)
    url = f"sqlite:///{tmp_path}/ledger.db"
    database = database_of(url)
    past = datetime.now(UTC) - timedelta(days=1)
    bank_with(database, Bank("jokes", "benign"), NewEntry(_fingerprint(JOKE)))
    _, _, doubted = bank_with(
        database,
        Bank("removed", "block"),
        NewEntry(_fingerprint(BLOCKED)),
        NewEntry(_fingerprint(EXPIRED), expires_at=past),
        NewEntry(_fingerprint(QUARANTINED)),
    )
    with database.writing() as connection:
        quarantine(connection, [doubted])
        ids = [
            add_meme(connection, NewMeme({"hateful": label}, features_of(one, scorer)), scorer.model.digest)
            for one, label in (
                (Meme.from_bytes(photo(4), text=SENTENCE), "hateful"),
                (Meme.from_bytes(photo(5), text=OTHER_WORDS), "not_hateful"),
            )
        ]
    database.close()
    return Known(url, memes, tmp_path / "policies.yaml", tuple(ids))


def _memes(folder: Path) -> Path:
    """Each picture with both texts, each text alone, and a file that is no picture."""
    folder.mkdir()
    for seed in range(N_PICTURES):
        (folder / f"{seed}.jpg").write_bytes(photo(seed, quality=80))
    (folder / "bad.jpg").write_bytes(b"no picture")
    pictures = [f"{seed}.jpg" for seed in range(N_PICTURES)]
    pairs = [(name, text) for name in pictures for text in (SENTENCE, OTHER_WORDS)]
    pairs += [("bad.jpg", SENTENCE)]
    return write_jsonl(
        folder / "memes.jsonl", [{"id": f"m{n}", "image": image, "text": text} for n, (image, text) in enumerate(pairs)]
    )


def _fingerprint(seed: int) -> Fingerprint:
    """Of the picture with ``SENTENCE``."""
    return fingerprint_of(Meme.from_bytes(photo(seed)), SENTENCE)


def _same(answer: dict[str, Any], other: dict[str, Any]) -> bool:
    """In what two ways to ask must agree about one meme."""
    return all(answer[name] == other[name] for name in ("decision", "known", "policy", "judged_as")) and (
        _numbers(answer) == pytest.approx(_numbers(other), abs=TOLERANCE)
    )


def _numbers(answer: dict[str, Any]) -> dict[str, float]:
    memory = answer["memory"] or {"entries": 0, "shifts": {}}
    found = {"hateful": answer["scores"]["hateful"], "entries": memory["entries"]}
    return found | {f"shift of {task}": shift for task, shift in memory["shifts"].items()}


# One meme, three ways to ask.


def _served(known: Known, scorer: Scorer, name: str) -> dict[str, dict[str, Any]]:
    """Answers of a server, by id."""
    asked = {"ocr": "none", "ledger_url": known.url, "policy_file": known.policies}
    with TestClient(create_app(lambda: AppState(Settings.model_validate(asked), scorer))) as client:
        return {item["id"]: _classified(client, known, item, name) for item in known.items}


def _classified(client: TestClient, known: Known, item: dict[str, Any], policy: str) -> dict[str, Any]:
    image = (known.memes.parent / item["image"]).read_bytes()
    said = {"text": item["text"], "policy": policy}
    found: dict[str, Any] = client.post("/v1/classify", files={"image": image}, data=said).json()
    return found


def _scored(known: Known, tiny: TinyBundle, name: str) -> dict[str, dict[str, Any]]:
    """What ``memeguard score`` says of some memes, by id."""
    found = {}
    for item in known.items[::3][:4]:
        file = known.memes.parent / item["image"]
        told = _memeguard("score", file, "--text", item["text"], "--json", *_flags(known, tiny, name))
        found[item["id"]] = json.loads(told.stdout)
    return found


def _flags(known: Known, tiny: TinyBundle, name: str) -> list[object]:
    return ["--bundle", tiny.bundle.path, "--ocr", "none", "--policy", f"{known.policies}:{name}"]


def _memeguard(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], prog_name="memeguard")


@pytest.mark.slow
def test_a_meme_is_answered_alike_by_server_score_and_a_batch_that_is_killed_while_all_is_forgotten(
    known: Known, scorer: Scorer, tiny: TinyBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMEGUARD_LEDGER_URL", known.url)
    served = _served(known, scorer, "banked")
    scored = _scored(known, tiny, "banked")
    out = tmp_path / "out"
    batch = command(known.memes, "--out", out, "--unit-rows", 1, "--workers", 2, *_flags(known, tiny, "banked"))
    _start_and_kill(batch, out)
    known.forget()
    assert not (out / "_SUCCESS").exists()
    done = subprocess.run(batch, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "goes on with the banks and the memory that it began with" in done.stderr
    rows = answers_of(out)
    sound = {id: answer for id, answer in served.items() if "decision" in answer}
    assert len(sound) == 2 * N_PICTURES
    assert [id for id, answer in scored.items() if not _same(answer, sound[id])] == []
    assert [id for id, answer in sound.items() if not _same(rows[id], answer)] == []
    kinds = {
        id: [(one["bank"], one["kind"], one["quarantined"]) for one in row["known"]]
        for id, row in rows.items()
        if id in sound
    }
    assert kinds["m0"][0] == ("removed", "same_meme", False)
    assert kinds["m1"] == [("removed", "same_picture", False)]
    assert ("jokes", "same_meme", False) in kinds["m2"]
    assert ("removed", "same_meme", True) in kinds["m6"]
    assert ("removed", "same_meme", False) not in kinds["m4"]
    assert [rows[f"m{n}"]["decision"] for n in (0, 1, 6)] == ["block", "review", "review"]
    assert all(rows[id]["memory"] is not None for id in ("m8", "m11"))
    assert rows["m12"]["error"]["code"] == "unsupported_format"


def _start_and_kill(batch: list[str], out: Path) -> None:
    """Kill a worker after the first shard, and the driver after a few more."""
    driver = subprocess.Popen(batch, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _wait(driver, lambda: len(list(out.glob("part-*.parquet"))) >= 1 and workers_of(driver.pid) != [])
    for worker in workers_of(driver.pid)[:1]:
        worker.kill()
    _wait(driver, lambda: len(list(out.glob("part-*.parquet"))) >= 3)
    driver.kill()
    driver.communicate()


def _wait(driver: "subprocess.Popen[bytes]", holds: Callable[[], bool]) -> None:
    while not holds():
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.002)


# The snapshot.


def test_a_snapshot_is_of_the_moment_it_was_taken_at_whatever_becomes_of_banks_and_memory(
    ledger_url: str, scorer: Scorer, tmp_path: Path
) -> None:
    database = database_of(ledger_url)
    meme = Meme.from_bytes(photo(0), text=SENTENCE)
    bank_with(database, Bank("removed", "block", owner="ann", note="of the spring"), NewEntry(_fingerprint(0)))
    with database.writing() as connection:
        memory_id = add_meme(
            connection, NewMeme({"hateful": "hateful"}, features_of(meme, scorer)), scorer.model.digest
        )
    policy = _policy(tmp_path, scorer, "banked")
    snapshot = take_snapshot(database, tmp_path, policy, scorer.model.digest, memory=None)
    assert snapshot.banks is not None
    assert (snapshot.banks.n_entries, snapshot.banks.missing) == (1, ("jokes",))
    with database.deleting() as connection:
        delete_bank(connection, "removed")
        remove_memes(connection, [memory_id])
    later = take_snapshot(database, tmp_path / "later", policy, scorer.model.digest, memory=None)
    database.close()
    assert (later.banks is not None, later.memory) == (True, None)
    assert later.banks != snapshot.banks
    files = KnownFiles(tmp_path, snapshot)
    banked = Scorer(scorer.bundle, scorer.runtime, scorer.ocr, policy, features=True, fingerprints=True)
    (verdict,) = files.asked_by(banked).score([meme])
    assert isinstance(verdict, Verdict)
    assert [(one.bank, one.kind) for one in verdict.known] == [("removed", "same_meme")]
    assert verdict.memory is not None
    assert verdict.memory.shifts["hateful"] > 2
    assert any("bank jokes: it is not there" in reason for reason in verdict.policy.reasons)
    (after,) = KnownFiles(tmp_path / "later", later).asked_by(banked).score([meme])
    assert isinstance(after, Verdict)
    assert (after.known, after.memory) == ((), None)
    assert b"of the spring" not in (tmp_path / "known-banks.parquet").read_bytes()


def _policy(folder: Path, scorer: Scorer, name: str) -> Policy:
    (folder / "policies.yaml").write_text(POLICIES)
    return chosen_policy(f"{folder / 'policies.yaml'}:{name}", scorer.bundle)


_WORDS = st.sampled_from([SENTENCE, OTHER_WORDS, "a third sentence that is quite unlike the others", None])
_PDQS = st.none() | st.tuples(st.integers(0, 2), st.integers(0, 40)).map(lambda at: altered(random_pdq(at[0]), at[1]))
_FILES = st.sampled_from(["", "0" * 64, "f" * 64])
_MOMENTS = st.none() | st.sampled_from([timedelta(days=-1), timedelta(days=400)]).map(lambda by: datetime.now(UTC) + by)


@st.composite
def _entries(draw: st.DrawFn) -> tuple[NewEntry, bool]:
    """An entry, and whether it is in quarantine."""
    text, pdq, file = draw(_WORDS), draw(_PDQS), draw(_FILES)
    quality = None if pdq is None else draw(st.none() | st.integers(0, 100))
    key = words_key(text)
    made = Fingerprint(file or ("a" * 64 if pdq is None and key is None else ""), pdq, quality, key)
    return NewEntry(made, expires_at=draw(_MOMENTS)), draw(st.booleans())


_BANKS = st.builds(
    Bank,
    name=st.sampled_from(["removed", "jokes"]),
    action=st.sampled_from(ACTIONS),
    expires_at=_MOMENTS,
    picture_distance=st.none() | st.integers(0, 60),
    words_distance=st.none() | st.sampled_from([0.0, 0.25]),
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = database_of(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db")
    yield database
    database.close()


@contextmanager
def _holding(database: Database, bank: Bank, entries: list[tuple[NewEntry, bool]]) -> Iterator[None]:
    """The database with one bank, for a while."""
    ids = bank_with(database, bank, *(entry for entry, _ in entries))
    with database.writing() as connection:
        quarantine(connection, [id for id, (_, doubted) in zip(ids, entries, strict=True) if doubted])
    try:
        yield
    finally:
        with database.writing() as connection:
            delete_bank(connection, bank.name)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_BANKS, st.lists(_entries(), max_size=6), st.lists(_entries(), min_size=1, max_size=3))
def test_a_snapshot_of_banks_answers_as_the_banks_do(
    database: Database,
    scorer: Scorer,
    tmp_path: Path,
    bank: Bank,
    entries: list[tuple[NewEntry, bool]],
    asked: list[tuple[NewEntry, bool]],
) -> None:
    policy = _policy(tmp_path, scorer, "banked")
    with _holding(database, bank, entries):
        with database.reading() as connection:
            banks = load_banks(connection, [bank.name])
        snapshot = take_snapshot(database, tmp_path, policy, scorer.model.digest, memory=False)
    index = KnownFiles(tmp_path, snapshot).banks()
    assert index is not None
    names = ["removed", "jokes"]
    for one, _ in asked:
        about = one.fingerprint if one.fingerprint.sha256 else Fingerprint("e" * 64, *_rest(one.fingerprint))
        assert index.answer(about, names) == banks.answer(about, names)


def _rest(one: Fingerprint) -> tuple[bytes | None, int | None, str | None]:
    return one.pdq, one.pdq_quality, one.words_key


def test_a_snapshot_of_memory_votes_as_the_memory_does(known: Known, scorer: Scorer, tmp_path: Path) -> None:
    database = database_of(known.url)
    snapshot = take_snapshot(database, tmp_path / "taken", None, scorer.model.digest, memory=True)
    with database.reading() as connection:
        stored = stored_memes(connection, scorer.model.digest)
    database.close()
    memory = fitted([meme for one in stored if (meme := one.remembered()) is not None], scorer)
    asking = KnownFiles(tmp_path / "taken", snapshot).asked_by(scorer)
    memes = [Meme.from_bytes(photo(seed), text=text) for seed in range(6) for text in (SENTENCE, OTHER_WORDS)]
    assert memory is not None
    expected = memory.votes([features_of(one, scorer) for one in memes])
    verdicts = [one for one in asking.score(memes) if isinstance(one, Verdict)]
    assert len(verdicts) == len(memes)
    assert [one.memory is None for one in verdicts] == [vote is None for vote in expected]
    shifts = [sum(one.memory.shifts.values()) if one.memory else 0.0 for one in verdicts]
    assert shifts == pytest.approx([sum(vote.shifts.values()) if vote else 0.0 for vote in expected], abs=TOLERANCE)
    assert max(map(abs, shifts)) > 2


# What a run says of it, and what it refuses.


def test_a_run_says_what_it_asks_keeps_it_to_the_end_and_then_removes_it(
    known: Known, tiny: TinyBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMEGUARD_LEDGER_URL", known.url)
    batch = ["batch", known.memes, "--out", tmp_path / "out", "--workers", 1, *_flags(known, tiny, "unknown")]
    told = _memeguard(*batch)
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
    again = _memeguard(*batch)
    assert (again.exit_code, "everything was done before" in again.stdout) == (0, True)
    other = _memeguard(*batch, "--no-memory")
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


@pytest.mark.parametrize("name", ["known-banks.parquet", "known-memory.parquet"])
@pytest.mark.parametrize("is_gone", [True, False])
def test_a_snapshot_that_is_not_the_one_that_was_taken_is_refused(
    known: Known, scorer: Scorer, tmp_path: Path, name: str, is_gone: bool
) -> None:
    database = database_of(known.url)
    policy = _policy(tmp_path, scorer, "banked")
    files = KnownFiles(tmp_path, take_snapshot(database, tmp_path, policy, scorer.model.digest, memory=None))
    database.close()
    files.asked_by(scorer)
    damaged = (tmp_path / name).read_bytes()[:-1]
    (tmp_path / name).unlink()
    (tmp_path / ("elsewhere" if is_gone else name)).write_bytes(damaged)
    with pytest.raises(BatchError, match=rf"{name} is gone or not as it was written"):
        files.asked_by(scorer)


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
    asked = _flags(known, tiny, "banked") if "banks" in flags else [*_flags(known, tiny, "banked")[:4], *flags]
    of_kind = [known.memes, "--out", tmp_path / "out"] if kind == "batch" else [known.memes.parent / "0.jpg"]
    told = _memeguard(kind, *of_kind, *asked)
    assert told.exit_code == 1
    (line,) = told.stderr.splitlines()
    assert words.format(folder=tmp_path) in line
    assert not (tmp_path / "nothing.db").exists()


# memeguard score


@pytest.fixture
def score(known: Known, tiny: TinyBundle, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``memeguard score`` of a meme that is remembered."""
    monkeypatch.setenv("MEMEGUARD_LEDGER_URL", known.url)
    meme = [known.memes.parent / "4.jpg", "--text", SENTENCE, "--bundle", tiny.bundle.path, "--ocr", "none", "--json"]
    return lambda *flags: _memeguard("score", *meme, *flags)


def test_what_is_remembered_votes_in_score_and_this_is_said(score: Callable[..., Result], known: Known) -> None:
    moved, also, plain = (score(*flags) for flags in ([], ["--memory"], ["--no-memory"]))
    said = "memory: 2 remembered memes vote; --no-memory judges without them\n"
    assert [one.stderr for one in (moved, also, plain)] == [said, said, ""]
    first, second, third = (json.loads(one.stdout) for one in (moved, also, plain))
    assert (first["memory"], third["memory"]) == (second["memory"], None)
    assert first["memory"]["shifts"]["hateful"] > 1  # the picture is an altered copy
    assert first["scores"]["hateful"] > third["scores"]["hateful"]
    known.forget()
    nothing, asked = score(), score("--memory")
    assert (nothing.stderr, "memory: 0 remembered memes vote" in asked.stderr) == ("", True)
    assert [json.loads(one.stdout)["scores"] for one in (nothing, asked)] == [third["scores"]] * 2


def test_memes_that_sleep_are_told_of(score: Callable[..., Result], known: Known, scorer: Scorer) -> None:
    database = database_of(known.url)
    with database.writing() as connection:
        seen = features_of(Meme.from_text(SENTENCE), scorer)
        add_meme(connection, NewMeme({"hateful": "hateful"}, seen), "another bundle")
    database.close()
    assert "Warning: memory: 1 remembered memes have no vote" in score().stderr

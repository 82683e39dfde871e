"""Snapshot of banks and memory that a run asks: of the moment it was taken at, and refused where it is damaged."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.banks import SENTENCE, altered, bank_with, photo, random_pdq
from support.batch_known import OTHER_WORDS, TOLERANCE, Known, fingerprint, policy_of
from support.ledgers import database_of

from model import Meme, Scorer, Verdict
from model.known.fingerprint import Fingerprint
from model.known.words import words_key
from serving.batch.errors import BatchError
from serving.batch.known import KnownFiles, take_snapshot
from serving.known.bank import ACTIONS, Bank, NewEntry
from serving.known.bank_retro import load_banks
from serving.known.bank_store import delete_bank, quarantine
from serving.known.memory.features import features_of
from serving.known.memory.follower import fitted
from serving.known.memory.store import NewMeme, add_meme, remove_memes, stored_memes
from serving.ledger.database import Database


def test_a_snapshot_is_of_the_moment_it_was_taken_at_whatever_becomes_of_banks_and_memory(
    ledger_url: str, scorer: Scorer, tmp_path: Path
) -> None:
    database = database_of(ledger_url)
    meme = Meme.from_bytes(photo(0), text=SENTENCE)
    bank_with(database, Bank("removed", "block", owner="ann", note="of the spring"), NewEntry(fingerprint(0)))
    with database.writing() as connection:
        memory_id = add_meme(
            connection, NewMeme({"hateful": "hateful"}, features_of(meme, scorer)), scorer.model.digest
        )
    policy = policy_of(tmp_path, scorer, "banked")
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
    policy = policy_of(tmp_path, scorer, "banked")
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


@pytest.mark.parametrize("name", ["known-banks.parquet", "known-memory.parquet"])
@pytest.mark.parametrize("is_gone", [True, False])
def test_a_snapshot_that_is_not_the_one_that_was_taken_is_refused(
    known: Known, scorer: Scorer, tmp_path: Path, name: str, is_gone: bool
) -> None:
    database = database_of(known.url)
    policy = policy_of(tmp_path, scorer, "banked")
    files = KnownFiles(tmp_path, take_snapshot(database, tmp_path, policy, scorer.model.digest, memory=None))
    database.close()
    files.asked_by(scorer)
    damaged = (tmp_path / name).read_bytes()[:-1]
    (tmp_path / name).unlink()
    (tmp_path / ("elsewhere" if is_gone else name)).write_bytes(damaged)
    with pytest.raises(BatchError, match=rf"{name} is gone or not as it was written"):
        files.asked_by(scorer)

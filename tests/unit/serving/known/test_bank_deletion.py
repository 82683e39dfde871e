"""Deletion of a decision reaches all that was made of it, down to the bytes of the database's files."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.banks import bank_with, fingerprint, n_rows
from support.ledgers import context, database_of, verdict_of, with_ledger

from model.known.fingerprint import Fingerprint
from serving.known.bank import Bank, UnknownDecisionError
from serving.known.bank_store import add_entries, change_number, changes_since, entry_of_decision
from serving.ledger.database import Database
from serving.ledger.entry import Traces
from serving.ledger.export import export_feedback
from serving.ledger.ledger import Ledger
from serving.ledger.queries import Review, delete_decisions, insert_review
from serving.ledger.retention import purge
from serving.ledger.tables import bank_entries, bank_matches, fingerprints, memory, memory_features
from serving.requests.classify_body import ClassifyInput

WORDS = "telltale words of a meme that somebody had deleted"
PICTURE = b"telltale picture"
TABLES = (fingerprints, bank_entries, bank_matches, memory, memory_features)


async def keep(ledger: Ledger, seed: int = 0, text: str = WORDS) -> str:
    """A decision of which everything is kept."""
    verdict = verdict_of(text)
    digest = hashlib.sha256(PICTURE).hexdigest()
    found = fingerprint(seed, text, sha256=digest)
    item = ClassifyInput(PICTURE, text, ("cat",), "post-1")
    await ledger.record(verdict, item, context(), digest, Traces(found))
    return verdict.decision_id


def kept(url: str) -> str:
    return with_ledger(url, keep, store_text=True, store_pictures=True, store_fingerprints=True)


def use_everywhere(database: Database, decision_id: str) -> Fingerprint:
    """Make an entry, a remembered meme and feedback of a decision."""
    bank_with(database, Bank("removed", "block"))
    now = datetime.now(UTC)
    with database.writing() as connection:
        entry = entry_of_decision(connection, decision_id, None, None, None)
        (entry_id,) = add_entries(connection, "removed", [entry])
        connection.execute(bank_matches.insert().values(entry_id=entry_id, minute=1, matches=1))
        remembered = {"memory_id": "m", "decision_id": decision_id, "created_at": now, "labels": {}, "weight": 1.0}
        connection.execute(memory.insert().values(**remembered, text=WORDS, picture_digest=entry.fingerprint.sha256))
        connection.execute(memory_features.insert().values(memory_id="m", model_digest="d", text_embeds=WORDS.encode()))
        insert_review(connection, Review(decision_id, {"hateful": "hateful"}, "because", "ann", None))
    return entry.fingerprint


def _by_id(database: Database, decision_id: str) -> None:
    with database.deleting() as connection:
        assert delete_decisions(connection, [decision_id]) == 1


def _by_retention(database: Database, decision_id: str) -> None:
    assert purge(database, datetime.now(UTC) + timedelta(days=1)) == 1


@pytest.mark.parametrize("delete", [_by_id, _by_retention])
def test_deletion_of_a_decision_reaches_all_that_was_made_of_it(
    ledger_url: str, delete: Callable[[Database, str], None], tmp_path: Path
) -> None:
    decision_id = kept(ledger_url)
    database = database_of(ledger_url)
    use_everywhere(database, decision_id)
    with database.reading() as connection:
        assert [n_rows(connection, table) for table in TABLES] == [1] * len(TABLES)
        before = change_number(connection)
    delete(database, decision_id)
    with database.reading() as connection:
        assert [n_rows(connection, table) for table in TABLES] == [0] * len(TABLES)
        assert len(changes_since(connection, before).removed_entries) == 1
    assert export_feedback(database, tmp_path / "export").trainable == 0
    database.close()


@pytest.mark.parametrize("delete", [_by_id, _by_retention])
def test_nothing_of_a_deleted_decision_is_left_in_the_files(
    tmp_path: Path, delete: Callable[[Database, str], None]
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    decision_id = kept(url)
    database = database_of(url)
    found = use_everywhere(database, decision_id)
    assert found.pdq is not None
    assert found.words_key is not None
    traces = (found.pdq, found.words_key.encode(), WORDS.encode(), PICTURE, found.sha256.encode())

    def files() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))

    with database.reading() as connection:
        connection.execute(sa.text("SELECT 1"))
    assert all(trace in files() for trace in traces)
    delete(database, decision_id)
    assert [trace for trace in traces if trace in files()] == []
    database.close()


def _sentence(seed: int) -> str:
    """Letters alone, each once: digits that are read as letters, or twice, would make two sentences one."""
    return "telltale " + " ".join("abcdefgh"[int(digit)] + "xyz" for digit in f"{seed:04o}")


def _traces(seed: int) -> list[bytes]:
    found = fingerprint(seed, _sentence(seed))
    return [found.pdq or b"", (found.words_key or "").encode()]


def test_entries_among_many_leave_nothing_in_the_files_when_their_decisions_go(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"

    async def keep_many(ledger: Ledger) -> list[str]:
        return [await keep(ledger, seed, _sentence(seed)) for seed in range(300)]

    ids = with_ledger(url, keep_many, store_text=True, store_fingerprints=True)
    database = database_of(url)
    bank_with(database, Bank("removed", "block"))
    with database.writing() as connection:
        add_entries(connection, "removed", [entry_of_decision(connection, id, None, None, None) for id in ids])
    for id in ids[::2]:
        _by_id(database, id)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
    database.close()
    assert [seed for seed in range(1, 300, 2) if not all(trace in content for trace in _traces(seed))] == []
    assert [seed for seed in range(0, 300, 2) if any(trace in content for trace in _traces(seed))] == []


def test_an_entry_cannot_be_made_of_a_decision_that_is_gone(ledger_url: str) -> None:
    database = database_of(ledger_url)
    with pytest.raises(UnknownDecisionError), database.writing() as connection:
        entry_of_decision(connection, "0" * 32, None, None, None)
    database.close()


@pytest.mark.parametrize("keeps", [True, False])
def test_fingerprints_are_kept_by_the_setting_alone(ledger_url: str, keeps: bool) -> None:
    with_ledger(ledger_url, keep, store_fingerprints=keeps)
    database = database_of(ledger_url)
    with database.reading() as connection:
        assert n_rows(connection, fingerprints) == int(keeps)
    database.close()

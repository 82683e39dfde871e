import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from support import ROOT
from support.ledgers import database_of, drop_tables_after, keep, ledger_settings, review, with_ledger

from model.engine import REFERENCE
from serving.ledger.errors import LedgerError, LedgerUnavailableError
from serving.ledger.ledger import Ledger, check_ledger
from serving.ledger.queries import find_decision
from serving.ledger.tables import VERSION_TABLE, bank_entries, counters, decisions, metadata, review_items


def test_the_migrations_make_the_tables_that_the_code_knows(ledger_url: str) -> None:
    database = database_of(ledger_url)
    with database.reading() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": False}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    database.close()


def test_a_ledger_that_is_older_than_engines_keeps_its_decisions_and_learns_of_them(ledger_url: str) -> None:
    database = database_of(ledger_url)
    before = with_ledger(ledger_url, keep)
    with database.writing() as connection:  # as the first version left it
        drop_tables_after(connection, "0002")
        connection.execute(sa.text("ALTER TABLE decisions DROP COLUMN model_engines"))
        versions = sa.table(VERSION_TABLE, sa.column("version_num"))
        connection.execute(versions.update().values(version_num="0001"))
    after = with_ledger(ledger_url, keep)
    with database.reading() as connection:
        found = [find_decision(connection, decision_id) for decision_id in (before, after)]
    database.close()
    assert [row and row["model_engines"] for row in found] == [None, asdict(REFERENCE)]


def test_a_ledger_that_is_older_than_banks_keeps_its_decisions_and_gets_empty_tables(ledger_url: str) -> None:
    database = database_of(ledger_url)
    before = with_ledger(ledger_url, keep)
    with database.writing() as connection:
        drop_tables_after(connection, "0002")
    after = with_ledger(ledger_url, keep)
    with database.reading() as connection:
        kept = connection.execute(sa.select(decisions.c.decision_id)).scalars().all()
        changes = {row.name: row.value for row in connection.execute(counters.select())}
        n_entries = connection.execute(sa.select(sa.func.count()).select_from(bank_entries)).scalar()
    database.close()
    assert set(kept) == {before, after}
    assert changes == {"banks": 0, "memory": 0}
    assert n_entries == 0


def test_a_ledger_that_is_older_than_review_gets_items_of_what_went_to_review(ledger_url: str) -> None:
    database = database_of(ledger_url)

    async def two(ledger: Ledger) -> tuple[str, str]:
        waiting, reviewed = await keep(ledger), await keep(ledger)
        await ledger.feedback(review(reviewed, hateful="hateful"), 10)
        return waiting, reviewed

    waiting, reviewed = with_ledger(ledger_url, two)
    with database.reading() as connection:
        made = connection.execute(review_items.select()).mappings().all()
    with database.writing() as connection:  # as the third version left it, with a decision that needs no review
        allowed = dict(connection.execute(decisions.select()).mappings().first() or {})
        connection.execute(decisions.insert().values(allowed | {"decision_id": "0" * 32, "decision": "allow"}))
        drop_tables_after(connection, "0003")
    database.prepare()
    with database.reading() as connection:
        filled = connection.execute(review_items.select()).mappings().all()
    database.close()
    assert {row["decision_id"]: row["state"] for row in filled} == {waiting: "open", reviewed: "decided"}
    assert [dict(row) for row in filled if row["decision_id"] == waiting] == [
        dict(row) for row in made if row["decision_id"] == waiting
    ]
    assert {row["decision_id"]: row["state"] for row in made} == {waiting: "open", reviewed: "decided"}


def test_workers_that_start_at_once_find_one_ledger_that_all_can_write(ledger_url: str) -> None:
    script = "import sys; from support.ledgers import open_at_once; sys.exit(open_at_once(sys.argv[1], 6))"
    path = os.pathsep.join(map(str, (ROOT / "tests", ROOT)))
    command = [sys.executable, "-c", script, ledger_url]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, timeout=120, check=False)
    assert done.returncode == 0


def test_a_worker_waits_for_another_one_that_is_making_the_file(tmp_path: Path) -> None:
    """SQLite refuses to set a journal's mode beside another writer at once, however long it was told to wait."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        ends = threading.Timer(0.5, other.execute, ["ROLLBACK"])
        ends.start()
        database = database_of(f"sqlite:///{path}")
        ends.join()
    database.check_writable()
    database.close()


def test_a_ledger_newer_than_the_code_is_refused_with_what_to_do(ledger_url: str) -> None:
    database = database_of(ledger_url)
    with database.writing() as connection:
        versions = sa.table(VERSION_TABLE, sa.column("version_num"))
        connection.execute(versions.update().values(version_num="9999"))
    with pytest.raises(LedgerError, match=r"version 9999.*a newer one has used it.*MEMEGUARD_LEDGER_URL"):
        database.prepare()
    with pytest.raises(LedgerError, match="version 9999"):
        check_ledger(ledger_settings(ledger_url))
    database.close()


def test_opening_a_ledger_again_loses_nothing(ledger_url: str) -> None:
    kept = with_ledger(ledger_url, keep)
    database = database_of(ledger_url)
    with database.reading() as connection:
        assert connection.execute(sa.select(decisions.c.decision_id)).scalars().all() == [kept]
    database.close()


def test_an_sqlite_ledger_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "ledger.db"
    database = database_of(f"sqlite:///{path}")
    database.check_writable()
    for file in (path, path.with_name("ledger.db-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    database.close()


def test_opening_an_sqlite_ledger_again_keeps_the_locks_of_who_has_it_open(tmp_path: Path) -> None:
    """Without them another process, at its end, takes itself for the last one and deletes the write-ahead log."""
    path = tmp_path / "ledger.db"
    first = database_of(f"sqlite:///{path}")
    first.check_writable()
    database_of(f"sqlite:///{path}").close()
    log = path.with_name("ledger.db-wal").stat().st_ino
    script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM decisions').connection.close()"
    subprocess.run([sys.executable, "-c", script, path], timeout=60, check=True)
    assert path.with_name("ledger.db-wal").stat().st_ino == log
    first.close()


def test_a_deleted_file_is_noticed_and_made_anew(tmp_path: Path) -> None:
    database = database_of(f"sqlite:///{tmp_path}/ledger.db")
    (tmp_path / "ledger.db").unlink()
    with pytest.raises(LedgerUnavailableError, match="moved or deleted"):
        database.check_writable()
    database.prepare()
    database.check_writable()
    database.close()


def test_what_is_deleted_is_overwritten_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    kept = with_ledger(f"sqlite:///{path}", lambda ledger: keep(ledger, text="telltale words"), store_text=True)
    assert b"telltale words" in path.read_bytes()
    assert with_ledger(f"sqlite:///{path}", lambda ledger: ledger.delete(kept, 10))
    assert b"telltale words" not in path.read_bytes()


def test_a_check_before_the_start_lets_a_database_that_is_away_pass() -> None:
    check_ledger(ledger_settings("postgresql://127.0.0.1:1/db"))
    check_ledger(ledger_settings("none"))

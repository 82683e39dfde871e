import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from click.testing import CliRunner, Result
from support.ledgers import database_of, keep, open_at, review, with_ledger

from serving.cli import main
from serving.ledger import retention
from serving.ledger.ledger import Ledger
from serving.ledger.queries import claim_chore
from serving.ledger.tables import chores, decisions, feedback, pictures, review_actions, review_items
from serving.requests.classify_body import ClassifyInput


def _memeguard(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["ledger", *arguments])


def _n_rows(url: str) -> dict[str, int]:
    database = database_of(url)
    counted = {}
    with database.reading() as connection:
        for table in (decisions, feedback, pictures, review_items):
            counted[table.name] = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    database.close()
    return counted


def _made_older(url: str, decision_id: str, days: int) -> None:
    database = database_of(url)
    with database.writing() as connection:
        one = decisions.c.decision_id == decision_id
        connection.execute(decisions.update().where(one).values(created_at=datetime.now(UTC) - timedelta(days=days)))
        connection.execute(chores.update().values(done_at=None))
    database.close()


def _two_with_feedback(url: str, *contents: bytes) -> list[str]:
    """Ids of decisions about these pictures."""

    async def both(ledger: Ledger) -> list[str]:
        kept = [await keep(ledger, ClassifyInput(content, "words")) for content in contents]
        for decision_id in kept:
            await ledger.feedback(review(decision_id, hateful="hateful"), 10)
        return kept

    return with_ledger(url, both, store_pictures=True)


def test_old_decisions_are_purged_with_their_feedback_and_pictures(ledger_url: str) -> None:
    old, _ = _two_with_feedback(ledger_url, b"old", b"new")
    _made_older(ledger_url, old, days=31)
    assert _memeguard("purge", "--older-than", "32d", "--url", ledger_url).output == "0 decisions deleted\n"
    assert _memeguard("purge", "--older-than", "30d", "--url", ledger_url).output == "1 decisions deleted\n"
    assert _n_rows(ledger_url) == {"decisions": 1, "feedback": 1, "pictures": 1, "review_items": 1}


def test_old_rows_of_the_audit_that_are_about_no_decision_are_purged_too(ledger_url: str) -> None:
    database = database_of(ledger_url)
    with database.writing() as connection:
        for days, reviewer in ((31, "long ago"), (29, "of late")):
            moment = datetime.now(UTC) - timedelta(days=days)
            signed_in = {"kind": "signed_in", "reviewer": reviewer, "created_at": moment}
            connection.execute(review_actions.insert().values(signed_in))
    retention.purge(database, datetime.now(UTC) - timedelta(days=30))
    with database.reading() as connection:
        assert connection.execute(sa.select(review_actions.c.reviewer)).scalars().all() == ["of late"]
    database.close()


def test_a_picture_stays_while_another_decision_is_about_it(ledger_url: str) -> None:
    first, second = _two_with_feedback(ledger_url, b"same", b"same")
    assert _memeguard("delete", first, "--url", ledger_url).exit_code == 0
    assert _n_rows(ledger_url) == {"decisions": 1, "feedback": 1, "pictures": 1, "review_items": 1}
    assert _memeguard("delete", second, "--url", ledger_url).exit_code == 0
    assert _n_rows(ledger_url) == {"decisions": 0, "feedback": 0, "pictures": 0, "review_items": 0}


def test_what_is_deleted_is_in_no_file_of_an_open_ledger(tmp_path: Path) -> None:
    url, log = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "ledger.db-wal"
    delete = ("delete", "--url", url)

    async def keep_and_delete(ledger: Ledger) -> list[int]:
        here, there = [await keep(ledger, text=f"secret {n}") for n in range(2)]
        sizes = [log.stat().st_size]
        assert await ledger.delete(here, 10)
        sizes.append(log.stat().st_size)
        assert (await asyncio.to_thread(_memeguard, *delete, there)).exit_code == 0
        sizes.append(log.stat().st_size)
        return sizes

    before, *after = with_ledger(url, keep_and_delete, store_text=True)
    assert before > 0
    assert after == [0, 0]
    assert b"secret" not in (tmp_path / "ledger.db").read_bytes()


def test_a_reader_holds_up_no_deletion(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"

    async def delete_beside_a_reader(ledger: Ledger) -> bool:
        first, second = await keep(ledger), await keep(ledger)
        reader = database_of(url)
        with reader.reading() as connection:
            connection.execute(sa.select(decisions.c.decision_id)).all()
            deleted = await ledger.delete(first, 10)
        reader.close()
        return deleted and await ledger.delete(second, 10)

    assert with_ledger(url, delete_beside_a_reader)


def test_a_ledger_with_a_retention_purges_when_it_starts(ledger_url: str) -> None:
    old, _ = _two_with_feedback(ledger_url, b"old", b"new")
    _made_older(ledger_url, old, days=8)

    async def until_purged(ledger: Ledger) -> None:
        async with asyncio.timeout(30):
            while await ledger.find(old, 10) is not None:
                await asyncio.sleep(0.05)

    with_ledger(ledger_url, until_purged, retention_days=7)
    assert _n_rows(ledger_url) == {"decisions": 1, "feedback": 1, "pictures": 1, "review_items": 1}


def test_many_old_decisions_are_deleted_a_part_at_a_time(ledger_url: str) -> None:
    async def many(ledger: Ledger) -> None:
        for n_decisions in (600, 601):  # fewer than may wait at once
            await asyncio.gather(*(keep(ledger) for _ in range(n_decisions)))

    with_ledger(ledger_url, many)
    database = database_of(ledger_url)
    assert retention.purge(database, datetime.now(UTC)) == 1201
    database.close()


def test_of_workers_that_find_a_chore_due_one_does_it(ledger_url: str) -> None:
    async def claims() -> list[bool]:
        async with open_at(ledger_url):
            database = database_of(ledger_url)
            claimed = await asyncio.gather(*(asyncio.to_thread(_claim, database, timedelta(hours=1)) for _ in range(4)))
            claimed.append(_claim(database, timedelta(0)))
            database.close()
            return claimed

    *at_once, later = asyncio.run(claims())
    assert sorted(at_once) == [False, False, False, True]
    assert later


def _claim(database: Any, every: timedelta) -> bool:
    with database.writing() as connection:
        return claim_chore(connection, "retention", every)


def test_deleting_what_is_not_there_is_an_error_and_deletes_the_rest(ledger_url: str) -> None:
    (kept,) = _two_with_feedback(ledger_url, b"picture")
    result = _memeguard("delete", kept, "0" * 32, "--url", ledger_url)
    assert result.exit_code == 1
    assert result.output.splitlines() == ["1 decisions deleted", f"Error: no such decision: {'0' * 32}"]
    assert _n_rows(ledger_url)["decisions"] == 0


def test_upgrade_makes_a_ledger_and_nothing_else_does(ledger_url: str, tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path}/missing.db"
    refused = _memeguard("purge", "--older-than", "30d", "--url", missing)
    assert refused.exit_code == 1
    assert "there is no ledger" in refused.output
    for _ in range(2):
        assert _memeguard("upgrade", "--url", ledger_url).output.startswith("up to date: ")
    assert _memeguard("purge", "--older-than", "30d", "--url", ledger_url).exit_code == 0


def test_the_commands_say_what_is_wrong_with_their_flags() -> None:
    for arguments, said in (
        (("purge", "--older-than", "a month"), "give days, such as 30d"),
        (("upgrade", "--url", "none"), "name one with --url"),
        (("upgrade", "--url", "mysql://host/db"), "SQLite or PostgreSQL"),
    ):
        result = _memeguard(*arguments)
        assert result.exit_code != 0
        assert said in result.output

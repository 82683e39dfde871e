import asyncio
import logging
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from support.banks import SENTENCE, bank_with, entry, fingerprint
from support.followers import started, until
from support.ledgers import database_of

from model.known.fingerprint import Fingerprint
from model.policy.known_memes import BankAnswer
from serving.known.bank import Bank
from serving.known.bank_follower import BankFollower
from serving.known.bank_store import (
    add_entries,
    delete_bank,
    release,
    remove_entries,
    summaries,
)
from serving.ledger.database import Database
from serving.ledger.tables import bank_removals


@pytest.fixture
def database(ledger_url: str) -> Iterator[Database]:
    database = database_of(ledger_url)
    yield database
    database.close()


def following(database: Database, floods: list[str] | None = None) -> AbstractAsyncContextManager[BankFollower]:
    return started(BankFollower(database, (floods if floods is not None else []).append))


def kinds(follower: BankFollower, asked: Fingerprint, *names: str) -> list[tuple[str, str]]:
    return [(one.bank, one.kind) for one in follower.answer(asked, names or ("removed",)).matches]


def test_a_worker_finds_what_was_in_a_bank_when_it_started(database: Database) -> None:
    ids = bank_with(database, Bank("removed", "block"), entry(0), entry(1, "other words that are long enough"))

    async def ask() -> BankAnswer:
        async with following(database) as follower:
            assert kinds(follower, fingerprint(1, SENTENCE)) == [("removed", "same_picture"), ("removed", "same_words")]
            assert kinds(follower, fingerprint(9, "nothing like any of them at all")) == []
            return follower.answer(fingerprint(0, n_bits=6), ["removed"])

    (found, *_) = asyncio.run(ask()).matches
    assert (found.entry, found.kind, found.bank_action, found.picture_distance) == (ids[0], "same_meme", "block", 6)


def test_every_worker_follows_every_change_within_two_seconds(database: Database) -> None:
    async def follow() -> None:
        async with following(database) as one, following(database) as other:
            both = (one, other)

            async def all_see(expected: list[tuple[str, str]]) -> bool:
                return await until(lambda: all(kinds(each, fingerprint(0)) == expected for each in both))

            assert one.answer(fingerprint(0), ["removed"]).missing == ("removed",)
            (first,) = await asyncio.to_thread(bank_with, database, Bank("removed", "block"), entry(0))
            assert await all_see([("removed", "same_meme")])
            with database.deleting() as connection:
                assert remove_entries(connection, "removed", [first, "f" * 16]) == [first]
            assert await all_see([])
            with database.writing() as connection:
                add_entries(connection, "removed", [entry(0), entry(0)])
            assert await all_see([("removed", "same_meme")] * 2)
            with database.deleting() as connection:
                delete_bank(connection, "removed")
            assert await until(lambda: all(each.answer(fingerprint(0), ["removed"]).missing for each in both))
            await asyncio.to_thread(bank_with, database, Bank("removed", "block"), entry(0, "no such words as before"))
            assert await all_see([("removed", "same_picture")])

    asyncio.run(follow())


def test_distances_are_those_of_the_bank(database: Database) -> None:
    bank_with(database, Bank("near", "block", picture_distance=3), entry(0, None))
    bank_with(database, Bank("far", "block", picture_distance=60), entry(0, None))

    async def ask() -> None:
        async with following(database) as follower:
            at = {
                n: kinds(follower, fingerprint(0, None, n_bits=n, sha256="f" * 64), "near", "far") for n in (3, 4, 61)
            }
            assert [[bank for bank, _ in found] for found in at.values()] == [["near", "far"], ["far"], []]

    asyncio.run(ask())


def test_what_has_expired_matches_no_more(database: Database) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    bank_with(database, Bank("removed", "block"), entry(0, expires_at=soon))
    bank_with(database, Bank("old", "block", expires_at=soon), entry(0))

    async def ask() -> None:
        async with following(database) as follower:
            assert len(kinds(follower, fingerprint(0), "removed", "old")) == 2
            assert await until(lambda: kinds(follower, fingerprint(0), "removed", "old") == [])
            assert follower.answer(fingerprint(0), ["old"]).missing == ()

    asyncio.run(ask())


def test_an_entry_that_matches_too_often_over_all_workers_is_quarantined_and_told(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    (flooded, quiet) = bank_with(
        database, Bank("removed", "block", max_matches_per_hour=5), entry(0), entry(1, "other words of some length")
    )
    floods: list[str] = []

    def is_quarantined(follower: BankFollower) -> bool:
        return [one.quarantined for one in follower.answer(fingerprint(0), ["removed"]).matches] == [True]

    async def flood() -> None:
        async with following(database, floods) as one, following(database, floods) as other:
            for follower in (one, other):
                for _ in range(3):
                    follower.count(follower.answer(fingerprint(0), ["removed"]))
                follower.count(follower.answer(fingerprint(1, "other words of some length"), ["removed"]))
            assert await until(lambda: is_quarantined(one) and is_quarantined(other))
            with database.writing() as connection:
                assert release(connection, "removed", [flooded, quiet]) == [flooded]
            assert await until(lambda: not is_quarantined(one) and not is_quarantined(other))

    with caplog.at_level(logging.WARNING, "memeguard.banks"):
        asyncio.run(flood())
    assert floods == ["removed"]
    assert f"bank entry quarantined bank=removed entry={flooded} matches_in_an_hour=6" in caplog.text
    with database.reading() as connection:
        assert [one.quarantined for one in summaries(connection)] == [0]


def test_five_matches_of_five_allowed_are_no_flood(database: Database) -> None:
    bank_with(database, Bank("removed", "block", max_matches_per_hour=5), entry(0))

    async def match() -> None:
        async with following(database) as follower:
            for _ in range(5):
                follower.count(follower.answer(fingerprint(0), ["removed"]))

    asyncio.run(match())
    with database.reading() as connection:
        assert [one.quarantined for one in summaries(connection)] == [0]


def test_banks_that_policies_name_and_that_are_not_there_are_warned_of(database: Database) -> None:
    bank_with(database, Bank("removed", "block"))

    async def warned() -> None:
        async with following(database) as follower:
            (warning,) = follower.warnings(["removed", "jokes", "jokes"])
            assert "the bank 'jokes'" in warning
            assert "memeguard bank create jokes" in warning

    asyncio.run(warned())


def test_a_worker_that_was_away_for_long_reads_everything_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gone, _) = bank_with(database, Bank("removed", "block"), entry(0), entry(1))

    async def away() -> None:
        async with following(database) as follower:
            with database.deleting() as connection:
                remove_entries(connection, "removed", [gone])
                connection.execute(sa.delete(bank_removals))
            monkeypatch.setattr("serving.known.bank_follower._TOO_OLD_S", 0.0)
            assert await until(lambda: kinds(follower, fingerprint(0, None)) == [])
            assert kinds(follower, fingerprint(1, None)) == [("removed", "same_meme")]

    asyncio.run(away())

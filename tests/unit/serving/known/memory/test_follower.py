"""Remembered memes are followed by every worker, and looked at again when the bundle changes."""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest
from support.followers import started, until
from support.remembered import WORDS, content, meme, remember, shift

from model import Meme, Scorer
from serving.known.memory.features import features_of
from serving.known.memory.follower import MemoryFollower, wake_one
from serving.known.memory.store import remove_memes, stored_memes
from serving.ledger.database import Database
from serving.ledger.tables import memory


def following(database: Database, scorer: Scorer) -> AbstractAsyncContextManager[MemoryFollower]:
    return started(MemoryFollower(database, scorer))


async def voting(follower: MemoryFollower, scorer: Scorer) -> bool:
    return await until(lambda: shift(follower.current, meme(), scorer) > 2)


async def forgotten(follower: MemoryFollower) -> bool:
    return await until(lambda: follower.current is None)


def test_workers_follow_within_two_seconds_what_is_remembered_and_forgotten(database: Database, scorer: Scorer) -> None:
    async def whole() -> tuple[list[bool], list[bool]]:
        async with following(database, scorer) as one, following(database, scorer) as other:
            both = (one, other)
            assert [follower.current for follower in both] == [None, None]
            memory_id = await asyncio.to_thread(remember, database, scorer, meme())
            added = await asyncio.gather(*(voting(follower, scorer) for follower in both))
            with database.writing() as connection:
                remove_memes(connection, [memory_id])
            return added, await asyncio.gather(*(forgotten(follower) for follower in both))

    assert asyncio.run(whole()) == ([True, True], [True, True])


def test_a_worker_that_starts_knows_what_is_remembered(database: Database, scorer: Scorer) -> None:
    remember(database, scorer, meme())
    remember(database, scorer, meme(2, "others"), labels={"hateful": "not_hateful"}, weight=0.5)

    async def whole() -> tuple[float, float]:
        async with following(database, scorer) as follower:
            return shift(follower.current, meme(), scorer), shift(follower.current, meme(2, "others"), scorer)

    first, second = asyncio.run(whole())
    assert first > 2
    assert -first < second < 0


def test_what_another_bundle_saw_sleeps_until_its_content_is_looked_at_again(
    database: Database, scorer: Scorer
) -> None:
    kept = remember(database, scorer, meme(), "another", text=WORDS, picture=("1" * 64, content()))
    words = remember(database, scorer, Meme.from_text("words alone"), "another", text="words alone")
    lost = remember(database, scorer, meme(2), "another", text="words without their picture", note="lost")
    with database.writing() as connection:  # one that was a picture whose file nobody kept
        connection.execute(memory.update().where(memory.c.memory_id == lost).values(picture_digest="2" * 64))

    async def whole() -> bool:
        async with following(database, scorer) as follower:
            return await until(lambda: follower.current is not None and len(follower.current) == 2)

    assert asyncio.run(whole())
    with database.reading() as connection:
        found = {one.memory_id: one for one in stored_memes(connection, scorer.model.digest)}
    assert {memory_id: one.features is None for memory_id, one in found.items()} == {
        kept: False,
        words: False,
        lost: True,
    }
    made, expected = found[kept].features, features_of(meme(), scorer)
    assert made is not None
    assert made.image == pytest.approx(expected.image, rel=1e-2, abs=1e-3)
    assert made.text == pytest.approx(expected.text, rel=1e-2, abs=1e-3)


def test_a_damaged_picture_stays_asleep_and_does_not_hold_up_the_next(database: Database, scorer: Scorer) -> None:
    damaged = remember(database, scorer, meme(), "another", picture=("1" * 64, b"no picture"))
    fine = remember(database, scorer, meme(2), "another", picture=("2" * 64, content(2)), text=WORDS)
    at, made = "", 0
    for _ in range(3):
        at, n = wake_one(database, scorer, at)
        made += n
    assert (at, made) == ("", 1)
    with database.reading() as connection:
        asleep = {one.memory_id: one.features is None for one in stored_memes(connection, scorer.model.digest)}
    assert asleep == {damaged: True, fine: False}

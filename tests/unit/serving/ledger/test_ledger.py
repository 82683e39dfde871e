import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.ledgers import context, database_of, keep, open_at, review, verdict_of, with_ledger

from serving.ledger.ledger import Ledger
from serving.ledger.tables import decisions, feedback, pictures
from serving.problems import ProblemError
from serving.requests.classify_body import ClassifyInput

N_AT_ONCE = 200


def _rows(url: str, table: sa.Table) -> list[dict[str, Any]]:
    database = database_of(url)
    with database.reading() as connection:
        rows = [dict(row) for row in connection.execute(table.select()).mappings()]
    database.close()
    return rows


def test_what_was_recorded_is_in_the_database(ledger_url: str) -> None:
    verdict = verdict_of()
    item = ClassifyInput(b"picture", "some words", ("cat",), "post-1")
    with_ledger(ledger_url, lambda ledger: ledger.record(verdict, item, context(), "d" * 64))
    (row,) = _rows(ledger_url, decisions)
    assert row["decision_id"] == verdict.decision_id
    assert (row["caller_id"], row["kind"], row["content_digest"]) == ("post-1", "picture", "d" * 64)
    assert (row["scores"], row["reasons"]) == (verdict.scores, list(verdict.policy.reasons))
    assert (row["key_name"], row["route"], row["request_id"]) == ("bot", "/v1/classify", "r" * 32)
    assert abs(row["created_at"].timestamp() - time.time()) < 60


def test_no_content_is_kept_unless_it_is_switched_on(ledger_url: str) -> None:
    with_ledger(ledger_url, lambda ledger: keep(ledger, text="telltale words"))
    (row,) = _rows(ledger_url, decisions)
    assert (row["text"], row["tags"], row["matches"]) == (None, None, None)
    assert "telltale" not in str(row)
    assert _rows(ledger_url, pictures) == []


def test_words_and_pictures_are_kept_where_they_are_switched_on(ledger_url: str) -> None:
    async def twice(ledger: Ledger) -> None:
        await keep(ledger)
        await keep(ledger)

    with_ledger(ledger_url, twice, store_text=True, store_pictures=True)
    row, _ = _rows(ledger_url, decisions)
    assert (row["text"], row["tags"]) == ("some words", ["cat"])
    assert row["matches"] == [{"word_list": "list", "start": 0, "end": 4, "action": "review"}]
    (picture,) = _rows(ledger_url, pictures)  # the same one twice is kept once
    assert (picture["digest"], picture["content"]) == (row["content_digest"], b"picture")


def test_decisions_that_come_at_once_are_all_kept(ledger_url: str) -> None:
    async def many(ledger: Ledger) -> list[str]:
        return await asyncio.gather(*(keep(ledger) for _ in range(N_AT_ONCE)))

    kept = with_ledger(ledger_url, many)
    assert {row["decision_id"] for row in _rows(ledger_url, decisions)} == set(kept)


def test_what_no_database_takes_spoils_neither_its_decision_nor_the_others(ledger_url: str) -> None:
    odd = ClassifyInput(None, "nul \0 and half a pair \ud800", (), "id \0")

    async def both(ledger: Ledger) -> None:
        await asyncio.gather(keep(ledger, odd, text=odd.text or ""), keep(ledger))

    with_ledger(ledger_url, both, store_text=True)
    assert {row["text"] for row in _rows(ledger_url, decisions)} == {"nul \ufffd and half a pair ?", "some words"}


def test_a_decision_that_is_there_already_fails_alone(ledger_url: str) -> None:
    verdict, item = verdict_of(), ClassifyInput(None, "words")

    async def again(ledger: Ledger) -> list[Any]:
        await ledger.record(verdict, item, context(), "d" * 64)
        others = [keep(ledger) for _ in range(5)]
        return await asyncio.gather(ledger.record(verdict, item, context(), "d" * 64), *others, return_exceptions=True)

    first, *others = with_ledger(ledger_url, again)
    assert isinstance(first, sa.exc.IntegrityError)
    assert all(isinstance(kept, str) for kept in others)
    assert len(_rows(ledger_url, decisions)) == 6


def test_a_locked_file_is_answered_with_503_and_written_again_when_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"

    async def through_trouble(ledger: Ledger) -> list[ProblemError]:
        await keep(ledger)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            refused = await _refused(ledger)
            at_once = time.monotonic()
            again = await _refused(ledger)
            assert time.monotonic() - at_once < 1
            assert "locked" in str(ledger.problem())
            other.execute("ROLLBACK")
        await _until_well(ledger)
        await keep(ledger)
        return [refused, again]

    for problem in with_ledger(f"sqlite:///{path}", through_trouble):
        assert (problem.status, problem.code) == (503, "ledger_unavailable")
        assert problem.headers == {"Retry-After": "5"}
    assert len(_rows(f"sqlite:///{path}", decisions)) == 2


def test_a_decision_whose_time_is_over_is_not_told(tmp_path: Path) -> None:
    async def too_late(ledger: Ledger) -> None:
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(ProblemError, match="did not answer in time"):
                await keep(ledger, seconds=0.3)

    with_ledger(f"sqlite:///{tmp_path}/ledger.db", too_late)


def test_what_waits_when_the_ledger_is_closed_is_written_first(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"

    async def closed_early() -> list[str]:
        async with open_at(url) as ledger:
            waiting = [asyncio.create_task(keep(ledger)) for _ in range(20)]
            await asyncio.sleep(0)
        return await asyncio.gather(*waiting)

    kept = asyncio.run(closed_early())
    assert {row["decision_id"] for row in _rows(url, decisions)} == set(kept)


def test_a_closed_ledger_refuses_at_once(tmp_path: Path) -> None:
    async def after_the_end() -> ProblemError:
        async with open_at(f"sqlite:///{tmp_path}/ledger.db") as ledger:
            pass
        return await _refused(ledger)

    assert "is closed" in asyncio.run(after_the_end()).detail


def test_feedback_sent_again_is_the_same_feedback(ledger_url: str) -> None:
    async def thrice(ledger: Ledger) -> list[dict[str, Any] | None]:
        decision_id = await keep(ledger)
        said = review(decision_id, hateful="hateful")
        return [
            *await asyncio.gather(ledger.feedback(said, 10), ledger.feedback(said, 10)),
            await ledger.feedback(review(decision_id, hateful="not_hateful"), 10),
            await ledger.feedback(said, 10),
            await ledger.feedback(review("0" * 32, hateful="hateful"), 10),
        ]

    first, same, other, changed_mind, unknown = with_ledger(ledger_url, thrice)
    assert first == same
    assert unknown is None
    assert [row["labels"] for row in _rows(ledger_url, feedback)] == [
        row["labels"] for row in (first, other, changed_mind) if row
    ]


async def _refused(ledger: Ledger) -> ProblemError:
    with pytest.raises(ProblemError) as refused:
        await keep(ledger)
    return refused.value


async def _until_well(ledger: Ledger) -> None:
    async with asyncio.timeout(30):
        while ledger.problem() is not None:
            await asyncio.sleep(0.1)

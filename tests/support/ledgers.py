"""Ledgers that are open, and decisions to keep in them."""

import asyncio
import hashlib
import multiprocessing
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

import sqlalchemy as sa

from model.verdict import ModelRef, PolicyRef, TextEvidence, Verdict, WordMatch
from serving.ledger.database import Database
from serving.ledger.ledger import Ledger, open_ledger
from serving.ledger.queries import Review
from serving.ledger.tables import VERSION_TABLE
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import RequestContext
from serving.settings.ledger import LedgerSettings

T = TypeVar("T")


def ledger_settings(url: str, **values: Any) -> LedgerSettings:
    return LedgerSettings.model_validate(
        {"ledger_url": url} | {f"ledger_{key}": value for key, value in values.items()}
    )


def database_of(url: str) -> Database:
    """Open, with every table."""
    address = ledger_settings(url).ledger_database
    assert address is not None
    database = Database(address)
    database.prepare()
    return database


_SINCE_REVIEW = ("shadow_decisions", "jobs")
_REVIEW = ("review_golden", "review_actions", "review_items", "review_sessions")
#: By version, the tables that those after it brought; who refers to another comes first.
_NEWER_TABLES = {
    "0002": (
        *_SINCE_REVIEW, *_REVIEW, "bank_matches", "bank_entries", "bank_removals", "banks", "fingerprints",
        "memory_features", "memory", "counters",
    ),
    "0003": (*_SINCE_REVIEW, *_REVIEW),
}  # fmt: skip


def drop_tables_after(connection: sa.Connection, version: str) -> None:
    """Leave the ledger as that version made it."""
    for name in _NEWER_TABLES[version]:
        connection.execute(sa.text(f"DROP TABLE {name}"))
    connection.execute(sa.text("ALTER TABLE decisions DROP COLUMN measures"))
    versions = sa.table(VERSION_TABLE, sa.column("version_num"))
    connection.execute(versions.update().values(version_num=version))


def open_at_once(url: str, n_workers: int) -> int:
    """Processes that open and write a ledger at the same moment; how many of them failed.

    To be called where there is one thread only: the processes are forked, so that they need not import it all again.
    """
    processes = multiprocessing.get_context("fork")
    together = processes.Barrier(n_workers)
    workers = [processes.Process(target=_open_and_write, args=(url, together)) for _ in range(n_workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(worker.exitcode != 0 for worker in workers)


def _open_and_write(url: str, together: Barrier) -> None:
    together.wait(timeout=60)
    database = database_of(url)
    database.check_writable()
    database.close()


@asynccontextmanager
async def open_at(url: str, **values: Any) -> AsyncIterator[Ledger]:
    ledger = open_ledger(ledger_settings(url, **values))
    assert ledger is not None
    await ledger.start()
    try:
        yield ledger
    finally:
        await ledger.stop()


def with_ledger(url: str, work: Callable[[Ledger], Awaitable[T]], **values: Any) -> T:
    """Do something with a ledger that is opened before and closed after."""

    async def whole() -> T:
        async with open_at(url, **values) as ledger:
            return await work(ledger)

    return asyncio.run(whole())


def verdict_of(text: str = "some words") -> Verdict:
    return Verdict(
        id="post-1",
        decision_id=uuid.uuid4().hex,
        decision="review",
        policy=PolicyRef("default", "1", "p" * 64, ("hateful 0.700 >= review threshold 0.500",)),
        scores={"hateful": 0.7, "memotion_sentiment": {"negative": 0.5, "neutral": 0.25, "positive": 0.25}},
        severity={"hateful": "medium"},
        matches=(WordMatch("list", 0, 4, "review"),),
        text=TextEvidence(text, "caller", "ok"),
        model=ModelRef("tiny", "0.0.1", "m" * 64),
        timings_ms={},
        judged_as="text",
    )


def context(seconds: float = 20.0) -> RequestContext:
    return RequestContext("r" * 32, time.monotonic() + seconds, "/v1/classify", key_name="bot")


async def keep(
    ledger: Ledger, item: ClassifyInput | None = None, text: str = "some words", seconds: float = 20.0
) -> str:
    """Record a decision about a meme; its id."""
    item = item or ClassifyInput(b"picture", text, ("cat",), "post-1")
    verdict = verdict_of(text)
    await ledger.record(verdict, item, context(seconds), digest_of(item, text))
    return verdict.decision_id


def digest_of(item: ClassifyInput, text: str = "") -> str:
    """Sha256 of the picture, or of the words that stand alone."""
    return hashlib.sha256(item.image or (item.text or text).encode("utf-8", "replace")).hexdigest()


def review(decision_id: str, **labels: str | list[str]) -> Review:
    return Review(decision_id, dict(labels), "because", "ann", "bot")

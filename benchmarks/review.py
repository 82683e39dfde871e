"""What the review queue costs: the next item and a label, and a decision with its item, with many decisions kept.

    python -m benchmarks.review --decisions 200000 [--url postgresql://...]

Half of the items wait; of the others half were labelled by the reviewer who asks for the next one. Times are of whole
transactions: a label is on the disk when it is counted. The last table is of groups of 64 decisions, as the writer
commits them: those that a policy sent to review, which have an item, and those that it allowed, which have none.
"""

import argparse
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from serving.ledger.database import Database
from serving.ledger.entry import Entry
from serving.ledger.queries import insert_entries
from serving.ledger.review_items import item_row
from serving.ledger.tables import chores, decisions, review_actions, review_items
from serving.review.actions import label
from serving.review.audit import Reviewer
from serving.review.figures.figures import figures
from serving.review.queue import Filters, Rules, queue_counts, release, take_next
from serving.settings.ledger import LedgerSettings

#: Of a clock on the wall, and of this process's CPU: SQLite works in it, and on a busy machine that alone says much.
Seconds = tuple[float, float]
_ANN = Reviewer("ann")
_GROUP = 64
_CHUNK = 5000
FILTERS: dict[str, Filters] = {
    "oldest": Filters(),
    "newest": Filters(order="newest"),
    "most uncertain": Filters(order="uncertain"),
    "highest": Filters(order="highest"),
    "a rare policy": Filters(policy="rare"),
    "a rare bank": Filters(bank="rare"),
    "any bank": Filters(bank="*"),
    "a band": Filters(band=9),
    "a policy, highest": Filters(policy="rare", order="highest"),
    "a band and a policy": Filters(band=9, policy="rare"),
    "older than a week": Filters(older_than=timedelta(days=7)),
    "no such policy": Filters(policy="none"),
}


def decision_row(number: int, rng: np.random.Generator, decision: str = "review") -> dict[str, Any]:
    """A row of ``decisions``."""
    return {
        **dict.fromkeys(("kind", "text_source", "text_status", "model_name", "model_version"), "-"),
        **dict.fromkeys(("content_digest", "text_digest", "model_digest", "policy_digest"), uuid.uuid4().hex * 2),
        "decision_id": uuid.uuid4().hex,
        "created_at": datetime.now(UTC) - timedelta(seconds=10 * number),
        "scores": {"hateful": float(rng.uniform(0.3, 1.0))},
        "decision": decision,
        "reasons": ["hateful 0.700 >= review threshold 0.500"],
        "severity": {},
        "policy_name": "rare" if number % 5000 == 1 else "default",
        "policy_version": "1",
        "request_id": "r" * 32,
    }


def fill(database: Database, n: int) -> None:
    """Decisions with their items, half of them decided, and the actions of those that are."""
    rng = np.random.default_rng(0)
    for at in range(0, n, _CHUNK):
        rows = [decision_row(number, rng) for number in range(at, min(at + _CHUNK, n))]
        items, actions = [], []
        for number, row in enumerate(rows, start=at):
            bank = "rare" if number % 5000 == 1 else "many" if number % 10 == 0 else None
            items.append(item_row(row, "policy", "open" if number % 2 else "decided") | {"bank": bank})
            if number % 2 == 0:
                who = "ann" if number % 4 else "ben"
                said = {"kind": "labelled", "reviewer": who, "state": "open", "labels": {"hateful": "hateful"}}
                actions.append(said | {"decision_id": row["decision_id"], "created_at": row["created_at"]})
        with database.writing() as connection:
            connection.execute(decisions.insert(), rows)
            connection.execute(review_items.insert(), items)
            connection.execute(review_actions.insert(), actions)


def taken(database: Database, filters: Filters) -> Iterator[Seconds]:
    """Seconds of taking the next item; it is handed back after each."""
    for _ in range(20):
        yield _seconds(database, lambda connection: take_next(connection, _ANN, filters, Rules()))
        _seconds(database, lambda connection: release(connection, _ANN))


def labelled(database: Database) -> Iterator[Seconds]:
    """Seconds of a label and the next item in one transaction."""

    def submit(connection: sa.Connection) -> None:
        held = take_next(connection, _ANN, Filters(), Rules())
        label(connection, held or "", _ANN, {"hateful": "hateful"}, None, Rules())
        take_next(connection, _ANN, Filters(), Rules())

    for _ in range(20):
        yield _seconds(database, submit)
    _seconds(database, lambda connection: release(connection, _ANN))


def written(database: Database, decision: str) -> Iterator[Seconds]:
    """Seconds of a group of decisions."""
    rng = np.random.default_rng(1)
    for _ in range(30):
        rows = [decision_row(number, rng, decision) for number in range(_GROUP)]
        entries = [Entry(row, None, item=item_row(row, "policy") if decision == "review" else None) for row in rows]
        yield _seconds(database, partial(insert_entries, entries=entries))


def _write_one(connection: sa.Connection) -> None:
    """What the disk takes for any commit."""
    connection.execute(chores.update().where(chores.c.name == "write_probe").values(done_at=datetime.now(UTC)))


def _seconds(database: Database, work: Callable[[sa.Connection], Any]) -> Seconds:
    started, of_cpu = time.perf_counter(), time.process_time()
    with database.writing() as connection:
        work(connection)
    return time.perf_counter() - started, time.process_time() - of_cpu


def _print(name: str, seconds: Iterator[Seconds]) -> None:
    times, of_cpu = 1000 * np.array(list(seconds)).T
    print(f"| {name} | {np.median(times):.1f} | {np.quantile(times, 0.95):.1f} | {np.median(of_cpu):.1f} |")


def measure(database: Database, n: int) -> None:
    """Fill a ledger and print the tables."""
    fill(database, n)
    print("| next item | ms, median | 95 % | of CPU |\n|---|---:|---:|---:|")
    for name, filters in FILTERS.items():
        _print(name, taken(database, filters))
    print("\n| what | ms, median | 95 % | of CPU |\n|---|---:|---:|---:|")
    _print("a transaction that writes one row", (_seconds(database, _write_one) for _ in range(20)))
    _print("a label and the next item", labelled(database))
    _print("counts of the queues", (_seconds(database, queue_counts) for _ in range(5)))
    _print("figures for leads", (_seconds(database, figures) for _ in range(2)))
    for decision in ("allow", "review", "allow", "review"):
        _print(f"{_GROUP} decisions, {decision}", written(database, decision))


def main() -> int:
    """Parse flags and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--decisions", type=int, default=200_000)
    parser.add_argument("--url", help="ledger, which is filled; default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.url or f"sqlite:///{Path(folder)}/ledger.db"
        address = LedgerSettings.model_validate({"ledger_url": url}).ledger_database
        if address is None:
            parser.error("there is no ledger to measure: --url none")
        database = Database(address)
        database.prepare()
        measure(database, arguments.decisions)
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

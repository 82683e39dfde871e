"""Counts of matches over all workers, and quarantine of entries that match too often."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from serving.known.bank import DEFAULT_MATCHES_PER_HOUR
from serving.known.bank_store import quarantine
from serving.ledger.database import Database
from serving.ledger.tables import bank_entries, bank_matches, banks

_MINUTES = 60


@dataclass(frozen=True)
class Flood:
    """An entry that was quarantined, and how often it matched in the last hour."""

    bank: str
    entry: str
    matches: int


def count_matches(database: Database, counts: Mapping[str, int]) -> list[Flood]:
    """Add what one worker saw, by entry; what was quarantined because of it."""
    minute = int(datetime.now(UTC).timestamp()) // _MINUTES
    with database.writing() as connection:
        _add(connection, counts, minute)
        connection.execute(bank_matches.delete().where(bank_matches.c.minute <= minute - _MINUTES))
        over = _over_limit(connection, list(counts), minute)
    if not over:
        return []
    # In a transaction of its own: who changes a bank takes the number of the change before any entry.
    with database.writing() as connection:
        return [Flood(bank, entry, over[entry]) for bank, entry in quarantine(connection, list(over))]


def _add(connection: sa.Connection, counts: Mapping[str, int], minute: int) -> None:
    # In one order everywhere, so that two workers never wait for each other in a circle; an entry may be gone by now.
    there = sa.select(bank_entries.c.entry_id).where(bank_entries.c.entry_id.in_(list(counts)))
    held = there.order_by(bank_entries.c.entry_id).with_for_update(read=True, key_share=True)
    rows = [
        {"entry_id": entry_id, "minute": minute, "matches": counts[entry_id]}
        for entry_id in connection.execute(held).scalars()
    ]
    if not rows:
        return
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(bank_matches)
    more = bank_matches.c.matches + insert.excluded.matches
    connection.execute(
        insert.on_conflict_do_update(index_elements=["entry_id", "minute"], set_={"matches": more}), rows
    )


def _over_limit(connection: sa.Connection, entry_ids: list[str], minute: int) -> dict[str, int]:
    """Matches of the last hour, of those entries that have more than their bank allows and are not quarantined."""
    limit = sa.func.coalesce(banks.c.max_matches_per_hour, DEFAULT_MATCHES_PER_HOUR)
    total = sa.func.sum(bank_matches.c.matches)
    asked = (
        sa.select(bank_matches.c.entry_id, total)
        .join(bank_entries, bank_entries.c.entry_id == bank_matches.c.entry_id)
        .join(banks, banks.c.name == bank_entries.c.bank)
        .where(
            bank_matches.c.entry_id.in_(entry_ids),
            bank_matches.c.minute > minute - _MINUTES,
            bank_entries.c.quarantined_at.is_(None),
        )
        .group_by(bank_matches.c.entry_id, limit)
        .having(total > limit)
    )
    return {entry_id: int(matches) for entry_id, matches in connection.execute(asked)}

"""Statements on the tables of banks, each in the transaction of its caller.

Whoever changes something takes a number from the counter "banks" first and writes it into the rows: those who follow
ask for what is above the number that they know (``changes_since``).
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from model.known.fingerprint import Fingerprint
from serving.known.bank import Bank, BankExistsError, NewEntry, UnknownBankError, UnknownDecisionError
from serving.ledger.queries import count_change, note_removals
from serving.ledger.tables import bank_entries, bank_matches, bank_removals, banks, counters, decisions, fingerprints

#: How long followers that hear of nothing may rely on hearing of every removal later.
REMOVALS_KEPT = timedelta(days=1)
#: Rows that are read or written together.
PAGE = 1000
_BANK_FIELDS = tuple(Bank.__dataclass_fields__)


@dataclass(frozen=True)
class BankSummary:
    """A bank with what is in it."""

    bank: Bank
    created_at: datetime
    entries: int
    quarantined: int


def create_bank(connection: sa.Connection, bank: Bank) -> None:
    """Make an empty bank; raises ``BankExistsError``."""
    change = count_change(connection, "banks")
    if _exists(connection, bank.name):
        raise BankExistsError(f"there is a bank {bank.name!r} already; remove it first, or choose another name")
    connection.execute(banks.insert().values(**asdict(bank), created_at=datetime.now(UTC), change=change))


def delete_bank(connection: sa.Connection, name: str) -> None:
    """Delete a bank with its entries; raises ``UnknownBankError``."""
    change = count_change(connection, "banks")
    _check_exists(connection, name)
    connection.execute(bank_removals.insert().values(change=change, removed_at=datetime.now(UTC), bank=name))
    connection.execute(bank_entries.delete().where(bank_entries.c.bank == name))
    connection.execute(banks.delete().where(banks.c.name == name))
    _forget_old_removals(connection)


def summaries(connection: sa.Connection, name: str | None = None) -> list[BankSummary]:
    """Every bank by name, or the one that is asked for; raises ``UnknownBankError`` when there is no such one."""
    counted = (
        sa.select(
            bank_entries.c.bank,
            sa.func.count().label("entries"),
            sa.func.count(bank_entries.c.quarantined_at).label("quarantined"),
        )
        .group_by(bank_entries.c.bank)
        .subquery()
    )
    asked = sa.select(banks, counted.c.entries, counted.c.quarantined).outerjoin(
        counted, counted.c.bank == banks.c.name
    )
    if name is not None:
        _check_exists(connection, name)
        asked = asked.where(banks.c.name == name)
    return [
        BankSummary(bank_of(row), row["created_at"], row["entries"] or 0, row["quarantined"] or 0)
        for row in connection.execute(asked.order_by(banks.c.name)).mappings()
    ]


def bank_of(row: sa.RowMapping) -> Bank:
    """The bank of a row of ``banks``."""
    return Bank(**{name: row[name] for name in _BANK_FIELDS})


def new_entry_id() -> str:
    """16 hexadecimal digits that say nothing of the entry; as a number it is its key in an index (``key_of``)."""
    return f"{secrets.randbits(63):016x}"


def key_of(entry_id: str) -> int:
    """Key of an entry in an index."""
    return int(entry_id, 16)


def add_entries(connection: sa.Connection, bank: str, entries: Sequence[NewEntry]) -> list[str]:
    """Put entries into a bank; their ids, in order. Raises ``UnknownBankError``."""
    change = count_change(connection, "banks")
    _check_exists(connection, bank)
    common = {"bank": bank, "created_at": datetime.now(UTC), "change": change}
    rows = [{"entry_id": new_entry_id(), **entry.row(), **common} for entry in entries]
    if rows:
        connection.execute(bank_entries.insert(), rows)
    return [str(row["entry_id"]) for row in rows]


def add_entry(connection: sa.Connection, bank: str, entry: NewEntry) -> tuple[str, bool]:
    """The id of an entry, and whether it is new: one that has the same hashes is in the bank already."""
    _check_exists(connection, bank)
    names = ("sha256", "pdq", "words_key")
    # Not IS NOT DISTINCT FROM, for which PostgreSQL uses no index. Compared with None, == is IS NULL.
    same_hashes = (bank_entries.c[name] == value for name, value in zip(names, entry.hashes, strict=True))
    same = sa.select(bank_entries.c.entry_id).where(bank_entries.c.bank == bank, *same_hashes)
    found = connection.execute(same.limit(1)).scalar()
    if found is not None:
        return str(found), False
    return add_entries(connection, bank, [entry])[0], True


def entry_with_file(connection: sa.Connection, bank: str, sha256: str) -> str | None:
    """The entry of a picture file by its digest; None: there is no such one."""
    asked = sa.select(bank_entries.c.entry_id).where(bank_entries.c.bank == bank, bank_entries.c.sha256 == sha256)
    found = connection.execute(asked.limit(1)).scalar()
    return None if found is None else str(found)


def entry_of_decision(
    connection: sa.Connection, decision_id: str, owner: str | None, note: str | None, expires_at: datetime | None
) -> NewEntry:
    """What is kept of a decision, as an entry that is deleted with it; raises ``UnknownDecisionError``."""
    # Held till the entry is written: a deletion of the decision comes before it or takes the entry along.
    held = sa.select(decisions.c.content_digest).where(decisions.c.decision_id == decision_id)
    digest = connection.execute(held.with_for_update(read=True, key_share=True)).scalar()
    if digest is None:
        raise UnknownDecisionError("there is no such decision; it was deleted, or never made here")
    row = connection.execute(fingerprints.select().where(fingerprints.c.decision_id == decision_id)).mappings().first()
    fingerprint = Fingerprint(digest) if row is None else fingerprint_of_row(dict(row) | {"sha256": digest})
    return NewEntry(fingerprint, owner, note, expires_at, decision_id)


def fingerprint_of_row(row: Any) -> Fingerprint:
    """The hashes of a row that has their columns."""
    return Fingerprint(row["sha256"] or "", row["pdq"], row["pdq_quality"], row["words_key"])


def remove_entries(connection: sa.Connection, bank: str, entry_ids: Sequence[str]) -> list[str]:
    """Take entries out of a bank; the ids of those that were there. Raises ``UnknownBankError``."""
    _check_exists(connection, bank)
    asked = sa.select(bank_entries.c.entry_id).where(
        bank_entries.c.bank == bank, bank_entries.c.entry_id.in_(entry_ids)
    )
    there = [str(entry_id) for entry_id in connection.execute(asked).scalars()]
    if there:
        note_removals(connection, there)
        connection.execute(bank_entries.delete().where(bank_entries.c.entry_id.in_(there)))
        _forget_old_removals(connection)
    return there


def entry_rows(
    connection: sa.Connection, bank: str, after: str = "", limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Entries of a bank in the order of their ids, read in pages; raises ``UnknownBankError``."""
    _check_exists(connection, bank)
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        asked = bank_entries.select().where(bank_entries.c.bank == bank, bank_entries.c.entry_id > after)
        page = connection.execute(asked.order_by(bank_entries.c.entry_id).limit(size)).mappings().all()
        yield from (dict(row) for row in page)
        if len(page) < size:
            return
        after = page[-1]["entry_id"]
        left = None if left is None else left - len(page)


def entry_rows_of(connection: sa.Connection, bank: str, entry_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Entries by their ids, in the order asked for; one that is asked for twice is there twice."""
    asked = bank_entries.select().where(bank_entries.c.bank == bank, bank_entries.c.entry_id.in_(entry_ids))
    found = {row["entry_id"]: dict(row) for row in connection.execute(asked).mappings()}
    return [found[entry_id] for entry_id in entry_ids if entry_id in found]


@dataclass(frozen=True)
class Changes:
    """What has changed since a number: all banks as they are now, entries that were written, and what is gone.

    ``removed_banks`` were removed with all the entries that they had by then.
    """

    number: int
    banks: tuple[Bank, ...]
    removed_entries: frozenset[str]
    removed_banks: dict[str, int]


def change_number(connection: sa.Connection) -> int:
    """The number of the last change."""
    number: int = connection.execute(sa.select(counters.c.value).where(counters.c.name == "banks")).scalar_one()
    return number


def changes_since(connection: sa.Connection, number: int) -> Changes:
    """What follows ``number``, but for the entries themselves: see ``entries_since``."""
    # First: what is changed meanwhile is seen in part now, and whole at the next look.
    last = change_number(connection)
    removed = bank_removals.select().where(bank_removals.c.change > number)
    rows = connection.execute(removed.order_by(bank_removals.c.change)).mappings().all()
    return Changes(
        last,
        tuple(bank_of(row) for row in connection.execute(banks.select().order_by(banks.c.name)).mappings()),
        frozenset(row["entry_id"] for row in rows if row["entry_id"] is not None),
        {row["bank"]: row["change"] for row in rows if row["bank"] is not None},
    )


def entries_since(
    connection: sa.Connection, number: int, only: Iterable[str] | None = None
) -> Iterator[Sequence[sa.RowMapping]]:
    """Pages of the entries written after ``number``, oldest change first; of all banks or of ``only`` some."""
    columns = [column for column in bank_entries.c if column.name not in ("owner", "note", "created_at", "decision_id")]
    change, entry_id = bank_entries.c.change, bank_entries.c.entry_id
    asked = sa.select(*columns).order_by(change, entry_id).limit(PAGE)
    if only is not None:
        asked = asked.where(bank_entries.c.bank.in_(list(only)))
    last: tuple[int, str] = (number, "~")  # after every id: they are hexadecimal
    while page := connection.execute(asked.where(sa.tuple_(change, entry_id) > sa.tuple_(*last))).mappings().all():
        yield page
        last = page[-1]["change"], page[-1]["entry_id"]


def quarantine(connection: sa.Connection, entry_ids: Sequence[str]) -> list[tuple[str, str]]:
    """Quarantine entries; bank and id of those that were not so already."""
    change = count_change(connection, "banks")
    marked = (
        bank_entries.update()
        .where(bank_entries.c.entry_id.in_(entry_ids), bank_entries.c.quarantined_at.is_(None))
        .values(quarantined_at=datetime.now(UTC), change=change)
        .returning(bank_entries.c.bank, bank_entries.c.entry_id)
    )
    return [(row.bank, row.entry_id) for row in connection.execute(marked)]


def release(connection: sa.Connection, bank: str, entry_ids: Sequence[str]) -> list[str]:
    """Let quarantined entries decide again; the ids of those that were. Raises ``UnknownBankError``."""
    change = count_change(connection, "banks")
    _check_exists(connection, bank)
    freed = (
        bank_entries.update()
        .where(
            bank_entries.c.bank == bank,
            bank_entries.c.entry_id.in_(entry_ids),
            bank_entries.c.quarantined_at.is_not(None),
        )
        .values(quarantined_at=None, change=change)
        .returning(bank_entries.c.entry_id)
    )
    released = [str(entry_id) for entry_id in connection.execute(freed).scalars()]
    connection.execute(bank_matches.delete().where(bank_matches.c.entry_id.in_(released)))
    return released


def _exists(connection: sa.Connection, name: str) -> bool:
    return connection.execute(sa.select(sa.literal(1)).where(banks.c.name == name)).first() is not None


def _check_exists(connection: sa.Connection, name: str) -> None:
    if not _exists(connection, name):
        raise UnknownBankError("there is no such bank; `memeguard bank list` names those that there are")


def _forget_old_removals(connection: sa.Connection) -> None:
    old = bank_removals.c.removed_at < datetime.now(UTC) - REMOVALS_KEPT
    connection.execute(bank_removals.delete().where(old))

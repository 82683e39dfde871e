"""Import of a file of known memes into a bank: checked whole, then written in parts; done again, it goes on."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.known.bank import NewEntry
from serving.known.bank_files import Format, ReadCounts, read_entries
from serving.known.bank_store import PAGE, add_entries, entries_since, fingerprint_of_row, summaries
from serving.ledger.database import Database

_KEY_BYTES = 16


@dataclass(frozen=True)
class Imported:
    """How many entries were added, were in the bank already, and were signals of another type than PDQ."""

    added: int
    already_there: int
    other_signals: int


def import_entries(
    database: Database,
    bank: str,
    path: Path,
    format: Format | None = None,
    begin: Callable[[int], Callable[[int], None]] = lambda _: lambda _: None,
) -> Imported:
    """Put the entries of a file into a bank.

    ``begin`` is told how many the file has, and gives what is told of each part how many it had. Raises ``BankError``
    before anything is written: for a row that is refused, or a bank that is not there. An entry that the bank has
    already is left out, so that an import that was interrupted goes on where it was.
    """
    with database.reading() as connection:
        summaries(connection, bank)
    saw_rows = begin(sum(1 for _ in read_entries(path, ReadCounts(), format)))
    there = _hashes_in(database, bank)
    counts = ReadCounts()
    part: list[NewEntry] = []
    added = in_part = 0
    for entry in read_entries(path, counts, format):
        in_part += 1
        key = _key(entry)
        if key not in there:
            there.add(key)
            part.append(entry)
        if in_part == PAGE:
            added += _write(database, bank, part)
            saw_rows(in_part)
            part, in_part = [], 0
    added += _write(database, bank, part)
    saw_rows(in_part)
    return Imported(added, counts.entries - added, counts.other_signals)


def _write(database: Database, bank: str, part: list[NewEntry]) -> int:
    if part:
        with database.writing() as connection:
            add_entries(connection, bank, part)
    return len(part)


def _hashes_in(database: Database, bank: str) -> set[bytes]:
    with database.reading() as connection:
        return {
            _key(NewEntry(fingerprint_of_row(row))) for page in entries_since(connection, 0, [bank]) for row in page
        }


def _key(entry: NewEntry) -> bytes:
    """A short digest of the hashes of an entry."""
    return hashlib.blake2b(repr(entry.hashes).encode(), digest_size=_KEY_BYTES).digest()

"""Tables that ``memeguard bank`` prints."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from model.policy.known_memes import BankMatch
from serving.commands.tables import plain
from serving.known.bank_retro import PastMatch
from serving.known.bank_store import BankSummary

#: Rows of one table: a long list is printed as several, as it is read.
_ROWS = 500
_ID_CHARS = {"entry": 16, "decision": 32}


def print_banks(found: Sequence[BankSummary]) -> None:
    """One line a bank."""
    table = Table("bank", "action", "entries", "in quarantine", "expires", "owner", "note")
    for one in found:
        bank = one.bank
        said = (plain(bank.owner or ""), plain(bank.note or ""))
        counts = (str(one.entries), str(one.quarantined))
        table.add_row(bank.name, bank.action, *counts, _day(bank.expires_at), *said)
    Console().print(table)


def print_entries(rows: Iterable[dict[str, Any]]) -> None:
    """One line an entry."""
    _in_tables(("entry", "hashes", "state", "expires", "owner", "note"), map(_entry_cells, rows))


def print_matches(answers: Iterable[tuple[str, Sequence[BankMatch]]]) -> None:
    """One line a match, and one for a meme without any."""
    cells = ((plain(name), *_match_cells(one)) for name, matches in answers for one in _or_none(matches))
    _in_tables(("meme", "bank", "entry", "kind", "action", "picture", "words"), cells)


def _or_none(matches: Sequence[BankMatch]) -> Sequence[BankMatch | None]:
    return list(matches) or [None]


def print_past(found: Iterable[PastMatch]) -> None:
    """One line a past decision."""
    cells = (
        (one.decision_id, f"{one.created_at:%Y-%m-%d %H:%M}", one.decision, *_match_cells(one.match)[1:])
        for one in found
    )
    _in_tables(("decision", "made", "was", "entry", "kind", "action", "picture", "words"), cells)


def _in_tables(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    table = _table(columns)
    for row in rows:
        table.add_row(*row)
        if table.row_count == _ROWS:
            Console().print(table)
            table = _table(columns)
    if table.row_count:
        Console().print(table)


def _table(columns: Sequence[str]) -> Table:
    """Ids are whole however narrow the terminal is: they are typed again."""
    return Table(*(Column(name, min_width=_ID_CHARS.get(name)) for name in columns))


def _entry_cells(row: dict[str, Any]) -> tuple[Any, ...]:
    hashes = [name for name in ("sha256", "pdq", "words_key") if row[name] is not None]
    state = "in quarantine" if row["quarantined_at"] is not None else "counts"
    said = (plain(row["owner"] or ""), plain(row["note"] or ""))
    return row["entry_id"], ", ".join(hashes), state, _day(row["expires_at"]), *said


def _match_cells(found: BankMatch | None) -> tuple[str, ...]:
    if found is None:
        return "", "no match", "", "", "", ""
    action = "quarantine" if found.quarantined else found.bank_action
    picture = "" if found.picture_distance is None else f"{found.picture_distance} bits"
    words = "" if found.words_distance is None else f"{found.words_distance:.2f}"
    return found.bank, found.entry, found.kind, action, picture, words


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"

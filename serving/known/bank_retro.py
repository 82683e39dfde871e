"""Past decisions that a bank would have caught, from what the ledger kept of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from model.known.fingerprint import Fingerprint
from model.known.words import words_key
from model.policy.known_memes import BankMatch
from serving.known.bank_index import BankIndex
from serving.known.bank_store import PAGE, Changes, change_number, entries_since, fingerprint_of_row, summaries
from serving.ledger.database import Database
from serving.ledger.tables import decisions, fingerprints


@dataclass(frozen=True)
class PastMatch:
    """A decision about a meme that the bank knows; ``match`` is the best of its matches."""

    decision_id: str
    caller_id: str | None
    created_at: datetime
    decision: str
    match: BankMatch


@dataclass
class RetroCounts:
    """How many decisions were looked at, and how many of them had no hashes but that of the file."""

    decisions: int = 0
    without_fingerprint: int = 0
    matches: int = 0


def load_banks(connection: sa.Connection, names: Iterable[str], only: Iterable[str] | None = None) -> BankIndex:
    """The banks of these names, with all entries or ``only`` some of them; raises ``UnknownBankError``."""
    names = list(dict.fromkeys(names))
    number = change_number(connection)
    found = tuple(summary.bank for name in names for summary in summaries(connection, name))
    index = BankIndex()
    pages: Iterable[Any] = entries_since(connection, 0, names)
    if only is not None:
        wanted = frozenset(only)
        pages = ([row for row in page if row["entry_id"] in wanted] for page in pages)
    index.apply(Changes(number, found, frozenset(), {}), pages)
    return index


def past_matches(
    database: Database,
    bank: str,
    counts: RetroCounts,
    *,
    since: datetime | None = None,
    only: Iterable[str] | None = None,
) -> Iterator[PastMatch]:
    """Decisions that the entries of a bank match, in the order of their ids, read in pages.

    Raises ``UnknownBankError``. ``counts`` goes along.
    """
    with database.reading() as connection:
        index = load_banks(connection, [bank], only)
    after = ""
    while True:
        with database.reading() as connection:  # a transaction a page: nobody waits for the whole of it
            page = connection.execute(_page(after, since)).mappings().all()
        for row in page:
            counts.decisions += 1
            found = _past_match(index, bank, row, counts)
            if found is not None:
                counts.matches += 1
                yield found
        if len(page) < PAGE:
            return
        after = page[-1]["decision_id"]


def _page(after: str, since: datetime | None) -> sa.Select[Any]:
    columns = ("decision_id", "caller_id", "created_at", "decision", "text")
    hashes = ("pdq", "pdq_quality", "words_key")
    asked = (
        sa.select(
            *(decisions.c[name] for name in columns),
            decisions.c.content_digest.label("sha256"),
            *(fingerprints.c[name] for name in hashes),
        )
        .outerjoin(fingerprints, fingerprints.c.decision_id == decisions.c.decision_id)
        .where(decisions.c.decision_id > after)
        .order_by(decisions.c.decision_id)
        .limit(PAGE)
    )
    return asked if since is None else asked.where(decisions.c.created_at >= since)


def _past_match(index: BankIndex, bank: str, row: Any, counts: RetroCounts) -> PastMatch | None:
    fingerprint = kept_fingerprint(row)
    counts.without_fingerprint += fingerprint.pdq is None and fingerprint.words_key is None
    matches = index.answer(fingerprint, [bank]).matches
    if not matches:
        return None
    return PastMatch(row["decision_id"], row["caller_id"], row["created_at"], row["decision"], matches[0])


def kept_fingerprint(row: Any) -> Fingerprint:
    """As it was kept; of words that were kept themselves the key can still be made."""
    kept = fingerprint_of_row(row)
    if kept.words_key is not None or not row["text"]:
        return kept
    return Fingerprint(kept.sha256, kept.pdq, kept.pdq_quality, words_key(row["text"]))

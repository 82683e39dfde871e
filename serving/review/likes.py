"""Known memes that an item is like: entries of the banks, with their notes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from model.known.fingerprint import Fingerprint
from model.policy.known_memes import BankAnswer, BankMatch
from serving.known.bank_retro import kept_fingerprint
from serving.ledger.tables import bank_entries, decisions, fingerprints


@dataclass(frozen=True)
class KnownLike:
    """An entry that the item's meme was found to be, and what is noted with it."""

    match: BankMatch
    owner: str | None
    note: str | None


def known_likes(
    connection: sa.Connection,
    decision_id: str,
    bank_names: Sequence[str],
    answer: Callable[[Fingerprint, Sequence[str]], BankAnswer],
) -> tuple[KnownLike, ...]:
    """By what the ledger kept of a decision; ``answer`` is that of the worker's ``BankFollower``.

    Where neither hashes nor words were kept, only the same file is found.
    """
    hashes = ("pdq", "pdq_quality", "words_key")
    asked = (
        sa.select(decisions.c.content_digest.label("sha256"), decisions.c.text, *(fingerprints.c[h] for h in hashes))
        .outerjoin(fingerprints, fingerprints.c.decision_id == decisions.c.decision_id)
        .where(decisions.c.decision_id == decision_id)
    )
    row = connection.execute(asked).mappings().first()
    if row is None or not bank_names:
        return ()
    matches = answer(kept_fingerprint(row), bank_names).matches
    noted = sa.select(bank_entries.c.entry_id, bank_entries.c.owner, bank_entries.c.note)
    wanted = noted.where(bank_entries.c.entry_id.in_([match.entry for match in matches]))
    notes = {entry: (owner, note) for entry, owner, note in connection.execute(wanted)}
    return tuple(KnownLike(match, *notes.get(match.entry, (None, None))) for match in matches)

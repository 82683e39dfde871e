"""Index of the banks of one worker: their entries as they are held in memory, and what they say of a meme."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from model.known.entry_index import EntryIndex, EntryMatch
from model.known.fingerprint import Fingerprint
from model.known.matching import Distances, KnownEntry
from model.policy.known_memes import BankAnswer, BankMatch
from serving.known.bank import Bank
from serving.known.bank_store import Changes, key_of

#: Matches of one bank that are told; more of the same would only make answers long.
MAX_MATCHES_TOLD = 20
_NEVER = float("inf")


class _HeldBank:
    """One bank with its entries, by their keys."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self._index = EntryIndex()
        self._expires: dict[int, float] = {}
        self._quarantined: set[int] = set()

    def __len__(self) -> int:
        return len(self._index)

    def seen(self, row: Any) -> KnownEntry | None:
        """Take over the state of a row of ``bank_entries``; its entry, unless that is held.

        Of an entry that is there only the quarantine can have changed.
        """
        key = key_of(row["entry_id"])
        was_quarantined = key in self._quarantined
        if row["expires_at"] is not None:
            self._expires[key] = row["expires_at"].timestamp()
        if row["quarantined_at"] is not None:
            self._quarantined.add(key)
        else:
            self._quarantined.discard(key)
        if was_quarantined:
            return None
        return KnownEntry(row["sha256"], row["pdq"], row["pdq_quality"], row["words_key"])

    def add(self, entries: Mapping[int, KnownEntry]) -> None:
        """Hold entries. Many at once: each addition costs a look at all that is there."""
        self._index.add(entries)

    def remove(self, keys: Sequence[int]) -> None:
        """Forget entries; those of other banks are passed over."""
        self._index.remove(keys)
        for key in keys:
            self._expires.pop(key, None)
            self._quarantined.discard(key)

    def matches(self, fingerprint: Fingerprint, now: float) -> list[BankMatch]:
        """What the meme is, those that decide first, then the nearest."""
        if _moment(self.bank.expires_at) <= now:
            return []
        found = self._index.matches(fingerprint, distances_of(self.bank))
        valid = [one for one in found if self._expires.get(one.key, _NEVER) > now]
        valid.sort(key=lambda one: one.key in self._quarantined)
        return [self._told(one) for one in valid[:MAX_MATCHES_TOLD]]

    def _told(self, found: EntryMatch) -> BankMatch:
        how = found.comparison
        assert how.kind is not None  # noqa: S101  of what an index finds it never is
        return BankMatch(
            self.bank.name,
            f"{found.key:016x}",
            how.kind,
            self.bank.action,
            how.picture_distance,
            how.words_distance,
            how.mirrored,
            found.key in self._quarantined,
        )


class BankIndex:
    """Banks by name. One thread may change it while others ask."""

    def __init__(self) -> None:
        #: Of the last change that is in here.
        self.number = 0
        self._held: dict[str, _HeldBank] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The banks that there are."""
        return tuple(self._held)

    def bank(self, name: str) -> Bank | None:
        """One of them; None: there is no such one."""
        held = self._held.get(name)
        return None if held is None else held.bank

    def n_entries(self) -> int:
        """Entries of all banks."""
        return sum(len(held) for held in self._held.values())

    def apply(self, changes: Changes, pages: Iterable[Sequence[Any]]) -> None:
        """Take over what has changed since ``number``: what is gone first, then what was written."""
        held = {name: one for name, one in self._held.items() if name not in changes.removed_banks}
        for bank in changes.banks:
            found = held.setdefault(bank.name, _HeldBank(bank))
            found.bank = bank
        there = {bank.name for bank in changes.banks}
        self._held = {name: one for name, one in held.items() if name in there}
        gone = [key_of(entry_id) for entry_id in changes.removed_entries]
        if gone:
            for one in self._held.values():
                one.remove(gone)
        self._put(pages, changes.removed_entries)
        self.number = changes.number

    def answer(self, fingerprint: Fingerprint, names: Iterable[str]) -> BankAnswer:
        """What the banks of these names say of a meme."""
        now, held = time.time(), self._held
        matches: list[BankMatch] = []
        missing = []
        for name in names:
            one = held.get(name)
            if one is None:
                missing.append(name)
            else:
                matches += one.matches(fingerprint, now)
        return BankAnswer(tuple(matches), tuple(missing))

    def _put(self, pages: Iterable[Sequence[Any]], removed: frozenset[str]) -> None:
        new: dict[str, dict[int, KnownEntry]] = {}
        for page in pages:
            for row in page:
                held = self._held.get(row["bank"])
                entry = None if held is None or row["entry_id"] in removed else held.seen(row)
                if entry is not None:
                    new.setdefault(row["bank"], {})[key_of(row["entry_id"])] = entry
        for name, entries in new.items():
            self._held[name].add(entries)


def distances_of(bank: Bank) -> Distances:
    """The bank's own distances, the measured ones where it has none."""
    own = Distances()
    return Distances(
        picture=own.picture if bank.picture_distance is None else bank.picture_distance,
        words=own.words if bank.words_distance is None else bank.words_distance,
        min_quality=own.min_quality,
        min_letters=own.min_letters,
    )


def _moment(expires_at: datetime | None) -> float:
    return _NEVER if expires_at is None else expires_at.timestamp()

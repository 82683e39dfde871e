"""Banks of one worker: it holds their entries, follows changes of any worker, and counts what matches."""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from model.known.fingerprint import Fingerprint
from model.policy.known_memes import BankAnswer
from serving.known.bank_floods import Flood, count_matches
from serving.known.bank_index import BankIndex
from serving.known.bank_store import REMOVALS_KEPT, change_number, changes_since, entries_since
from serving.known.poller import Poller
from serving.ledger.database import Database
from serving.ledger.errors import LedgerError
from serving.observability.logs import Event

logger = logging.getLogger("memeguard.banks")

_START_S = 20.0
#: Who has not looked for so long reads everything anew: removals may have been forgotten meanwhile.
_TOO_OLD_S = REMOVALS_KEPT.total_seconds() / 2


class BankFollower:
    """Answers of the banks. ``answer`` may be called on any thread; the rest belongs to one event loop."""

    def __init__(self, database: Database, saw_flood: Callable[[str], None]) -> None:
        """``saw_flood`` is told the bank of each entry that is quarantined."""
        self._database = database
        self._saw_flood = saw_flood
        self._index = BankIndex()
        self._looked_at = time.monotonic()
        self._is_loaded = False
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._looking = threading.Lock()
        self._poller = Poller(self._look, "banks", logger)

    async def start(self) -> None:
        """Read the banks and follow them from now on. Large ones are waited for no longer than a start may take."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                await self._poller.start()

    async def stop(self) -> None:
        """Follow no more, and write what was counted."""
        await self._poller.stop()
        if self._poller.is_started:
            await self._poller.on_thread(self._look)

    def warnings(self, names: Iterable[str]) -> list[str]:
        """What an operator should know whose policies name these banks."""
        if not self._poller.is_started:
            return []
        if not self._is_loaded:
            problem = self._poller.trouble or "they are still being read"
            return [f"banks: not read yet, so that memes are at least reviewed ({problem})"] if any(names) else []
        missing = [name for name in dict.fromkeys(names) if self._index.bank(name) is None]
        return [missing_warning(name) for name in missing]

    @property
    def names(self) -> tuple[str, ...]:
        """The banks that there are."""
        return self._index.names

    def answer(self, fingerprint: Fingerprint, names: Sequence[str]) -> BankAnswer:
        """What the banks of these names say of a meme."""
        return self._index.answer(fingerprint, names)

    def count(self, answer: BankAnswer) -> None:
        """Let matches count towards the flood limits of their entries."""
        with self._counting:
            self._counts.update(match.entry for match in answer.matches if not match.quarantined)

    def _look(self) -> None:
        with self._looking:  # a look that was given up goes on on its thread
            self._write_counts()
            self._read_changes()

    def _read_changes(self) -> None:
        now = time.monotonic()
        anew = not self._is_loaded or now - self._looked_at > _TOO_OLD_S
        # Until it is whole nobody is answered by it: a bank that is half read would be silent.
        index = BankIndex() if anew else self._index
        with self._database.reading() as connection:
            if anew or change_number(connection) != index.number:
                changes = changes_since(connection, index.number)
                index.apply(changes, entries_since(connection, index.number))
                logger.info(Event("banks read", banks=len(index.names), entries=index.n_entries()))
        self._index = index
        self._is_loaded = True
        self._looked_at = now

    def _write_counts(self) -> None:
        with self._counting:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            floods = count_matches(self._database, counts)
        except LedgerError:
            with self._counting:
                self._counts.update(counts)
            raise
        for flood in floods:
            self._told(flood)

    def _told(self, flood: Flood) -> None:
        logger.warning(
            Event("bank entry quarantined", bank=flood.bank, entry=flood.entry, matches_in_an_hour=flood.matches)
        )
        self._saw_flood(flood.bank)


def missing_warning(name: str) -> str:
    """What an operator should know where a policy names a bank that is not there."""
    return (
        f"banks: a policy names the bank {name!r}, and there is no such one, so that memes are at least reviewed; make "
        f"it with `memeguard bank create {name}`"
    )

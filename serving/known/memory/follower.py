"""Memory of one worker: it holds the remembered memes, follows changes of any worker, and wakes those that sleep.

A memory is fitted anew when something changed, on a thread; until then the one of before votes. With the time of a fit
a change is followed within two seconds, up to some thousand memes.
"""

import logging

from sqlalchemy.exc import IntegrityError

from model import MemeguardError, Scorer
from model.known.memory import Memory, RememberedMeme
from serving.known.memory.features import features_of, meme_of
from serving.known.memory.store import memory_number, next_sleeper, note_change, put_features, stored_memes
from serving.known.poller import Poller
from serving.ledger.database import Database
from serving.ledger.errors import LedgerError
from serving.observability.logs import Event

logger = logging.getLogger("memeguard.memory")


def fitted(memes: list[RememberedMeme], scorer: Scorer) -> Memory | None:
    """The memory of these memes; None of none."""
    tasks = [task.name for task in scorer.bundle.tasks if task.kind == "binary"]
    return Memory(memes, tasks) if memes else None


def votes_told(n_memes: int, n_asleep: int) -> list[str]:
    """What the user of a command should know whose scores a memory moves."""
    lines = [f"memory: {n_memes:,} remembered memes vote; --no-memory judges without them"]
    if n_asleep:
        lines.append(
            f"Warning: memory: {n_asleep:,} remembered memes have no vote, since other bundles alone saw them; a "
            "server with this bundle looks at them again, where their content is kept"
        )
    return lines


class MemoryFollower:
    """``current`` may be read on any thread; the rest belongs to one event loop."""

    def __init__(self, database: Database, scorer: Scorer) -> None:
        """``scorer`` says which features count, and makes those anew that another bundle gave."""
        self._database = database
        self._scorer = scorer
        self._number = -1
        self._poller = Poller(self._look, "memory", logger)
        #: What votes now; None before the first look, and where nothing is remembered.
        self.current: Memory | None = None

    async def start(self) -> None:
        """Read the memory and follow it from now on."""
        await self._poller.start(then=self._wake)

    async def stop(self) -> None:
        """Follow no more."""
        await self._poller.stop()

    def _look(self) -> None:
        with self._database.reading() as connection:
            number = memory_number(connection)
            if number == self._number:
                return
            stored = stored_memes(connection, self._scorer.model.digest)
        memes = [meme for one in stored if (meme := one.remembered()) is not None]
        self.current = fitted(memes, self._scorer)
        self._number = number
        if stored:
            logger.info(Event("memory read", memes=len(memes), asleep=len(stored) - len(memes)))

    async def _wake(self) -> None:
        """Make the features anew of memes that another bundle saw, one at a time, and look meanwhile."""
        at = ""
        n_woken = 0

        def wake_next() -> None:
            nonlocal at, n_woken
            at, n_made = wake_one(self._database, self._scorer, at)
            n_woken += n_made

        while True:
            before = at
            await self._poller.on_thread(wake_next)
            if at in ("", before):
                break
            await self._poller.on_thread(self._look)
        if n_woken:
            logger.info(Event("remembered memes woken", memes=n_woken))


def wake_one(database: Database, scorer: Scorer, after: str) -> tuple[str, int]:
    """Make the features of the next sleeper after this id: its id, "" for none, and how many were made, 0 or 1."""
    digest = scorer.model.digest
    with database.reading() as connection:
        content = next_sleeper(connection, digest, after)
    if content is None:
        return "", 0
    try:
        features = features_of(meme_of(content, scorer), scorer)
        with database.writing() as connection:
            put_features(connection, content.id, digest, features)
            note_change(connection)
    except LedgerError:
        raise
    except IntegrityError:  # another worker was faster, or the meme is gone
        return content.id, 0
    except MemeguardError as error:
        logger.warning(Event("remembered meme not woken", meme=content.id, problem=str(error)))
        return content.id, 0
    return content.id, 1

"""Polling loop of who follows changes that any worker makes in the ledger's database."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from serving.ledger.errors import LedgerError
from serving.observability.logs import Event, log_crash

#: A change is followed within two of these, which is within two seconds.
_LOOK_EVERY_S = 0.5


class Poller:
    """Looks again and again, on a thread, whatever becomes of a look. Belongs to one event loop."""

    def __init__(self, look: Callable[[], None], followed: str, logger: logging.Logger) -> None:
        """``look`` may raise ``LedgerError``, which is logged once until a look succeeds again.

        ``followed`` says in the log what was not followed then.
        """
        self._look = look
        self._followed = followed
        self._logger = logger
        self._task: asyncio.Task[None] | None = None
        self._has_looked = asyncio.Event()
        #: Why the last look came to nothing; None where it did not.
        self.trouble: str | None = None

    @property
    def is_started(self) -> bool:
        """Whether it looks, or has looked until it was stopped."""
        return self._task is not None

    async def start(self, then: Callable[[], Awaitable[None]] | None = None) -> None:
        """Look from now on, and wait for the first look to end. ``then`` is done after it, and before any other."""
        self._task = asyncio.create_task(self._run(then))
        await self._has_looked.wait()

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def on_thread(self, work: Callable[[], None]) -> None:
        """Do something as a look is done: no error of it gets out."""
        try:
            await asyncio.to_thread(work)
        except LedgerError as error:
            if self.trouble is None:
                self._logger.warning(Event(f"{self._followed} not followed", problem=str(error)))
            self.trouble = str(error)
        except Exception as error:  # a bug here must not leave changes unfollowed in silence
            log_crash(self._logger, error, f"following the {self._followed} crashed")
        else:
            self.trouble = None

    async def _run(self, then: Callable[[], Awaitable[None]] | None) -> None:
        await self.on_thread(self._look)
        self._has_looked.set()
        if then is not None:
            await then()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self.on_thread(self._look)

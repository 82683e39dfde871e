"""Store of the policies of this worker, by name, and of the file they come from, which may change while it serves."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from model import Policy, Scorer
from model.policy.file import PolicyFile, PolicyFileError, PolicySet
from serving.observability.logs import Event, log_crash
from serving.problems import ProblemError
from serving.settings import Settings

logger = logging.getLogger("memeguard.policies")

#: A file that still changes after this long is being written, and read at the next look.
_SETTLING_S = 0.2


class PolicyStore:
    """Policies by name; one of them is used where a request names none.

    ``current`` is replaced as a whole and never changed, so a request that has its policy keeps it.
    """

    def __init__(self, current: PolicySet, file: PolicyFile | None = None, *, look_every_s: float = 5.0) -> None:
        self.current = current
        #: What an operator should know though requests are answered; None: nothing.
        self.warning: str | None = None
        self._file = file
        self._look_every_s = look_every_s
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, settings: Settings, scorer: Scorer) -> "PolicyStore":
        """The policies of the file that ``settings`` name, else the scorer's own.

        Raises ``PolicyFileError`` for a file that cannot be used.
        """
        if settings.policy_file is None:
            return cls(PolicySet({scorer.policy.name: scorer.policy}, scorer.policy.name))
        categories = () if scorer.categories is None else scorer.categories.names
        return cls.of_file(PolicyFile(settings.policy_file, scorer.bundle, categories), settings.policy_reload_s)

    @classmethod
    def of_file(cls, file: PolicyFile, look_every_s: float) -> "PolicyStore":
        """The policies of a file; raises ``PolicyFileError``."""
        return cls(_ready(file.read()), file, look_every_s=look_every_s)

    def get(self, name: str | None) -> Policy:
        """A policy by name, the default for None; raises ``ProblemError`` 422 naming those that there are."""
        current = self.current
        found = current.policies.get(current.default if name is None else name)
        if found is None:
            known = ", ".join(current.policies)
            raise ProblemError(422, "unknown_policy", f"there is no such policy; known: {known}")
        return found

    def start(self, saw_reload: Callable[[bool], None]) -> None:
        """Look for changes from now on, and tell ``saw_reload`` how each went. Call it in the event loop."""
        if self._file is not None:
            self._watching = asyncio.create_task(self._watch(self._file, saw_reload))

    async def stop(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self, file: PolicyFile, saw_reload: Callable[[bool], None]) -> None:
        while True:
            await asyncio.sleep(self._look_every_s)
            try:
                went_well = await asyncio.to_thread(self._look, file)
            except Exception as error:  # a bug here must not leave the file unwatched in silence
                log_crash(logger, error, "looking at the policy file crashed")
                continue
            if went_well is not None:
                saw_reload(went_well)

    def _look(self, file: PolicyFile) -> bool | None:
        """Read the file anew if it changed. True: it is in force; False: it was refused; None: nothing new."""
        if not file.has_changed():
            return None
        before = file.fingerprint()
        time.sleep(_SETTLING_S)
        if file.fingerprint() != before:
            return None
        try:
            self.current = _ready(file.read())
        except PolicyFileError:
            return self._refused(file)
        self.warning = None
        logger.info(Event("policies read anew", default=self.current.default, policies=len(self.current.policies)))
        return True

    def _refused(self, file: PolicyFile) -> bool:
        """Say so, without what is wrong: that may quote the file, and this goes to the log."""
        self.warning = (
            f"policies: {file.path} was changed and is refused (`memeguard policy check` says why); "
            "the policies of before stay in force"
        )
        logger.error(Event("the changed policy file is refused; the policies of before stay in force"))
        return False


def _ready(policies: PolicySet) -> PolicySet:
    """The same, with what is made at first use made now and not in a request."""
    for policy in policies.policies.values():
        _ = policy.digest, policy.words
    return policies

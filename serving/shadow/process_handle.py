"""Handle on the process of a shadow bundle: it is started when it is needed, and again when it has ended."""

import os
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from serving.shadow.messages import BundleSpec, ShadowFailure, ShadowJudgement, ShadowMeme

_ROOT = Path(__file__).parents[2]
#: It loads a bundle at the lowest priority; and how long one meme may take, a busy machine included.
_START_S = 600.0
_MEME_S = 300.0
#: Between two starts, doubled up to a minute: a bundle that ends every process should not keep a core busy.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_ENDED = ShadowFailure("process_ended")
#: The answer for what was under way when the server stopped.
STOPPED = ShadowFailure("stopped")


class ProcessHandle:
    """One process at a time. ``judge`` belongs to the thread that lives as long as the process should.

    The kernel ends the process with that thread. ``end`` may be called on any thread.
    """

    def __init__(self, spec: BundleSpec) -> None:
        self._spec = spec
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._start_after = 0.0
        self._wanted = True
        self._is_ready = False
        #: Why it cannot judge now, for the operator; None: all is well.
        self.problem: str | None = None

    def judge(self, meme: ShadowMeme) -> ShadowJudgement | ShadowFailure:
        """Have one meme judged, in a new process if need be."""
        if self._connection is None and (failure := self._start()) is not None:
            return failure
        found = self._asked(meme, _MEME_S)
        if isinstance(found, ShadowJudgement):
            self._pause_s = _FIRST_PAUSE_S
        if found is not None:
            return found
        return _ENDED if self._wanted else STOPPED

    def prepare(self) -> None:
        """Start the process before the first meme comes."""
        self._start()

    @property
    def is_ready(self) -> bool:
        """Whether the bundle is loaded there."""
        return self._is_ready

    def end(self) -> None:
        """End the process, and start no other."""
        self._wanted = False
        if (process := self._process) is not None:
            process.kill()
            process.wait()

    def _start(self) -> ShadowFailure | None:
        """Why none could be started; None: it is ready."""
        if not self._wanted or time.monotonic() < self._start_after:
            return _ENDED
        try:
            self._begin()
        except OSError as error:
            self._give_up(f"its process cannot be started ({error.strerror})")
            return _ENDED
        found = self._asked(self._spec, _START_S)
        if isinstance(found, ShadowFailure):
            self._give_up(found.reason)
        self._is_ready = self._connection is not None
        return None if self._is_ready else _ENDED

    def _begin(self) -> None:
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            handle = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-m", "serving.shadow.bundle_process", str(handle), str(os.getpid())],
                pass_fds=[handle],
                env=os.environ | {"PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
            )
            self._connection = Connection(ours.detach())

    def _asked(self, message: object, timeout_s: float) -> ShadowJudgement | ShadowFailure | None:
        """The answer; None: ready, or it ended, which leaves no connection."""
        connection = self._connection
        if connection is None:
            return None
        try:
            connection.send(message)
            if connection.poll(timeout_s):
                found: ShadowJudgement | ShadowFailure | None = connection.recv()
                self.problem = None
                return found
        except (EOFError, OSError):
            self._give_up("its process ended")
        else:
            self._give_up(f"it did not answer in {timeout_s:g} s")
        return None

    def _give_up(self, problem: str) -> None:
        """Forget the process; another may be started after a pause."""
        self._is_ready = False
        self.problem = f"{problem}; it is started again"
        self._start_after = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

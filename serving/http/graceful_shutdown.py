"""Graceful shutdown at SIGTERM: what was accepted is finished, what comes then is refused, nobody is left hanging.

uvicorn alone would stop listening at once. But the supervisor holds the same listening socket until its last worker
has ended, so callers would still be let in by the kernel, wait for a worker that never comes, and be cut off at the
end. So the signal is taken here first:

1. New requests are answered with 503 ``stopping``; every answer says that its connection closes.
2. When no request is under way, or the grace is over and those that are have been ended with the same answer, whoever
   the kernel has let in is fetched, and the last worker closes the listening socket for all processes at the same
   moment: from then on a connection is refused.
3. Those that were fetched get their answers. Then uvicorn stops as it would have.
"""

import asyncio
import fcntl
import logging
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import IO

from uvicorn import Server

from serving.inference.admission import Admission
from serving.third_party_internals import uvicorn_has_connections, uvicorn_protocol, uvicorn_server

logger = logging.getLogger("memeguard.stopping")

#: Time in which callers who keep connections open hear, with their next answer, that theirs closes.
_NOTICE_S = 0.5
#: Time for the callers accepted last to send their request and hear that it is refused.
_LAST_REQUESTS_S = 1.0
_POLL_S = 0.02


def stop_gracefully(admission: Admission, grace_s: float) -> None:
    """Take SIGTERM over from uvicorn, if it serves this app in this thread. Call it in the event loop."""
    server = uvicorn_server()
    if server is not None and threading.current_thread() is threading.main_thread():
        shutdown = _Shutdown(server, admission, grace_s)
        signal.signal(signal.SIGTERM, lambda *_: shutdown.begin())


class _Shutdown:
    """The shutdown of one worker."""

    def __init__(self, server: Server, admission: Admission, grace_s: float) -> None:
        self._server = server
        self._admission = admission
        self._grace_s = grace_s
        self._loop = asyncio.get_running_loop()
        self._workers = _Workers()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Called as a signal's handler, between any two instructions of the event loop's thread."""
        self._loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        if self._task is None:
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        ends = time.monotonic() + self._grace_s
        self._admission.stopping = True
        logger.info("stopping: %d requests are under way", self._admission.n_requests)
        try:
            await asyncio.sleep(min(_NOTICE_S, self._grace_s))
            while self._admission.n_requests and time.monotonic() < ends:
                await asyncio.sleep(_POLL_S)
            self._admission.end_all()
            await self._stop_listening()
            await self._answer_last_requests()
        finally:
            # Whatever still runs has had its time.
            self._server.config.timeout_graceful_shutdown = 1
            self._server.handle_exit(signal.SIGTERM, None)

    async def _stop_listening(self) -> None:
        """No more connections; those that the kernel has already accepted for us are taken in."""
        is_last = self._workers.leave()
        for listening in self._server.servers:
            copies = [listener.dup() for listener in listening.sockets]
            listening.close()
            for listener in copies:
                accepted = _accept_all(listener)
                if is_last:
                    _shut(listener)
                listener.close()
                for connection in accepted:
                    await self._loop.connect_accepted_socket(lambda: uvicorn_protocol(self._server), connection)

    async def _answer_last_requests(self) -> None:
        ends = time.monotonic() + _LAST_REQUESTS_S
        while uvicorn_has_connections(self._server) and time.monotonic() < ends:
            await asyncio.sleep(_POLL_S)


class _Workers:
    """The workers of one supervisor. Each holds a shared lock; the one that can have it alone is the last.

    The file lies in the folder that the supervisor made for its workers' metrics. Where there is none, this process
    is the only one.
    """

    def __init__(self) -> None:
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        self._lock: IO[bytes] | None = None
        if folder:
            self._lock = (Path(folder) / f"workers-of-{os.getppid()}.lock").open("ab")
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Let go of the lock; True when no other worker holds it."""
        if self._lock is None:
            return True
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _accept_all(listener: socket.socket) -> list[socket.socket]:
    accepted: list[socket.socket] = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # nobody else waits, or a sibling has closed the socket for all
            return accepted
        connection.setblocking(False)
        accepted.append(connection)


def _shut(listener: socket.socket) -> None:
    """Close a listening socket for every process that holds it. One that listens on it again opens it again."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:  # a sibling was faster
        logger.debug("the listening socket was closed already")

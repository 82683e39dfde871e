"""A connection to Ray: a cluster that is there, or a Ray of our own that listens on loopback and leaves nothing."""

import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from serving.batch.errors import BatchError

#: Sockets lie in a folder in here, whose names may have 107 characters: TMPDIR may be too long for that.
SHORT_FOLDER = "/tmp"  # noqa: S108
#: Ray hands this to the processes that it starts; in its own way it would keep a token in the user's home.
_TOKEN = secrets.token_hex(32)
#: What goes through Ray is the names of files; this is the least that it takes.
_OBJECT_STORE_BYTES = 80 * 1024 * 1024
_KNOCK_S = 10.0
#: Ray's own code in C++ writes to the terminal; what ends a run comes as an exception all the same.
_QUIET = {"RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_USAGE_STATS_ENABLED": "0", "RAY_TQDM": "0"}
_OWN = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": _TOKEN,
    # Off, Ray takes 127.0.0.1 for this machine's address and listens nowhere else. Read when ray is imported.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


@contextmanager
def ray_session(address: str | None, n_cpus: int) -> Iterator[None]:
    """Be connected to the cluster at ``address`` or RAY_ADDRESS; without one, to a Ray of our own with ``n_cpus``.

    Those are a count that Ray keeps, not cores. Raises ``BatchError`` when there is no such cluster.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    with _connected(address) if address else _own_ray(n_cpus):
        yield


@contextmanager
def _connected(address: str) -> Iterator[None]:
    with _variables(_QUIET):
        import ray  # noqa: PLC0415  reads variables when it is imported

        try:
            _knock(address)
            with _without_stderr():
                ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
            _end_in_silence()
        except Exception as error:  # Ray raises its own, ConnectionError, RuntimeError, ValueError
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise BatchError(f"there is no Ray cluster to be had at {address}: {reason}") from error
        try:
            yield
        finally:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError when nobody listens at ``host:port``, where Ray would try for minutes; "auto" is Ray's to find."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()


@contextmanager
def _own_ray(n_cpus: int) -> Iterator[None]:
    folder = Path(tempfile.mkdtemp(prefix=f"memeguard-ray-{os.getpid()}-", dir=SHORT_FOLDER))
    try:
        with _variables(_QUIET | _OWN):
            import ray  # noqa: PLC0415  reads variables when it is imported

            with _without_stderr():
                ray.init(
                    address="local",
                    num_cpus=n_cpus,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.CRITICAL,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    _temp_dir=str(folder),
                )
            _end_in_silence()
            try:
                yield
            finally:
                ray.shutdown()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_in_silence() -> None:
    """On SIGTERM Ray's code in C++ prints where it was; its handler in Python, which ends the process, is enough."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))


@contextmanager
def _variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Environment variables, for this process and those that it starts, put back at the end."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Drop what is written to the descriptor of stderr: Ray says there that it was told to be quiet."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

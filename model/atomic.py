"""Files that processes share: written whole or not at all, locked, told apart by their sha256."""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step; see ``open_atomically``."""
    with open_atomically(path) as file:
        file.write(content)


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """A file to write ``path`` through: under a temporary name beside it, flushed to the disk at the end, then renamed.

    A reader sees the old file or the new one. Two writers may meet at one path: the last rename wins, and both files
    were whole. A killed writer leaves a ``.tmp`` file that nobody reads.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # `open` gives the file the permissions that the user's umask asks for; `tempfile` and a chmod would not.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


@contextmanager
def lock_file(path: Path, *, in_use: Exception | None = None, mode: int = 0o666) -> Iterator[int]:
    """Hold the file ``path`` alone, made with ``mode`` if need be; gives its descriptor. Ends with the process at last.

    While another process holds it, ``in_use`` is raised; without one, this process waits.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, mode)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if in_use else 0))
        except BlockingIOError as error:
            raise in_use or error from error
        yield descriptor
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> str:
    """sha256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush_folder(folder: Path) -> None:
    """The rename itself reaches the disk with its folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

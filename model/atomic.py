"""Files that are whole or not there, whenever the writer is killed."""

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


def _flush_folder(folder: Path) -> None:
    """The rename itself reaches the disk with its folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

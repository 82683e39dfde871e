"""Keys file: changed whole and by one writer at a time, followed by the servers that read it."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import ValidationError

from model.atomic import lock_file, write_atomically
from model.errors import MemeguardError
from model.errors.validation import in_words
from serving.security.keys import KeyEntry, KeyList

logger = logging.getLogger("memeguard.keys")
_OTHERS = 0o077
_LOOK_AGAIN_S = 0.5


class KeyFileError(MemeguardError):
    """The keys file cannot be read or changed; the message says what to do."""


def read_keys(path: Path) -> KeyList:
    """The keys of ``path``; raises ``KeyFileError``. The message never holds what the file holds."""
    try:
        return KeyList.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise KeyFileError(f"{path}: no such keys file; make one with `memeguard keys create NAME --file`") from error
    except OSError as error:
        raise KeyFileError(f"{path}: the keys file cannot be read ({error.strerror})") from error
    except ValidationError as error:
        told = in_words(error, "the document")
        raise KeyFileError(f"{path}: no keys file of `memeguard keys`: {told}") from error


def change_keys(path: Path, change: Callable[[KeyList], KeyList]) -> None:
    """Replace the keys by what ``change`` makes of them. Two writers wait for each other; readers see old or new."""
    with _alone(path):
        exists = path.exists()
        mode = path.stat().st_mode & 0o777 if exists else 0o600
        keys = change(read_keys(path) if exists else KeyList())
        before = os.umask(0o777 & ~mode)
        try:
            write_atomically(path, keys.model_dump_json(indent=2).encode() + b"\n")
        finally:
            os.umask(before)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(lock_file(path.with_name(f"{path.name}.lock"), mode=0o600))
        except OSError as error:
            raise KeyFileError(f"{path}: the keys file cannot be written ({error.strerror})") from error
        yield


class Keyring:
    """The keys of a running server. It looks for a newer file at most every half second, when a request asks."""

    def __init__(self, path: Path) -> None:
        """Raises ``KeyFileError`` when there is no readable file at the start."""
        self._path = path
        self._stamp = _stamp(path)
        self._looked_s = time.monotonic()
        self._keys = read_keys(path)
        self._warn_if_open()

    def find(self, key: str) -> KeyEntry | None:
        """The entry of a key that is in force now."""
        self._follow()
        return self._keys.find(key)

    def by_id(self, key_id: str) -> KeyEntry | None:
        """The same of a key that was recognised before."""
        self._follow()
        return self._keys.by_id(key_id)

    def _follow(self) -> None:
        """Read the file again if it changed. One that became unreadable is an error in the log; the last keys stay."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_AGAIN_S:
            return
        self._looked_s = now_s
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = read_keys(self._path)
        except KeyFileError as error:
            logger.error("the keys stay as they were: %s", error)  # noqa: TRY400  the reason is in the message
        else:
            logger.info("keys=%d in force", len(self._keys.keys))
            self._warn_if_open()

    def _warn_if_open(self) -> None:
        mode = self._path.stat().st_mode & 0o777
        if mode & _OTHERS:
            logger.warning("%s has mode %03o: other users can reach it; chmod 600 closes it", self._path, mode)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Differs when the file was changed or replaced; None without a file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size

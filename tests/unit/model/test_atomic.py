"""Files written in one step."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from model.atomic import file_digest, lock_file, open_atomically, write_atomically


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert [(item.name, item.read_bytes()) for item in path.parent.iterdir()] == [("file.json", b"two")]


def fail_in_the_middle(path: Path) -> None:
    with open_atomically(path) as file:
        file.write(b"half of the new")
        raise OSError("the disk is full")


def test_a_writer_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    write_atomically(path, b"old")
    with pytest.raises(OSError, match="disk"):
        fail_in_the_middle(path)
    assert [(item.name, item.read_bytes()) for item in tmp_path.iterdir()] == [("file.bin", b"old")]


def test_permissions_are_those_that_the_umask_asks_for(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "private", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600


def test_a_locked_file_is_refused_until_it_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock_file(path) as descriptor:
        os.pwrite(descriptor, b"held", 0)
        with pytest.raises(BusyError, match="wait"), lock_file(path, in_use=BusyError("wait")):
            pass
    with lock_file(path, in_use=BusyError("wait")):
        assert path.read_bytes() == b"held"


def test_who_names_no_error_waits_for_a_locked_file(tmp_path: Path) -> None:
    order = []

    def second() -> None:
        with lock_file(tmp_path / "lock"):
            order.append("second")

    with lock_file(tmp_path / "lock"):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.3)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]


def test_a_lock_has_the_permissions_that_are_asked_for(tmp_path: Path) -> None:
    with lock_file(tmp_path / "lock", mode=0o600):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_the_digest_of_a_file_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert file_digest(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()


class BusyError(Exception):
    """Raised by who does not wait."""

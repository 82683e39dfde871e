"""Files written in one step."""

import os
from pathlib import Path

import pytest

from model.atomic import open_atomically, write_atomically


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

"""Files of this machine: what a folder and a glob give, and what may not be passed over."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.batch.errors import BatchError
from serving.batch.input.files import Files
from serving.batch.input.walk import find, may_match_below


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b [1]/a.png", "b [1]/c d/a.png", "b [1]/.hidden/a.png", ".a.png", "c.png/e.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


@pytest.fixture
def shut() -> Iterator[Path]:
    """A folder in which one may not be read, by nobody who is not root."""
    folder = Path(tempfile.mkdtemp())
    (folder / "in" / "shut").mkdir(parents=True)
    for path in (folder, folder / "in"):
        path.chmod(0o755)
    for name in ("in/a.png", "in/shut/b.png"):
        (folder / name).touch()
    (folder / "in" / "shut").chmod(0)
    user = os.geteuid()
    os.seteuid(user or 65534)
    yield folder / "in"
    os.seteuid(user)
    (folder / "in" / "shut").chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.png", ["a.png"]),
        ("*/*.png", ["b [1]/a.png", "c.png/e.png"]),
        ("*/c d/a.png", ["b [1]/c d/a.png"]),
        ("b [[]1]/*", ["b [1]/a.png"]),
        ("*/.hidden/*", ["b [1]/.hidden/a.png"]),
        (".*", [".a.png"]),
        ("**/a.png", ["a.png", "b [1]/a.png", "b [1]/c d/a.png"]),
        ("**", ["a.png", "b [1]/a.png", "b [1]/c d/a.png", "c.png/e.png"]),
        ("**/c*/**/*.png", ["b [1]/c d/a.png", "c.png/e.png"]),
        ("x*", []),
    ],
)
def test_a_glob_gives_files_in_order_and_each_once(folder: Path, pattern: str, names: list[str]) -> None:
    assert find(f"{folder}/{pattern}") == [f"{folder}/{name}" for name in names]


def test_a_linked_folder_is_followed_unless_it_leads_back(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "x.png").touch()
    (folder / "link").symlink_to(elsewhere)
    (folder / "b [1]" / "loop").symlink_to(folder)
    assert find(f"{folder}/**/[ax].png") == [
        f"{folder}/{name}" for name in ("a.png", "b [1]/a.png", "b [1]/c d/a.png", "link/x.png")
    ]


@pytest.mark.parametrize("below", ["", "/**/*.png", "/*/*.png", "/shut/*.png"])
def test_a_folder_that_may_not_be_read_is_refused_and_not_passed_over(shut: Path, below: str) -> None:
    with pytest.raises(BatchError, match=r"cannot be opened: .*Permission denied: '.*/in/shut"):
        Files(f"{shut}{below}")


def test_a_glob_that_does_not_go_into_a_shut_folder_is_no_concern_of_its(shut: Path) -> None:
    assert list(Files(f"{shut}/*.png")) == [f"{shut}/a.png"]


@pytest.mark.parametrize(
    ("pattern", "below", "may"),
    [
        ("*.parquet", "", True),
        ("*.parquet", "out", False),
        ("*/*.parquet", "out", True),
        ("in-*/*.parquet", "out", False),
        ("*/*.parquet", "out/deep", False),
        ("in-*/**", "out", False),
        ("in-*/**", "in-1/out", True),
        ("**/in/*", "out/in", True),
        ("**/*.png", "any/where/out", True),
    ],
)
def test_a_glob_tells_whether_it_may_find_files_in_a_folder(pattern: str, below: str, may: bool) -> None:
    assert may_match_below(Path(pattern).parts, Path(below).parts) is may

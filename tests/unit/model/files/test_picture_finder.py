"""The picture that a cell of a table names: every way of writing a path, and what is not guessed."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.picture_files import encoded, gradient

from model.files import picture_finder
from model.files.folder_index import FolderIndex
from model.files.picture_finder import Found, PictureFinder, Several, usual_folders

PNG = encoded(gradient())
#: Letters of several scripts and marks, percent signs, blanks, quotes, brackets; nothing that a path cannot hold.
LETTERS = st.characters(categories=("L", "M", "N", "P", "S", "Zs"), exclude_characters="/\\:|")
STEMS = st.text(LETTERS, min_size=1, max_size=20).filter(
    lambda text: text.strip(".") == text and len(text.encode()) < 180
)


def placed(folder: Path, *names: str) -> PictureFinder:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(PNG)
    return PictureFinder(folder, *usual_folders(folder))


def found(finder: PictureFinder, cell: str) -> Path:
    result = finder.find(cell)
    assert isinstance(result, Found), (cell, result)
    return result.path


def written(path: Path, folder: Path) -> Iterator[str]:
    """Every way in which a table may write a path below a folder."""
    name = path.relative_to(folder)
    windows = str(PureWindowsPath(name))
    yield from (str(name), str(path), path.as_uri(), path.as_uri().replace("file:///", "file://localhost/"))
    yield from (path.as_uri().replace("file:///", "file:/"), f"file://{path}", quote(str(name)))
    yield from (windows, f".\\{windows}", f"./{name}", f"C:\\data\\{windows}", f"d:/some where/{name}")
    yield from (PureWindowsPath("C:\\memes", name).as_uri(), f"\\\\server\\share\\{windows}", f"/home/ann/{name}")
    yield from (f' "{name}" ', f"\ufeff{name}\r\n", unicodedata.normalize("NFD", str(name)))


@settings(deadline=None, max_examples=50)
@given(stem=STEMS, suffix=st.sampled_from([".png", ".JPG", ".jpg_large", ".jfif"]))
def test_a_path_is_found_in_whatever_way_a_table_writes_it(stem: str, suffix: str) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place).resolve()
        finder = placed(folder, f"some folder/{stem}{suffix}")
        path = folder / "some folder" / f"{stem}{suffix}"
        cells = list(written(path, folder))
        assert {cell: found(finder, cell) for cell in cells} == dict.fromkeys(cells, path)


@settings(deadline=None, max_examples=50)
@given(number=st.integers(0, 10**9), width=st.integers(0, 12), suffix=st.sampled_from(["", ".png", ".jpg"]))
def test_a_number_that_lost_its_zeros_or_became_a_float_finds_its_file(number: int, width: int, suffix: str) -> None:
    with TemporaryDirectory() as place:
        finder = placed(Path(place), f"{number:0{width}}.png", f"{number + 1:0{width}}.png")
        for cell in (str(number), f"{number:09}", f"{number}.0", f"{number}.", f"{number:,}", f"{number:.0f}.00"):
            assert found(finder, cell + suffix) == Path(place, f"{number:0{width}}.png")


@pytest.mark.parametrize("cell", ["1e5", "1E+05", "1.0e5", "1.00000E+05", "100000.0", "100,000"])
def test_a_number_in_scientific_notation_finds_its_file(tmp_path: Path, cell: str) -> None:
    assert found(placed(tmp_path, "img/100000.png", "img/00001.png"), cell) == tmp_path / "img" / "100000.png"


def test_digits_that_were_rounded_away_are_not_guessed(tmp_path: Path) -> None:
    finder = placed(tmp_path, "1234567.png", "1234571.png", "2345678.png")
    assert isinstance(finder.find("1.23457e+06"), Several)
    assert found(finder, "2.34568e+06").name == "2345678.png"
    assert finder.find("1.5") is finder.find("1e-5") is finder.find("x1") is None


@pytest.mark.parametrize(
    ("cell", "files", "taken", "by"),
    [
        ("IMG/A.PNG", ["img/a.png"], "img/a.png", "letter case or form of Unicode"),
        ("a.jpeg", ["a.JPG", "a.png"], "a.JPG", "suffix"),
        ("a.jpg:large", ["a.jpg_large"], "a.jpg_large", "suffix"),
        ("a.jpg?name=orig&x=/", ["a.jpg"], "a.jpg", "rest after its suffix"),
        ("a.jpg", ["a"], "a", "suffix"),
        ("file:/in/a%20b.png", ["in/a b.png"], "in/a b.png", "file URI, percent encoding, path of another machine"),
        ("a", ["a.webp"], "a.webp", "with a suffix"),
        ("a.png", ["memes/a.png"], "memes/a.png", "in another of its folders"),
        ("/else/where/img/a.png", ["a.png", "img/a.png"], "img/a.png", "path of another machine"),
        ("7.png", ["007.jpg", "0007.png"], "0007.png", "number"),
        ("100%25.png", ["100%25.png", "100%.png"], "100%25.png", ""),
        ("É.png", ["E\u0301.png", "e\u0301.png"], "E\u0301.png", "letter case or form of Unicode"),
    ],
)
def test_what_was_taken_instead_of_a_name_is_said(
    tmp_path: Path, cell: str, files: list[str], taken: str, by: str
) -> None:
    assert placed(tmp_path, *files).find(cell) == Found(tmp_path / taken, tuple(filter(None, by.split(", "))))


@pytest.mark.parametrize(
    ("cell", "files"),
    [
        ("a.PNG", ["A.png", "a.png"]),
        ("a", ["a.png", "a.jpg"]),
        ("1", ["01.png", "001.png"]),
        ("IMG/a.png", ["img/a.png", "Img/a.png"]),
        ("x.jpg:large", ["x.jpg_large", "x.jpg_orig"]),
    ],
)
def test_where_several_files_fit_none_is_taken(tmp_path: Path, cell: str, files: list[str]) -> None:
    result = placed(tmp_path, *files).find(cell)
    assert isinstance(result, Several)
    assert sorted(result.paths) == sorted(tmp_path / file for file in files)
    assert str(result).startswith("2 files fit (")


def test_a_uri_of_a_file_that_is_there_names_it_exactly(tmp_path: Path) -> None:
    finder = placed(tmp_path, "img/50% off.png")
    for cell in ((tmp_path / "img" / "50% off.png").as_uri(), f"file://{tmp_path}/img/50% off.png"):
        assert finder.find(cell) == Found(tmp_path / "img" / "50% off.png")


def test_a_text_file_of_that_name_is_no_picture(tmp_path: Path) -> None:
    finder = placed(tmp_path, "b.png")
    (tmp_path / "a").write_text("words")
    (tmp_path / "7").write_text("words")
    assert finder.find("a.png") is finder.find("007") is finder.find(".b.png") is None


@pytest.mark.parametrize(
    "cell", ["C:\\x\\..\\..\\a.png", "/no/../../a.png", "IN/../../a.png", "file:///C:/../a.png", ""]
)
def test_an_inexact_path_never_goes_up(tmp_path: Path, cell: str) -> None:
    placed(tmp_path, "a.png", "in/b.png")
    assert PictureFinder(tmp_path / "in").find(cell) is None


def test_names_that_no_file_can_have_are_not_there(tmp_path: Path) -> None:
    finder = placed(tmp_path, "a.png")
    assert [
        finder.find(cell) for cell in ("a" * 5000, "a" * 300, "a\0.png", "half \ud800.png", "%00", "//", "C:\\")
    ] == [None] * 7


def test_a_folder_is_listed_once_and_not_at_all_for_exact_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = placed(tmp_path, *(f"img/{number:05}.png" for number in range(50)))
    listed: list[Path] = []

    class Counted(FolderIndex):
        def __init__(self, folder: Path) -> None:
            listed.append(folder)
            super().__init__(folder)

    monkeypatch.setattr(picture_finder, "FolderIndex", Counted)
    for number in range(50):
        found(finder, f"img/{number:05}.png")
    assert listed == []
    for number in range(50):
        found(finder, f"IMG\\{number}.PNG")
        assert finder.find(f"gone{number}.png") is None
    assert sorted(listed) == [tmp_path, tmp_path / "img"]


def test_a_link_among_the_pictures_is_followed_as_an_exact_name_would_be(tmp_path: Path) -> None:
    placed(tmp_path, "elsewhere/a.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "img").symlink_to(tmp_path / "elsewhere")
    finder = PictureFinder(tmp_path / "in")
    assert found(finder, "img/a.png") == found(finder, "IMG\\A.png") == tmp_path / "in" / "img" / "a.png"

"""Pictures as rows write them: what batch finds is what training finds, and what it was found by is said."""

import csv
import json
import unicodedata
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.batch import rows_of, run_here, write_jsonl
from support.pictures import meme
from support.tiny import TinyBundle

from model import Failure, MemeLimits
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.image_loader import ImageLoader
from serving.batch.input.items import Columns, Item
from serving.batch.input.picture_paths import PicturePaths, Resolved
from training.datasets import read_generic

STEMS = st.text(
    st.characters(categories=("L", "M", "N", "P", "Zs"), exclude_characters='/\\:|"'), min_size=1, max_size=12
)


def resolved(table: Path, protocols: frozenset[str] = frozenset({"file"})) -> list[Resolved]:
    paths = PicturePaths(protocols)
    return [paths.resolve(item) for item in BatchInput(str(table), Columns()).items()]


def spellings(path: Path, folder: Path) -> list[str]:
    name = path.relative_to(folder)
    windows = str(PureWindowsPath(name))
    return [
        str(name), str(path), path.as_uri(), f"file://{path}", quote(str(name)), windows, f".\\{windows}",
        f"C:\\data\\{windows}", PureWindowsPath("D:/data", name).as_uri(), f"\\\\server\\share\\{windows}",
        f"/home/ann/memes/{name}", str(name).replace("img", "IMG"), f" {name} ", f"{name}?size=large",
        unicodedata.normalize("NFD", str(name)), str(name.with_suffix(".jpeg")), str(name.with_suffix("")),
    ]  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(stem=STEMS.filter(lambda stem: stem.strip(". ") == stem and "." not in stem))
def test_batch_and_training_find_the_same_file_in_whatever_way_a_table_writes_it(stem: str) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place).resolve()
        path = folder / "img" / f"{stem}.jpg"
        path.parent.mkdir()
        path.write_bytes(b"picture")
        cells = spellings(path, folder)
        with (folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "image", "label"), *((n, cell, 0) for n, cell in enumerate(cells))])
        assert [one.item.image for one in resolved(folder / "t.csv")] == [str(path)] * len(cells)
        assert [sample.image for sample in read_generic(folder, "all").samples] == [path] * len(cells)


def test_an_exact_name_is_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    monkeypatch.setattr("serving.batch.input.picture_paths.PictureFinder", None)
    table = write_jsonl(
        tmp_path / "t.jsonl", [{"id": 1, "image": "a.png"}, {"id": 2, "image": str(tmp_path / "a.png")}]
    )
    assert [one.found for one in resolved(table)] == [None, None]


def test_nothing_is_looked_for_where_files_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    table = write_jsonl(tmp_path / "t.jsonl", [{"id": 1, "image": "A.PNG"}])
    items = list(BatchInput(str(table), Columns()).items())
    assert [one.item for one in resolved(table, frozenset({"https"}))] == items
    elsewhere = Item("here", "1", "https://host/A.PNG", folder=str(tmp_path))
    assert PicturePaths(frozenset({"file", "https"})).resolve(elsewhere) == Resolved(elsewhere)


@pytest.mark.parametrize(
    "image", ["../A.PNG", "..\\A.PNG", "C:\\..\\..\\A.PNG", "file:///C:/../A.PNG", "in/../../A.PNG"]
)
def test_no_other_name_is_looked_for_above_the_folder_of_the_table(tmp_path: Path, image: str) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    (tmp_path / "in").mkdir()
    (one,) = resolved(write_jsonl(tmp_path / "in" / "t.jsonl", [{"id": 1, "image": image}]))
    assert isinstance(one.failure or ImageLoader(frozenset({"file"}), MemeLimits(), 9.0).meme(one.item), Failure)


def test_a_run_says_in_rows_manifest_and_summary_what_was_found_otherwise(tmp_path: Path, tiny: TinyBundle) -> None:
    for name in ("img/a.png", "img/b.jpg", "two/x.png", "two/X.png", "two/y.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(meme())
    images = ["img/a.png", "img\\a.png", "IMG/B.JPG", "two/x.PNG", "C:\\gone\\z.png", "two/gone.png"]
    table = write_jsonl(
        tmp_path / "t.jsonl", [{"id": n, "image": image, "text": "words"} for n, image in enumerate(images)]
    )
    totals = run_here(table, tmp_path / "out", bundle=tiny.bundle.path, sample_review=6)
    rows = rows_of(tmp_path / "out")
    assert [row["image_found"] for row in rows] == [
        None,
        {"path": str(tmp_path / "img" / "a.png"), "by": "backslashes"},
        {"path": str(tmp_path / "img" / "b.jpg"), "by": "letter case or form of Unicode"},
        None, None, None,
    ]  # fmt: skip
    assert [row["error"] and row["error"]["message"] for row in rows] == [
        None, None, None,
        "two/x.PNG: 2 files fit ('X.png', 'x.png'), and none is taken",
        f"C:\\gone\\z.png: a path of another machine, and no end of it is a file below {tmp_path}",
        f"{tmp_path}/two/gone.png: No such file or directory",
    ]  # fmt: skip
    assert totals.found == {"backslashes": 1, "letter case or form of Unicode": 1}
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["counts"]["found"] == totals.found
    assert len((tmp_path / "out" / "review" / "review.jsonl").read_text().splitlines()) == 3

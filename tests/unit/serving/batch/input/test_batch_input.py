"""Where the input of a batch run comes from: files, folders, globs and archives, and the ids of pictures."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.batch import write_jsonl
from support.pictures import meme

from serving.batch.errors import BatchError
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.items import Columns, Item

ROWS: list[dict[str, Any]] = [{"id": 1, "image": "a.png", "text": "one"}, {"id": "two", "image": "sub/b.png"}]


def items_of(address: object, **columns: str) -> list[Item]:
    return list(BatchInput(str(address), Columns(**columns)).items())


def ids_of(address: object) -> list[str | None]:
    return [item.id for item in items_of(address)]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Pictures in two folders, with what lies about in such folders."""
    folder = tmp_path / "pictures"
    for name in ("b.JPG", "_a.png", "deep/er/c.webp", "deep/b.JPG", "0f3a", "photo.heic", ".DS_Store", "notes.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"some notes" if name == "notes.txt" else meme())
    return folder


def test_pictures_of_a_folder_are_named_by_their_paths_below_it(pictures: Path) -> None:
    assert ids_of(pictures) == ["0f3a", "_a.png", "b.JPG", "deep/b.JPG", "deep/er/c.webp", "photo.heic"]
    assert items_of(pictures)[3].image == str(pictures / "deep" / "b.JPG")


def test_pictures_of_a_glob_are_named_by_their_paths_below_its_fixed_part(pictures: Path) -> None:
    assert ids_of(pictures / "*" / "*.JPG") == ["deep/b.JPG"]
    assert ids_of(pictures / "**" / "*.[wJ]*") == ["b.JPG", "deep/b.JPG", "deep/er/c.webp"]


def test_one_picture_is_named_by_its_file_name_even_when_it_looks_like_a_glob(tmp_path: Path) -> None:
    (tmp_path / "a[1]*.png").write_bytes(meme())
    assert ids_of(tmp_path / "a[1]*.png") == ["a[1]*.png"]


def test_a_file_name_that_is_no_text_gets_an_id_that_is(tmp_path: Path) -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    (tmp_path / name).write_bytes(meme())
    (item,) = items_of(tmp_path)
    assert item.id == "caf\\udce9.png"
    assert Path(str(item.image)).read_bytes() == meme()


def test_relative_pictures_lie_beside_their_table_and_addresses_stay_as_they_are(tmp_path: Path) -> None:
    rows = [*ROWS, {"id": 3, "image": "https://host/c.png"}, {"id": 4, "image": "/d.png"}, {"id": 5, "image": ""}]
    path = write_jsonl(tmp_path / "t.jsonl", rows)
    assert [item.image for item in items_of(path)] == [
        f"{tmp_path}/a.png", f"{tmp_path}/sub/b.png", "https://host/c.png", "/d.png", None,
    ]  # fmt: skip


def test_tables_of_a_folder_are_read_in_order_and_the_pictures_beside_them_are_theirs(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "2.jsonl", [{"id": "c", "image": "x.png"}])
    write_jsonl(tmp_path / "1.ndjson", [{"id": "a", "image": "x.png"}, {"id": "b", "image": "x.png"}])
    write_jsonl(tmp_path / "_old.jsonl", [{"id": "z", "image": "x.png"}])
    (tmp_path / "x.png").write_bytes(meme())
    assert ids_of(tmp_path) == ids_of(f"file://{tmp_path}") == ["a", "b", "c"]
    assert ids_of(tmp_path / "_old.jsonl") == ["z"]


def test_a_relative_address_means_the_same_file_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_jsonl(tmp_path / "t.jsonl", ROWS)
    monkeypatch.chdir(tmp_path)
    source = BatchInput("t.jsonl", Columns())
    monkeypatch.chdir("/")
    assert source.address == str(tmp_path / "t.jsonl")
    assert len(list(BatchInput(source.address, Columns()).items())) == 2


def test_an_archive_is_read_by_a_chained_address_that_its_pictures_get_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(write_jsonl(tmp_path / "t.jsonl", ROWS), "data/t.jsonl")
        archive.writestr("data/sub/b.png", meme())
    source = BatchInput(f"zip://data/*.jsonl::{tmp_path}/in.zip", Columns())
    second = list(source.items())[1]
    assert second.image == f"zip://data/sub/b.png::{tmp_path}/in.zip"
    assert source.protocols == {"zip", "file"}
    assert ids_of(f"zip://data/sub::{tmp_path}/in.zip") == ["b.png"]


def test_files_that_are_neither_picture_nor_table_are_counted(pictures: Path) -> None:
    assert BatchInput(str(pictures), Columns()).n_passed_over == 1
    write_jsonl(pictures / "t.jsonl", ROWS)
    write_jsonl(pictures / "_t.jsonl", ROWS)
    assert BatchInput(str(pictures), Columns()).n_passed_over == 2


def test_a_stamp_changes_with_any_file(pictures: Path) -> None:
    before = BatchInput(str(pictures), Columns()).stamp()
    assert BatchInput(str(pictures), Columns()).stamp() == before
    (pictures / "deep" / "b.JPG").write_bytes(b"another")
    assert BatchInput(str(pictures), Columns()).stamp() != before


def test_an_output_inside_of_a_folder_that_is_read_is_seen(pictures: Path) -> None:
    assert BatchInput(str(pictures), Columns()).covers(pictures / "deep" / "out")
    assert BatchInput(str(pictures / "**" / "*.png"), Columns()).covers(pictures / "out")
    assert not BatchInput(str(pictures / "*.png"), Columns()).covers(pictures / "out")
    assert BatchInput(str(pictures / "*" / "*"), Columns()).covers(pictures / "out")
    assert not BatchInput(str(pictures / "deep" / "*" / "*"), Columns()).covers(pictures / "out")
    assert not BatchInput(str(pictures), Columns()).covers(pictures.parent / "out")
    assert not BatchInput(str(pictures / "b.JPG"), Columns()).covers(pictures / "out")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/no/such/file.csv", "there is nothing at /no/such/file.csv"),
        ("nothing://here", "cannot be opened"),
        ("", "INPUT is empty"),
        ("{folder}/*.parquet", r"no file matches .*/\*.parquet; where \[, "),
        ("{folder}/*.txt", "no file that can be scored"),
        ("{folder}/notes.txt", "no file that can be scored"),
        ("{folder}/empty", "no file that can be scored"),
        ("{folder}/mixed", "holds csv and jsonl files; give one kind"),
    ],
)
def test_an_address_without_input_is_refused(pictures: Path, address: str, words: str) -> None:
    (pictures / "empty").mkdir()
    (pictures / "mixed").mkdir()
    (pictures / "mixed" / "a.csv").write_text("id,image\n")
    write_jsonl(pictures / "mixed" / "a.jsonl", ROWS)
    with pytest.raises(BatchError, match=words):
        BatchInput(address.format(folder=pictures), Columns())

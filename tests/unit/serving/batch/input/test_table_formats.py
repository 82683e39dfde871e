"""Formats and encodings of tables, and files of a folder that are pictures by their content."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.batch import write_jsonl
from support.pictures import meme

from serving.batch.errors import BatchError
from serving.batch.input import json_rows as json_rows_module
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.items import Columns, Item
from serving.batch.input.json_rows import json_rows

ROWS = [{"id": "1", "image": "é.png", "text": "a, b"}, {"id": "2", "image": "b.png", "text": "line\nbreak"}]
WRITTEN = {
    "list": json.dumps(ROWS),
    "list, indented": json.dumps(ROWS, indent=2, ensure_ascii=False),
    "lines": "\n".join(map(json.dumps, ROWS)),
    "indented, one after the other": "\n\n".join(json.dumps(row, indent=1) for row in ROWS),
    "by id": json.dumps({row["id"]: {key: row[key] for key in ("image", "text")} for row in ROWS}),
}
CELLS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3
)
ROWS_OF_ANYTHING = st.dictionaries(st.text(), CELLS, max_size=3)


def items_of(path: Path) -> list[Item]:
    return list(BatchInput(str(path), Columns()).items())


def facts(items: list[Item]) -> list[tuple[object, ...]]:
    return [(item.id, Path(str(item.image)).name, item.text) for item in items]


EXPECTED = [(row["id"], row["image"], row["text"]) for row in ROWS]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_a_json_file_holds_its_rows_in_any_of_the_usual_ways(tmp_path: Path, written: str, encoding: str) -> None:
    (tmp_path / "t.json").write_bytes(written.encode(encoding))
    assert facts(items_of(tmp_path / "t.json")) == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize(
    ("name", "sign"), [("t.csv", ","), ("t.csv", ";"), ("t.csv", "\t"), ("t.TSV", "\t"), ("t.tsv", ",")]
)
def test_a_table_is_read_in_its_encoding_and_by_its_separator(
    tmp_path: Path, name: str, sign: str, encoding: str
) -> None:
    lines = [["id", "image", "text"], *([f'"{value}"' for value in row.values()] for row in ROWS)]
    (tmp_path / name).write_bytes("\r\n".join(sign.join(line) for line in lines).encode(encoding))
    assert facts(items_of(tmp_path / name)) == EXPECTED


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(ROWS_OF_ANYTHING, max_size=4),
    step=st.integers(1, 9),
    indent=st.sampled_from([None, 1]),
)
def test_rows_are_the_same_however_a_file_is_cut_into_pieces(rows: list[Any], step: int, indent: int | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows_module, "_STEP", step)
        assert list(json_rows(StringIO(json.dumps(rows, indent=indent)), "id", 10**6)) == rows
        lines = "\n".join(json.dumps(row) for row in [{"id": 0}, *rows])
        assert list(json_rows(StringIO(lines), "id", 10**6)) == [{"id": 0}, *rows]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('[{"id": 1, "image": "a"}', "row 2 .*the list has no end: was the file cut"),
        ('[{"id": 1, "image": "a"} {"id": 2}]', "no comma between two rows"),
        ('[{"id": 1, "image": "a"}] x', "something follows the list"),
        ('[{"id": 1, "image": "a"}, {"id": 2, ', "is no JSON file at row 2"),
        ('{"id": 1, "image": "a"}\n[]', "row 2 is no JSON object"),
        ("[1]", "row 1 is no JSON object"),
        ("[" * 100_000, "is no JSON file at row 1"),
        ('{"data": [{"id": 1}]}', "no column 'id' and no column 'image'; it has 'data'"),
        ('[{"image": "a"}]', "no column 'id'"),
    ],
)
def test_a_json_file_that_is_not_whole_is_refused_with_what_is_wrong(tmp_path: Path, written: str, words: str) -> None:
    (tmp_path / "t.json").write_text(written)
    with pytest.raises(BatchError, match=words):
        items_of(tmp_path / "t.json")


def test_a_row_without_an_end_is_not_read_into_memory() -> None:
    with pytest.raises(ValueError, match="Unterminated string"):
        list(json_rows(StringIO('[{"id": "' + "x" * 5_000_000), "id", 1000))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp1251"])
@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.jsonl"])
def test_another_encoding_is_refused_with_the_one_to_use(tmp_path: Path, name: str, encoding: str) -> None:
    word = "été" if encoding != "cp1251" else "лето"
    content = (
        f"id,image,text\n1,a.png,{word}\n"
        if name == "t.csv"
        else json.dumps({"id": 1, "image": word}, ensure_ascii=False)
    )
    (tmp_path / name).write_bytes(content.encode(encoding))
    with pytest.raises(
        BatchError, match=r"no UTF-8 .*; save it as UTF-8 \('CSV UTF-8' in Excel; iconv -f WINDOWS-1252"
    ):
        items_of(tmp_path / name)


def test_what_pandas_writes_for_nothing_is_neither_a_picture_nor_words_beside_one(tmp_path: Path) -> None:
    rows = [
        ("1", "a.png", "nan", "x,nan"),
        ("2", "NaN", "words", ""),
        ("3", "", "None", ""),
        ("4", "a.png", "none of us", ""),
    ]
    (tmp_path / "t.csv").write_text(
        "id,image,text,tags\n" + "".join(",".join(f'"{c}"' for c in row) + "\n" for row in rows)
    )
    assert [(item.image is None, item.text, item.tags) for item in items_of(tmp_path / "t.csv")] == [
        (False, None, ("x",)), (True, "words", ()), (True, "None", ()), (False, "none of us", ()),
    ]  # fmt: skip


def test_a_name_that_a_table_took_for_a_number_is_a_name(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", [{"id": 1, "image": 7}, {"id": 2, "image": 7.0}, {"id": 3, "image": None}])
    assert [item.image for item in items_of(path)] == [f"{tmp_path}/7", f"{tmp_path}/7.0", None]


def test_files_of_a_folder_are_pictures_by_their_first_bytes_or_their_names(tmp_path: Path) -> None:
    pictures = ("0f3a", "a.jpg_large", "b.jpg:orig", "c.JFIF", "d.txt", "e.dat", "f f%20.x.y")
    for name in pictures:
        (tmp_path / name).write_bytes(meme(0, "JPEG"))
    (tmp_path / "damaged.png").write_bytes(b"no picture: a row with an error says so")
    for name in ("README", "notes.md", "page.html", "empty", "BMW"):
        (tmp_path / name).write_bytes(b"BMW and other words" if name != "empty" else b"")
    source = BatchInput(str(tmp_path), Columns())
    assert [item.id for item in source.items()] == sorted([*pictures, "damaged.png"])
    assert source.n_passed_over == 5


def test_json_beside_pictures_says_something_of_them_and_alone_is_the_table(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(WRITTEN["list"])
    assert facts(items_of(tmp_path)) == facts(items_of(tmp_path / "*.json")) == EXPECTED
    (tmp_path / "b.png").write_bytes(meme())
    source = BatchInput(str(tmp_path), Columns())
    assert ([item.id for item in source.items()], source.n_passed_over) == (["b.png"], 1)
    write_jsonl(tmp_path / "t.jsonl", [{"id": "x", "image": "b.png"}])
    assert [item.id for item in items_of(tmp_path)] == ["x"]

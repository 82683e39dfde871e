"""Tables of a batch run as rows: what each format can hold, and what is refused with its location."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.batch import write_jsonl
from support.pictures import meme

from serving.batch.errors import BatchError
from serving.batch.input import readers
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.items import Columns, Item


def items_of(path: Path, **columns: str) -> list[Item]:
    return list(BatchInput(str(path), Columns(**columns)).items())


def parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_csv_may_begin_with_a_byte_order_mark_and_hold_lines_within_cells(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["id", "image", "text", "tags"], ["007", "a.png", 'two\nlines, "quoted"', "x, y,"]])
        writer.writerows([["8", "b.png", "", ""], [], ["9", "c.png"]])
    first, second, third = items_of(path)
    assert (first.id, first.text, first.tags) == ("007", 'two\nlines, "quoted"', ("x", "y"))
    assert (second.text, second.tags) == (None, ())
    assert third.image == str(tmp_path / "c.png")


def test_a_cell_that_a_row_leaves_out_at_its_end_is_not_given(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "id,image,text\n1,a.png\n")
    assert items_of(path)[0].text is None


def test_a_table_may_be_packed(tmp_path: Path) -> None:
    for name, content in (("t.csv.gz", "id,image\n1,a.png\n"), ("T.JSONL.GZ", '{"id": 1, "image": "a.png"}\n')):
        (item,) = items_of(written(tmp_path / name, gzip.compress(content.encode())))
        assert (item.id, item.image) == ("1", str(tmp_path / "a.png"))


def test_json_lines_give_numbers_as_ids_lists_as_tags_and_pictures_in_themselves(tmp_path: Path) -> None:
    url = "data:image/png;base64,AAAA"
    rows = [{"id": 12, "image": url, "text": "a", "tags": ["x,y", None, " "]}, {"id": "b", "text": "alone"}]
    path = written(tmp_path / "t.jsonl", "\ufeff" + "\n\n".join(map(json.dumps, rows)))
    first, second = items_of(path)
    assert (first.id, first.image, first.tags) == ("12", url, ("x,y",))
    assert (second.image, second.text, second.location) == (None, "alone", f"{path} row 3")


def test_parquet_holds_pictures_as_bytes_as_paths_and_as_hugging_face_stores_them(tmp_path: Path) -> None:
    plain = parquet(tmp_path / "a.parquet", {"id": [1, 2, 3], "image": [meme(), b"", None], "text": ["a", "b", "c"]})
    assert [item.image for item in items_of(plain)] == [meme(), b"", None]
    pairs = [{"bytes": meme(), "path": "x.png"}, {"bytes": None, "path": "y.png"}, None]
    stored = parquet(tmp_path / "b.parquet", {"id": ["p", "q", "r"], "image": pairs, "tags": [["t"], [], None]})
    assert [item.image for item in items_of(stored)] == [meme(), str(tmp_path / "y.png"), None]
    assert [item.tags for item in items_of(stored)] == [("t",), (), ()]


def test_cells_of_other_types_become_text_and_what_tables_write_for_nothing_is_nothing(tmp_path: Path) -> None:
    columns = {"id": [b"x", b"y"], "image": ["a.png", "b.png"], "text": [float("nan"), 1.5], "tags": ["a,b", None]}
    first, second = items_of(parquet(tmp_path / "t.parquet", columns))
    assert (first.id, first.text, first.tags) == ("x", None, ("a", "b"))
    assert (second.id, second.text, second.tags) == ("y", "1.5", ())


def test_columns_may_have_other_names_and_a_table_may_be_of_words_alone(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", {"key": [1], "img": ["a.png"], "says": ["words"]})
    (item,) = items_of(path, id="key", image="img", text="says")
    assert (item.id, item.image, item.text) == ("1", str(tmp_path / "a.png"), "words")
    (item,) = items_of(path, id="key", image="", text="says")
    assert (item.image, item.text) == (None, "words")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "t.csv",
            "key,img\n1,a\n",
            "no column 'id' and no column 'image'; it has 'key', 'img'. Name them with --id-column",
        ),
        ("t.csv", "", "it has none"),
        ("t.csv", "id,text\n1,a\n", "no column 'image'.*--image-column '' judges words alone"),
        ("t.csv", "id,id,image\n1,2,a\n", "two columns 'id'"),
        ("t.csv", 'id,image,text\n1,a,"open\n2,b,c\n', "is no CSV file at row 1.*unexpected end of data"),
        ("t.csv", "id;img\n1;a\n", "no column 'image', being separated by ';' and not by commas; it has 'id;img'"),
        ("t.csv", "id, image\n1,a\n", "no column 'image'; it has 'id', ' image'"),
        ("t.csv", "id,text,image\n1,words\n", "row 1 ends before its column 'image': was the file cut"),
        ("t.csv.gz", gzip.compress(b"id,image\n1,a\n" * 9000)[:-20], "is no CSV file at row .*EOFError"),
        ("t.jsonl.gz", b'{"id": 1, "image": "a"}\n', "cannot be read at line 1: Not a gzipped file"),
        ("t.csv", "id,image,text\n1,a,b,c\n", "row 1 has 4 cells under 3 columns: is a comma not quoted"),
        ("t.csv", b"id,image\n1,\xe9\n", "is no CSV file at row 1: .* no UTF-8 .*; save it as UTF-8"),
        ("t.jsonl", '{"id": 1, "image": "a"}\n{"id": 2,', "row 2 is not JSON"),
        ("t.jsonl", "[" * 100_000, "row 1 is not JSON"),
        ("t.jsonl", "[1]\n", "row 1 is no JSON object"),
        ("t.jsonl", '{"key": 1, "image": "a"}\n', "no column 'id'; it has 'key', 'image'"),
        ("t.jsonl", '{"id": 1, "text": "a"}\n{"id": 2, "img": "a"}\n', "no column 'image'; it has 'id', 'text', 'img'"),
        ("t.jsonl", b'{"id": 1, "image": "\xff"}\n', "is no JSON Lines file at line 1"),
        ("t.jsonl", '{"id": [1], "image": "a"}\n', "row 1: column 'id' holds a list, not one value"),
        ("t.jsonl", '{"id": "\\ud800", "image": "a"}\n', "half a character"),
        ("t.jsonl", '{"id": 1, "image": ["a"]}\n', "column 'image' holds list, not a path or bytes"),
        ("t.parquet", b"PAR1 no more", "no whole Parquet file"),
    ],
)
def test_a_table_that_cannot_be_scored_whole_is_refused_with_what_is_wrong(
    tmp_path: Path, name: str, content: str | bytes, words: str
) -> None:
    with pytest.raises(BatchError, match=words):
        items_of(written(tmp_path / name, content))


def test_a_parquet_file_that_was_cut_or_damaged_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", {"id": list(range(5000)), "image": [f"{n}.png" for n in range(5000)]})
    content = bytearray(path.read_bytes())
    content[10_000:10_400] = bytes(400)
    for damaged in (path.read_bytes()[:-20], bytes(content)):
        with pytest.raises(BatchError, match=r"no whole Parquet file|cannot be read"):
            items_of(written(tmp_path / "damaged.parquet", damaged))


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_LARGEST_CELL", 1000)
    with pytest.raises(BatchError, match="row 2 has more than 1000 characters"):
        items_of(written(tmp_path / "t.jsonl", '{"id": 1, "image": "a"}\n' + " " * 5000))


def test_large_pictures_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    # As a writer of pictures stores them: each for itself, and packed, so that the file is small.
    large = parquet(
        tmp_path / "a.parquet",
        {"id": [1, 2, 3], "image": [bytes([n]) * 9_000_000 for n in range(3)]},
        use_dictionary=False,
    )
    sizes = [len(item.image or b"") for item in items_of(large)]
    assert sizes == [9_000_000] * 3
    assert readers._batch_rows(pq.ParquetFile(large, pre_buffer=False)) == 1
    small = parquet(tmp_path / "b.parquet", {"id": ["a"], "image": [b"1"]})
    assert readers._batch_rows(pq.ParquetFile(small)) == 64


def test_a_row_of_json_may_leave_out_what_others_have(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", [{"id": 1, "text": "alone"}, {"id": 2, "image": "a.png"}])
    assert [item.image for item in items_of(path)] == [None, str(tmp_path / "a.png")]

"""What a table holds: its encoding and separator by its first bytes, cells that say nothing, pictures by content."""

import codecs
from pathlib import Path

import pytest
from support.picture_files import encoded, gradient

from model.files.cells import says_nothing
from model.files.picture_names import SUFFIX_OF, begins_as_picture, format_of_suffix, is_picture, looks_like_picture
from model.files.table_text import HEAD_BYTES, encoding_of, separator_of
from model.meme import FORMATS

MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE, "utf-32-le": codecs.BOM_UTF32_LE}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("content", ["id,image\n1,é.png\n", '[{"id": 1}]', "ид;образ\n"])
def test_an_encoding_is_told_by_the_first_bytes(content: str, encoding: str) -> None:
    mark = b"" if content.isascii() else MARKS.get(encoding, b"")  # without, Russian UTF-16 is not told from others
    data = mark + content.encode(encoding)
    assert data.decode(encoding_of(data[:HEAD_BYTES])).removeprefix("\ufeff") == content


@pytest.mark.parametrize(
    ("header", "sign"), [("id,image;x", ","), ("id;image", ";"), ("id\timage", "\t"), ("id|image", "|"), ("id", ",")]
)
def test_a_separator_is_told_by_the_header(header: str, sign: str) -> None:
    assert separator_of(header) == sign


@pytest.mark.parametrize(
    "cell", ["", " ", "nan", "NaN", "None", "null", "N/A", "<NA>", " nan\n", "NaT", "#N/A", "NULL"]
)
def test_what_pandas_writes_for_nothing_says_nothing(cell: str) -> None:
    assert says_nothing(cell)


@pytest.mark.parametrize("cell", ["none of them", "nana", "None.", "nan nan", "0", "no", "not applicable", "none"])
def test_a_sentence_with_such_a_word_is_one(cell: str) -> None:
    assert not says_nothing(cell)


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_of_each_format_is_one_by_its_first_bytes_and_by_the_suffix_that_we_write(
    tmp_path: Path, name: str
) -> None:
    data = encoded(gradient(), name)
    assert begins_as_picture(data[:16])
    (tmp_path / "0f3a").write_bytes(data)
    assert is_picture(tmp_path / "0f3a")
    assert looks_like_picture(f"a{SUFFIX_OF[name]}")
    assert format_of_suffix(SUFFIX_OF[name].upper()) == SUFFIX_OF[name]


@pytest.mark.parametrize("data", [b"", b"BMW is a car maker", b"RIFF1234WAVEfmt ", b"%PDF-1.7", b"\0\0\0\x18ftypmp42"])
def test_other_files_are_no_pictures_by_their_first_bytes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "README").write_bytes(data)
    assert not is_picture(tmp_path / "README")
    assert not is_picture(tmp_path / "gone")
    assert not is_picture(tmp_path)


@pytest.mark.parametrize("name", ["a.jpg_large", "a.jpg:orig", "a.jfif", "a.JPE", "a.jpg?w=1", "a.png.1", "a b.WebP"])
def test_names_that_sites_give_are_those_of_pictures(name: str) -> None:
    assert looks_like_picture(name)


@pytest.mark.parametrize("name", ["a.txt", "jpg", ".jpg", "a.jpg.json", "a.pngx", "README"])
def test_other_names_are_not(name: str) -> None:
    assert not looks_like_picture(name)

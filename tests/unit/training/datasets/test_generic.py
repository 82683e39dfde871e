"""Rows of one's own tables: which column is what, and which file a picture is."""

from pathlib import Path

import pytest
from support.dataset_files import write_csv, write_generic, write_json_lines, write_picture
from support.generic_tables import reasons_of, write_root

from training.datasets import DatasetError, detect_layout, read_generic


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_root(tmp_path)


def test_a_row_has_id_picture_text_tags_and_caption(tmp_path: Path) -> None:
    root = write_generic(tmp_path / "mine")
    assert detect_layout(root).splits(root) == ("train", "dev", "test")
    sample = read_generic(root, "train").samples[1]
    assert (sample.id, sample.dataset, sample.split) == ("train-1", "mine", "train")
    assert (sample.text, sample.tags, sample.caption) == ("rain on the roof number 1", ("weather",), "a hill")
    assert (sample.image, sample.labels) == (root / "images" / "train1.png", {"hateful": 1})


@pytest.mark.parametrize(
    "column", ["image", "img", "image_path", "image_name", "file_name", "filename", "path", "Image Name"]
)
def test_a_picture_column_has_one_of_several_names(root: Path, column: str) -> None:
    write_csv(root / "data.csv", [(column, "label"), ("a.png", 1)])
    (sample,) = read_generic(root, "all").samples
    assert (sample.image, sample.id, sample.labels) == (root / "a.png", "a.png", {"hateful": 1})


def test_a_column_called_name_is_of_pictures_only_when_it_names_pictures(root: Path) -> None:
    write_csv(root / "data.csv", [("name", "text", "label"), ("first case", "some words", 0)])
    (sample,) = read_generic(root, "all").samples
    assert (sample.image, sample.text, sample.id) == (None, "some words", "1")


@pytest.mark.parametrize("column", ["text", "sentence", "Text Transcription", "ocr", "caption_text", "tweet_text"])
def test_a_text_column_has_one_of_several_names(tmp_path: Path, column: str) -> None:
    write_csv(tmp_path / "data.csv", [(column, "label"), ("some words", 0)])
    (sample,) = read_generic(tmp_path, "all").samples
    assert (sample.text, sample.image) == ("some words", None)


def test_a_corrected_text_comes_before_one_that_a_machine_read(tmp_path: Path) -> None:
    write_csv(tmp_path / "data.csv", [("ocr_text", "corrected_text"), ("w0rds", "words"), ("only", "")])
    assert [sample.text for sample in read_generic(tmp_path, "all").samples] == ["words", "only"]


@pytest.mark.parametrize(
    ("name", "place"),
    [("b.jpg", "b.jpg"), ("b.jpg", "images/b.jpg"), ("b", "img/b.jpg"), ("sub/b.jpg", "sub/b.jpg"), ("B.JPG", "b.jpg")],
)
def test_a_picture_is_found_beside_the_table_and_in_folders_of_the_usual_names(
    root: Path, name: str, place: str
) -> None:
    write_picture(root / place, 2)
    write_json_lines(root / "data.jsonl", [{"image": name, "label": 0}])
    assert [sample.image for sample in read_generic(root, "all").samples] == [root / place]


def test_a_name_that_no_file_can_have_is_a_missing_picture(root: Path) -> None:
    assert reasons_of(root, {"image": "a" * 5000}, {"image": "a\x00.png"}) == [
        "the picture of 5002 characters is missing",
        "the picture 'a\\x00.png' is missing",
    ]


def test_a_missing_picture_and_a_web_address_are_reported(root: Path) -> None:
    assert reasons_of(root, {"image": "gone.png"}, {"image": "https://example.org/a.png"}, {"image": ""}) == [
        "the picture 'gone.png' is missing",
        "the picture is a web address; download the pictures and name the files",
        "neither a picture nor a text",
    ]


def test_a_file_without_pictures_or_words_is_refused_by_its_columns(root: Path) -> None:
    path = write_csv(root / "data.csv", [("colour", "size"), ("red", 1)])
    with pytest.raises(DatasetError, match="no column is known as an image or a text; it has colour, size"):
        read_generic(path, "all")

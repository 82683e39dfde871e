"""Tables that lost what their pictures are called, or their words: what is found, and what is said of the rest."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.dataset_files import write_csv, write_hateful_memes, write_json_lines, write_picture

from training.curation.check import check
from training.datasets import Sample, read_generic, read_hateful_memes

N = 6


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six pictures named by numbers of five digits in img/."""
    for number in range(1, N + 1):
        write_picture(tmp_path / "mine" / "img" / f"{number:05}.png", number)
    return tmp_path / "mine"


def table(root: Path, name: Callable[[int], object], column: str = "id", n: int = N) -> Path:
    rows = [(name(number), f"words number {number}", number % 2) for number in range(1, n + 1)]
    return write_csv(root / "train.csv", [(column, "text", "label"), *rows])


@pytest.mark.parametrize("column", ["id", "image"])
@pytest.mark.parametrize(
    "name",
    [str, float, "{:.1f}".format, "{}.png".format, "{}.0.png".format, "{}.jpg".format, '"{}"'.format, "{:08}".format],
)  # fmt: skip
def test_numbers_that_lost_their_zeros_or_became_floats_find_their_pictures_and_it_is_said(
    root: Path, name: Callable[[int], object], column: str
) -> None:
    table(root, name, column)
    samples = read_generic(root, "train").samples
    assert [sample.image for sample in samples] == [root / "img" / f"{number:05}.png" for number in range(1, N + 1)]
    (warning,) = [warning for warning in check(root, max_distance=None).warnings if "picture" in warning]
    assert warning.startswith("train: 6 row(s) name their picture otherwise than its file is called (")
    assert "'00001.png'" in warning


def test_names_as_they_are_and_names_without_a_suffix_are_nothing_to_warn_of(root: Path) -> None:
    for name in ("img/{:05}.png", "{:05}.png", "{:05}"):
        table(root, name.format)
        assert check(root, max_distance=None).warnings == ()


def test_a_folder_of_pictures_that_no_row_names_is_told_of_with_its_number(root: Path) -> None:
    table(root, "row {}".format)
    assert [sample.image for sample in read_generic(root, "train").samples] == [None] * N
    assert check(root).warnings == (
        f"{root}/img holds 6 picture(s), and no row names any of them (such as '00001.png')",
    )
    assert check(root / "train.csv").warnings == check(root).warnings
    table(root, "{:05}.png".format, "image", n=4)
    assert check(root).warnings == (f"{root}/img holds 6 picture(s), of which no row names 2 (such as '00005.png')",)


def test_pictures_of_a_split_that_was_not_asked_for_are_named_by_its_rows(tmp_path: Path) -> None:
    root = write_hateful_memes(tmp_path / "memes", {"train": 4, "dev": 2})
    assert check(root, splits=["train"], max_distance=None).warnings == ()
    write_picture(root / "img" / "stranger.png", 9)
    (warning,) = check(root, splits=["train"], max_distance=None).warnings
    assert warning.endswith("img holds 7 picture(s), of which no row names 1 (such as 'stranger.png')")


def test_rows_without_a_picture_and_pictures_of_two_rows_are_told_of_with_an_example(root: Path) -> None:
    write_csv(root / "train.csv", [("image", "label"), ("1.png", 0), ("00001.png", 1), ("9.png", 0), ("x.png", 0)])
    warnings = check(root, max_distance=None).warnings
    assert "train: 2 row(s) have no picture on disk; left out, the first: the picture '9.png' is missing" in warnings
    assert "train: 1 picture(s) are named by more than one row" in warnings


def test_a_number_that_two_files_may_be_is_left_out_and_told_of(root: Path) -> None:
    write_picture(root / "img" / "001.png", 11)
    table(root, str, "image")
    report = check(root, max_distance=None)
    assert [item.kind for item in report.left_out] == ["ambiguous_picture"]
    (warning,) = [warning for warning in report.warnings if "several files" in warning]
    assert warning.endswith(
        "the first: the picture '1' is not clear: 2 files fit ('00001.png', '001.png'), and none is taken"
    )


def test_ids_of_texts_are_no_names_of_pictures_because_one_number_is_alike(tmp_path: Path) -> None:
    write_picture(tmp_path / "mine" / "003.png", 1)
    table(tmp_path / "mine", str)
    assert [sample.image for sample in read_generic(tmp_path / "mine", "train").samples] == [None] * N


@pytest.mark.parametrize("cell", ["nan", "NaN", "None", "null", "N/A", "<NA>", " nan ", ""])
def test_a_cell_that_pandas_writes_for_nothing_holds_no_words(root: Path, cell: str) -> None:
    rows = [("00001.png", cell, 0, cell), ("00002.png", "none of us", 1, "a, nan"), (cell, "words", 0, "")]
    write_csv(root / "train.csv", [("image", "text", "label", "tags"), *rows])
    first, second, third = read_generic(root, "train").samples
    assert (first.text, first.tags, second.text, second.tags) == ("", (), "none of us", ("a",))
    assert (third.image, third.text) == (None, "words")
    assert check(root).splits[0].n_empty_text == 1


def test_words_that_say_nothing_are_none_in_other_layouts_too(tmp_path: Path) -> None:
    root = write_hateful_memes(tmp_path / "memes", {"train": 2})
    rows = [json.loads(line) for line in (root / "train.jsonl").read_text().splitlines()]
    write_json_lines(root / "train.jsonl", [row | {"text": "nan"} for row in rows])
    assert [sample.text for sample in read_hateful_memes(root, "train").samples] == ["", ""]


def test_texts_and_ids_that_look_like_numbers_keep_their_characters(tmp_path: Path) -> None:
    rows = ['{"id": 1e5, "text": 2.50, "label": 1.0}', '{"id": "007", "text": "1.0", "label": 0}']
    write_json_lines(tmp_path / "a" / "data.jsonl", rows)
    write_csv(tmp_path / "b" / "data.csv", [("id", "text", "label"), ("1e5", "2.50", "1.0"), ("007", "1.0", 0)])

    def facts(sample: Sample) -> tuple[str, str, object]:
        return sample.id, sample.text, sample.labels["hateful"]

    for folder in ("a", "b"):
        samples = read_generic(tmp_path / folder, "all").samples
        assert list(map(facts, samples)) == [("1e5", "2.50", 1), ("007", "1.0", 0)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_in_its_encoding(root: Path, encoding: str, separator: str) -> None:
    lines = [["image", "text", "label"], [" 00001.PNG", "\u00e9t\u00e9", "1"]]
    content = "\r\n".join(separator.join(line) for line in lines)
    (root / "train.csv").write_bytes(content.encode(encoding))
    (sample,) = read_generic(root, "train").samples
    assert (sample.image, sample.text) == (root / "img" / "00001.png", "\u00e9t\u00e9")


def test_pictures_in_folders_named_by_class_are_known_by_their_content(tmp_path: Path) -> None:
    for name in ("a.jpg_large", "0f3a", "b.JFIF"):
        write_picture(tmp_path / "hateful" / name, 1, "JPEG")
    (tmp_path / "hateful" / "README").write_text("words")
    assert [sample.id for sample in read_generic(tmp_path, "all").samples] == [
        "hateful/0f3a", "hateful/a.jpg_large", "hateful/b.JFIF",
    ]  # fmt: skip

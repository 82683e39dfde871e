"""The text-only sets and the captions of imgflip, on files of exactly their layouts; and sets that are not there."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.dataset_files import write_csv, write_text_hate

from training.datasets import (
    DatasetError,
    ImgflipCaption,
    label_of,
    read_hatecheck,
    read_hateful_memes,
    read_hateful_memes_fine_grained,
    read_hatemoji,
    read_imgflip,
    read_multioff,
    read_stormfront,
)

HATEFUL, NOT_HATEFUL = {"hateful": 1}, {"hateful": 0}


def test_a_file_without_a_header_does_not_have_its_words_shown(tmp_path: Path) -> None:
    (tmp_path / "stormfront.csv").write_text("1_1,four words of it,noHate\n1_2,others,hate\n")
    with pytest.raises(DatasetError, match="it has 1_1, one of 16 characters, noHate"):
        read_stormfront(tmp_path)


def test_hatemoji_is_read_with_its_emoji(tmp_path: Path) -> None:
    header = ("entry_id", "text", "type", "label_gold")
    rows = [header, (0, "I love my \U0001f400 ", "none", 0), (2, "y", "animosity", 1)]
    write_csv(tmp_path / "hatemoji_build_validation.csv", rows)
    first, second = read_hatemoji(tmp_path, "dev").samples
    assert (first.id, first.text, first.labels, first.image) == ("0", "I love my \U0001f400", NOT_HATEFUL, None)
    assert (second.labels, second.split, second.dataset) == (HATEFUL, "dev", "hatemoji")


def test_stormfront_and_hatecheck_name_their_classes_differently(tmp_path: Path) -> None:
    root = write_text_hate(tmp_path)
    assert [sample.labels for sample in read_stormfront(root).samples] == [NOT_HATEFUL, HATEFUL]
    first, second = read_hatecheck(root).samples
    assert (first.labels, second.labels) == (NOT_HATEFUL | {"target": (5,)}, HATEFUL | {"target": (2,)})
    assert (first.id, first.split, first.dataset) == ("7", "test", "hatecheck")


def test_a_hatecheck_test_is_tagged_with_its_function_and_with_whom_it_is_about(tmp_path: Path) -> None:
    about_nobody, about_women = read_hatecheck(write_text_hate(tmp_path)).samples
    assert (about_nobody.tags, about_women.tags) == (("neg",), ("pos", "women"))


def test_a_file_of_a_folder_with_several_sets_is_read_by_its_own_name(tmp_path: Path) -> None:
    root = write_text_hate(tmp_path)
    assert [sample.id for sample in read_stormfront(root / "stormfront.csv").samples] == ["1_0", "1_1"]


@pytest.mark.parametrize("row", ["1_2,others,Hate", "1_2,others,1", "1_2,others,", "1_2,others", "1_2"])
def test_an_unknown_text_label_is_left_out_and_not_taken_for_harmless(tmp_path: Path, row: str) -> None:
    path = tmp_path / "stormfront.csv"
    path.write_text(f"id,text,label\n1_1,some words,noHate\n{row}\n")
    loaded = read_stormfront(tmp_path)
    assert ([s.id for s in loaded.samples], [s.place for s in loaded.skipped]) == (["1_1"], [f"{path}, line 3"])


def test_imgflip_captions_have_a_text_for_each_box(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "captions.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"template": "drake", "boxes": ["tabs", "spaces"]}) + "\n")
    assert read_imgflip(tmp_path) == [ImgflipCaption("drake", ("tabs", "spaces"))]


@pytest.mark.parametrize(
    "read",
    [
        lambda root: read_hateful_memes(root, "train"),
        lambda root: read_hateful_memes_fine_grained(root, "train"),
        lambda root: read_multioff(root, "train"),
        lambda root: read_hatemoji(root, "train"),
        read_stormfront,
        read_hatecheck,
        read_imgflip,
    ],
)
def test_a_missing_dataset_is_named(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(DatasetError, match="is missing; see data_cards/"):
        read(tmp_path)


def test_a_class_is_looked_up_in_the_taxonomy() -> None:
    assert label_of("memotion_sentiment", "positive") == {"memotion_sentiment": 2}

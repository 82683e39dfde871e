import gzip
import json
from pathlib import Path

import pytest
from PIL import Image

from training.datasets import (
    DatasetError,
    ImgflipCaption,
    label_of,
    read_hatecheck,
    read_hateful_memes,
    read_hatemoji,
    read_imgflip,
    read_multioff,
    read_stormfront,
)

HATEFUL, NOT_HATEFUL = {"hateful": 1}, {"hateful": 0}
ROW = {"id": "01235", "img": "img/01235.png", "label": 1, "text": "it's a cat"}


def write_lines(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def multioff(root: Path, *rows: str, file: str = "Training") -> Path:
    write_lines(root / "Split Dataset" / f"{file}_meme_dataset.csv", "image_name,sentence,label", *rows)
    (root / "Labelled Images").mkdir(exist_ok=True)
    for name in ("a.png", "b.jpg"):
        Image.new("RGB", (4, 4)).save(root / "Labelled Images" / name)
    return root


def test_hateful_memes_ids_keep_their_leading_zeros(tmp_path: Path) -> None:
    write_lines(tmp_path / "train.jsonl", json.dumps(ROW), "", json.dumps(ROW | {"id": "00002", "label": 0}))
    first, second = read_hateful_memes(tmp_path, "train")
    assert (first.id, second.id) == ("01235", "00002")
    assert (first.labels, second.labels) == (HATEFUL, NOT_HATEFUL)
    assert (first.dataset, first.split, first.text) == ("hateful_memes", "train", "it's a cat")
    assert first.image == tmp_path / "img" / "01235.png"


def test_a_hateful_memes_split_without_labels_is_unlabelled_and_not_harmless(tmp_path: Path) -> None:
    write_lines(tmp_path / "test.jsonl", json.dumps({key: ROW[key] for key in ("id", "img", "text")}))
    (sample,) = read_hateful_memes(tmp_path, "test", dataset="borrowed")
    assert (sample.labels, sample.dataset) == ({}, "borrowed")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1, 2]",
        '"a"',
        "3",
        json.dumps({key: ROW[key] for key in ("id", "label", "text")}),
        json.dumps(ROW | {"label": 2}),
        json.dumps(ROW | {"label": "hateful"}),
        json.dumps(ROW | {"label": [1]}),
        json.dumps(ROW | {"text": None}),
        json.dumps(ROW | {"img": 5}),
    ],
)
def test_a_bad_hateful_memes_row_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    write_lines(tmp_path / "train.jsonl", json.dumps(ROW), line)
    with pytest.raises(DatasetError, match=r"train\.jsonl, line 2"):
        read_hateful_memes(tmp_path, "train")


def test_multioff_labels_are_read_with_their_typo(tmp_path: Path) -> None:
    root = multioff(tmp_path, 'a.png,"two, words ",offensive', "b.jpg,more,Non-offensiv")
    first, second = read_multioff(root, "train")
    assert (first.labels, second.labels) == ({"offensive": 1}, {"offensive": 0})
    assert (first.id, first.text, first.caption) == ("a.png", "two, words", None)


@pytest.mark.parametrize(("split", "file"), [("train", "Training"), ("dev", "Validation"), ("test", "Testing")])
def test_multioff_splits_have_file_names_of_their_own(tmp_path: Path, split: str, file: str) -> None:
    (sample,) = read_multioff(multioff(tmp_path, "a.png,x,offensive", file=file), split)
    assert sample.split == split


def test_a_multioff_row_whose_picture_is_missing_is_left_out(tmp_path: Path) -> None:
    root = multioff(tmp_path, "a.png,x,offensive", "gone.png,y,offensive")
    assert [sample.id for sample in read_multioff(root, "train")] == ["a.png"]


def test_multioff_captions_are_joined_by_picture_name(tmp_path: Path) -> None:
    root = multioff(tmp_path, "a.png,x,offensive", "b.jpg,y,offensive")
    (root / "captions.json").write_text(json.dumps({"b.jpg": "a man on a chair"}))
    assert [sample.caption for sample in read_multioff(root, "train")] == [None, "a man on a chair"]


@pytest.mark.parametrize("row", ["b.jpg,x,Non-offensive", "b.jpg,x", "b.jpg", "b.jpg,x,"])
def test_a_bad_multioff_row_is_named_by_its_line(tmp_path: Path, row: str) -> None:
    root = multioff(tmp_path, "a.png,x,offensive", row)
    with pytest.raises(DatasetError, match=r"Training_meme_dataset\.csv, line 3"):
        read_multioff(root, "train")


def test_hatemoji_is_read_with_its_emoji(tmp_path: Path) -> None:
    header = "entry_id,text,type,target,round.base,round.set,set,split,label_gold,matched_text,matched_id"
    rows = ["0,I love my \U0001f400 ,none,[],5,5a,original,validation,0,x,1", "2,y,animosity,[],5,5a,o,v,1,x,3"]
    write_lines(tmp_path / "hatemoji_build_validation.csv", header, *rows)
    first, second = read_hatemoji(tmp_path, "dev")
    assert (first.id, first.text, first.labels, first.image) == ("0", "I love my \U0001f400", NOT_HATEFUL, None)
    assert (second.labels, second.split, second.dataset) == (HATEFUL, "dev", "hatemoji")


def test_stormfront_and_hatecheck_name_their_classes_differently(tmp_path: Path) -> None:
    write_lines(tmp_path / "stormfront.csv", "id,text,label", "1_1,some words,noHate", "1_2,others,hate")
    header = ",functionality,case_id,test_case,label_gold,target_ident"
    write_lines(tmp_path / "hatecheck.csv", header, "0,neg,7,No words. ,non-hateful,women", "1,pos,8,Words.,hateful,")
    assert [sample.labels for sample in read_stormfront(tmp_path)] == [NOT_HATEFUL, HATEFUL]
    checks = read_hatecheck(tmp_path)
    assert [sample.labels for sample in checks] == [NOT_HATEFUL, HATEFUL]
    assert (checks[0].id, checks[0].text, checks[0].tags, checks[0].split) == ("7", "No words.", ("neg",), "test")


@pytest.mark.parametrize("row", ["1_2,others,Hate", "1_2,others,1", "1_2,others,", "1_2,others", "1_2"])
def test_an_unknown_text_label_is_refused_and_not_taken_for_harmless(tmp_path: Path, row: str) -> None:
    write_lines(tmp_path / "stormfront.csv", "id,text,label", "1_1,some words,noHate", row)
    with pytest.raises(DatasetError, match=r"stormfront\.csv, line 3"):
        read_stormfront(tmp_path)


def test_imgflip_captions_have_a_text_for_each_box(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "captions.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"template": "drake", "boxes": ["tabs", "spaces"]}) + "\n")
    assert read_imgflip(tmp_path) == [ImgflipCaption("drake", ("tabs", "spaces"))]


@pytest.mark.parametrize(
    "read",
    [
        lambda root: read_hateful_memes(root, "train"),
        lambda root: read_multioff(root, "train"),
        lambda root: read_hatemoji(root, "train"),
        read_stormfront,
        read_hatecheck,
        read_imgflip,
    ],
)
def test_a_missing_dataset_is_named(tmp_path: Path, read: object) -> None:
    with pytest.raises(DatasetError, match="is missing; see data_cards/"):
        read(tmp_path)


def test_a_class_is_looked_up_in_the_taxonomy() -> None:
    assert label_of("memotion_sentiment", "positive") == {"memotion_sentiment": 2}


def test_a_samples_words_are_not_in_its_repr(tmp_path: Path) -> None:
    write_lines(tmp_path / "train.jsonl", json.dumps(ROW))
    assert "cat" not in repr(read_hateful_memes(tmp_path, "train"))

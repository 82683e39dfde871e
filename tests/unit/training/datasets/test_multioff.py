"""MultiOFF, on files of exactly its layout."""

import json
from pathlib import Path

import pytest
from PIL import Image
from support.dataset_files import write_csv, write_multioff

from training.datasets import DatasetError, read_multioff


def test_multioff_labels_are_read_with_their_typo(tmp_path: Path) -> None:
    first, second = read_multioff(write_multioff(tmp_path, {"Training": 2}), "train").samples
    assert (first.labels, second.labels) == ({"offensive": 0}, {"offensive": 1})
    assert (first.id, first.text, first.caption) == ("m0.png", "sun over the hill number 0", None)


@pytest.mark.parametrize(("split", "n_rows"), [("train", 6), ("dev", 2), ("test", 4)])
def test_multioff_splits_have_file_names_of_their_own(tmp_path: Path, split: str, n_rows: int) -> None:
    samples = read_multioff(write_multioff(tmp_path), split).samples
    assert [sample.split for sample in samples] == [split] * n_rows


def test_the_missing_multioff_picture_is_reported(tmp_path: Path) -> None:
    (skipped,) = read_multioff(write_multioff(tmp_path), "dev").skipped
    assert skipped.place.endswith("Validation_meme_dataset.csv, line 4")
    assert skipped.reason == "the picture 'm1002.png' is missing"


def test_a_multioff_picture_is_known_by_its_bytes(tmp_path: Path) -> None:
    (sample, *_) = read_multioff(write_multioff(tmp_path), "train").samples
    assert sample.image is not None
    with Image.open(sample.image) as picture:
        assert (sample.image.suffix, picture.format) == (".png", "JPEG")


def test_multioff_captions_are_joined_by_picture_name(tmp_path: Path) -> None:
    root = write_multioff(tmp_path, {"Training": 2})
    (root / "captions.json").write_text(json.dumps({"m1.png": "a man on a chair"}))
    assert [sample.caption for sample in read_multioff(root, "train").samples] == [None, "a man on a chair"]


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_captions_that_are_no_captions_are_refused(tmp_path: Path, text: str) -> None:
    root = write_multioff(tmp_path, {"Training": 2})
    (root / "captions.json").write_text(text)
    with pytest.raises(DatasetError, match=r"captions\.json is not .*; repair or remove it"):
        read_multioff(root, "train")


@pytest.mark.parametrize("row", [("m0.png", "x", "Offensive?"), ("m0.png", "x"), ("m0.png",), ("m0.png", "x", "")])
def test_a_bad_multioff_row_is_left_out_and_named_by_its_line(tmp_path: Path, row: tuple[str, ...]) -> None:
    root = write_multioff(tmp_path, {"Training": 2})
    path = root / "Split Dataset" / "Training_meme_dataset.csv"
    write_csv(path, [("image_name", "sentence", "label"), ("m0.png", "x", "offensive"), row])
    loaded = read_multioff(root, "train")
    assert ([s.id for s in loaded.samples], [s.place for s in loaded.skipped]) == (["m0.png"], [f"{path}, line 3"])

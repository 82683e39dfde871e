"""Hateful Memes, its fine-grained labels, MultiOFF and the text-only sets, on files of exactly their layouts."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from model.taxonomy import TASKS
from tests.support.dataset_files import (
    write_csv,
    write_fine_grained,
    write_hateful_memes,
    write_json_lines,
    write_multioff,
    write_picture,
    write_text_hate,
)
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
from training.datasets.fine_grained import splits_of_fine_grained
from training.datasets.hateful_memes import splits_of_hateful_memes

HATEFUL, NOT_HATEFUL = {"hateful": 1}, {"hateful": 0}
ROW = {"id": "01235", "img": "img/01235.png", "label": 1, "text": "it's a cat"}


@pytest.fixture
def memes(tmp_path: Path) -> Path:
    write_picture(tmp_path / "img" / "01235.png", 1)
    return tmp_path


def test_hateful_memes_ids_keep_their_leading_zeros(memes: Path) -> None:
    write_json_lines(memes / "train.jsonl", [ROW, "", ROW | {"id": "00002", "label": 0}])
    loaded = read_hateful_memes(memes, "train")
    first, second = loaded.samples
    assert (first.id, second.id) == ("01235", "00002")
    assert (first.labels, second.labels) == (HATEFUL, NOT_HATEFUL)
    assert (first.dataset, first.split, first.text) == ("hateful_memes", "train", "it's a cat")
    assert (first.image, loaded.skipped) == (memes / "img" / "01235.png", [])


def test_ids_that_are_in_both_dev_sets_stay_in_both(tmp_path: Path) -> None:
    root = write_hateful_memes(tmp_path)
    seen, unseen = (read_hateful_memes(root, split).samples for split in ("dev_seen", "dev_unseen"))
    assert {sample.id for sample in seen} & {sample.id for sample in unseen} == {"01001", "01002"}
    assert (len(seen), len(unseen)) == (4, 4)


@pytest.mark.parametrize("label", [{}, {"label": None}, {"label": -1}])
def test_a_hateful_memes_split_without_labels_is_unlabelled_and_not_harmless(
    memes: Path, label: dict[str, object]
) -> None:
    row = {key: ROW[key] for key in ("id", "img", "text")}
    write_json_lines(memes / "test.jsonl", [row | label])
    (sample,) = read_hateful_memes(memes, "test", dataset="borrowed").samples
    assert (sample.labels, sample.dataset) == ({}, "borrowed")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[1, 2]", "not a JSON object but list"),
        ('"a"', "not a JSON object but str"),
        (json.dumps({key: ROW[key] for key in ("id", "label", "text")}), "no img"),
        (json.dumps(ROW | {"id": None}), "no id"),
        (json.dumps(ROW | {"label": 2}), "label 2 is not 0 or 1"),
        (json.dumps(ROW | {"label": "hateful"}), "label 'hateful' is not 0 or 1"),
        (json.dumps(ROW | {"label": [1]}), "label [1] is not 0 or 1"),
        (json.dumps(ROW | {"text": None}), "text is not a string"),
        (json.dumps(ROW | {"img": 5}), "img is not a string"),
        (json.dumps(ROW | {"img": "img/gone.png"}), "the picture 'img/gone.png' is missing"),
    ],
)
def test_a_bad_hateful_memes_row_is_left_out_and_named_by_its_line(memes: Path, line: str, reason: str) -> None:
    path = write_json_lines(memes / "train.jsonl", [ROW, line, ROW])
    loaded = read_hateful_memes(memes, "train")
    (skipped,) = loaded.skipped
    assert (len(loaded.samples), skipped.place) == (2, f"{path}, line 2")
    assert skipped.reason[: len(reason)] == reason


def test_a_file_of_other_rows_is_refused_as_a_whole(memes: Path) -> None:
    write_json_lines(memes / "train.jsonl", [{"name": "a", "words": "b"}])
    with pytest.raises(DatasetError, match=r"train\.jsonl: no column id, img, text; it has name, words"):
        read_hateful_memes(memes, "train")


def test_a_file_without_a_header_does_not_have_its_words_shown(tmp_path: Path) -> None:
    (tmp_path / "stormfront.csv").write_text("1_1,four words of it,noHate\n1_2,others,hate\n")
    with pytest.raises(DatasetError, match="it has 1_1, one of 16 characters, noHate"):
        read_stormfront(tmp_path)


def test_fine_grained_files_in_the_folder_of_hateful_memes_are_kept_apart(tmp_path: Path) -> None:
    write_fine_grained(tmp_path)
    write_hateful_memes(tmp_path, {"train": 2, "dev_seen": 2})
    assert splits_of_hateful_memes(tmp_path) == ("train", "dev_seen")
    assert splits_of_fine_grained(tmp_path) == ("train", "dev_unseen", "test")


def test_tables_in_a_folder_beside_the_pictures_find_them(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "img" / "01235.png", 1)
    write_json_lines(tmp_path / "annotations" / "train.jsonl", [ROW])
    (sample,) = read_hateful_memes(tmp_path / "annotations", "train").samples
    assert sample.image == tmp_path / "images" / "img" / "01235.png"


def test_tags_and_captions_that_were_added_to_a_borrowed_layout_are_read(memes: Path) -> None:
    write_json_lines(memes / "train.jsonl", [ROW | {"tags": ["a", " "], "caption": "a cat on a mat"}, ROW])
    first, second = read_hateful_memes(memes, "train").samples
    assert (first.tags, first.caption, second.tags, second.caption) == (("a",), "a cat on a mat", (), None)


def test_fine_grained_labels_are_the_gold_lists_whatever_a_file_is_called(tmp_path: Path) -> None:
    first, second = read_hateful_memes_fine_grained(write_fine_grained(tmp_path), "dev_unseen").samples
    names = {
        task: [TASKS[task].classes[place] for place in first.labels[task]] for task in ("protected_class", "attack")
    }
    assert names == {"protected_class": ["religion", "sex"], "attack": ["mocking", "contempt"]}
    assert (first.labels["hateful"], second.labels) == (1, {"hateful": 0, "protected_class": (0,), "attack": (0,)})


def test_fine_grained_ids_are_those_of_hateful_memes(tmp_path: Path) -> None:
    loaded = read_hateful_memes_fine_grained(write_fine_grained(tmp_path), "train")
    assert [sample.id for sample in loaded.samples] == ["00001", "00002", "00003", "00004"]
    assert loaded.samples[0].image == tmp_path / "img" / "00001.png"


def test_fine_grained_test_rows_are_unlabelled(tmp_path: Path) -> None:
    assert [s.labels for s in read_hateful_memes_fine_grained(write_fine_grained(tmp_path), "test").samples] == [{}, {}]


def test_fine_grained_annotations_find_the_pictures_above_them(tmp_path: Path) -> None:
    write_fine_grained(tmp_path)
    (tmp_path / "data" / "annotations").mkdir(parents=True)
    (tmp_path / "train.json").rename(tmp_path / "data" / "annotations" / "train.json")
    loaded = read_hateful_memes_fine_grained(tmp_path, "train")
    assert [sample.image for sample in loaded.samples][:1] == [tmp_path / "img" / "00001.png"]


@pytest.mark.parametrize(
    ("change", "labels"),
    [
        ({"gold_pc": "None"}, {"hateful": 1, "attack": (3,)}),
        ({"gold_pc": []}, {"hateful": 1, "attack": (3,)}),
        ({"gold_hate": None}, {"protected_class": (1,), "attack": (3,)}),
    ],
)
def test_a_gold_label_that_is_none_is_absent_and_not_empty(
    memes: Path, change: dict[str, object], labels: dict[str, object]
) -> None:
    row = {"id": 1235, "set_name": "train", "img": "img/01235.png", "text": "a"}
    gold = {"gold_hate": ["hateful"], "gold_pc": ["religion"], "gold_attack": ["mocking"]}
    write_json_lines(memes / "train.json", [row | gold | change])
    (sample,) = read_hateful_memes_fine_grained(memes, "train").samples
    assert sample.labels == labels


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gold_pc": ["religon"]}, "gold_pc: unknown class 'religon'; expected one of pc_empty"),
        ({"gold_attack": "mocking"}, "gold_attack is str; a list"),
        ({"gold_hate": ["hateful", "not_hateful"]}, "gold_hate holds 2 classes"),
    ],
)
def test_an_unknown_fine_grained_label_is_left_out(memes: Path, change: dict[str, object], reason: str) -> None:
    row = {"id": 1235, "set_name": "train", "img": "img/01235.png", "text": "a", "gold_hate": ["hateful"]}
    write_json_lines(memes / "train.json", [row, row | change])
    loaded = read_hateful_memes_fine_grained(memes, "train")
    assert len(loaded.samples) == 1
    assert [skipped.reason[: len(reason)] for skipped in loaded.skipped] == [reason]


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
    assert (first.labels, second.labels) == (NOT_HATEFUL, HATEFUL)
    assert (first.id, first.tags, first.split, first.dataset) == ("7", ("neg",), "test", "hatecheck")


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


def test_a_missing_split_is_named_beside_those_that_are_there(tmp_path: Path) -> None:
    write_hateful_memes(tmp_path, {"train": 1, "dev_seen": 1})
    with pytest.raises(DatasetError, match="the splits that are there: train, dev_seen"):
        read_hateful_memes(tmp_path, "dev")


def test_a_class_is_looked_up_in_the_taxonomy() -> None:
    assert label_of("memotion_sentiment", "positive") == {"memotion_sentiment": 2}


def test_a_samples_words_are_not_in_its_repr(memes: Path) -> None:
    write_json_lines(memes / "train.jsonl", [ROW])
    assert "cat" not in repr(read_hateful_memes(memes, "train"))


def test_a_reason_does_not_repeat_a_long_value_where_words_may_stand(memes: Path) -> None:
    words = "four words of it and more"
    write_json_lines(memes / "train.jsonl", [ROW, ROW | {"label": words}])
    (skipped,) = read_hateful_memes(memes, "train").skipped
    assert skipped.reason == f"label of {len(repr(words))} characters is not 0 or 1"

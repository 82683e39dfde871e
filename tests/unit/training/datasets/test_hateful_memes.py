"""Hateful Memes and its fine-grained labels, on files of exactly their layouts."""

import json
from pathlib import Path

import pytest
from support.dataset_files import write_fine_grained, write_hateful_memes, write_json_lines, write_picture

from model.taxonomy import TASKS
from training.datasets import DatasetError, read_hateful_memes, read_hateful_memes_fine_grained
from training.datasets.readers.fine_grained import splits_of_fine_grained
from training.datasets.readers.hateful_memes import splits_of_hateful_memes

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
        task: [TASKS[task].classes[index] for index in indices]
        for task, indices in first.labels.items()
        if isinstance(indices, tuple)
    }
    assert names == {
        "protected_class": ["religion", "sex"],
        "attack": ["mocking", "contempt"],
        "target": ["religion", "sex_or_gender"],
    }
    harmless = {"hateful": 0, "protected_class": (0,), "attack": (0,), "target": (5,)}
    assert (first.labels["hateful"], second.labels) == (1, harmless)


@pytest.mark.parametrize(
    ("protected", "target"), [(["race"], (1,)), (["nationality", "race"], (1,)), (["disability", "sex"], (2, 4))]
)
def test_fine_grained_classes_stand_for_those_of_the_task_target(
    memes: Path, protected: list[str], target: tuple[int, ...]
) -> None:
    row = {"id": 1235, "set_name": "train", "img": "img/01235.png", "text": "a", "gold_hate": ["hateful"]}
    write_json_lines(memes / "train.json", [row | {"gold_pc": protected}])
    (sample,) = read_hateful_memes_fine_grained(memes, "train").samples
    assert sample.labels["target"] == target


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
        ({"gold_hate": None}, {"protected_class": (1,), "attack": (3,), "target": (0,)}),
        ({"gold_pc": ["pc_empty"]}, {"hateful": 1, "protected_class": (0,), "attack": (3,)}),
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


def test_a_missing_split_is_named_beside_those_that_are_there(tmp_path: Path) -> None:
    write_hateful_memes(tmp_path, {"train": 1, "dev_seen": 1})
    with pytest.raises(DatasetError, match="the splits that are there: train, dev_seen"):
        read_hateful_memes(tmp_path, "dev")


def test_a_samples_words_are_not_in_its_repr(memes: Path) -> None:
    write_json_lines(memes / "train.jsonl", [ROW])
    assert "cat" not in repr(read_hateful_memes(memes, "train"))


def test_a_reason_does_not_repeat_a_long_value_where_words_may_stand(memes: Path) -> None:
    words = "four words of it and more"
    write_json_lines(memes / "train.jsonl", [ROW, ROW | {"label": words}])
    (skipped,) = read_hateful_memes(memes, "train").skipped
    assert skipped.reason == f"label of {len(repr(words))} characters is not 0 or 1"

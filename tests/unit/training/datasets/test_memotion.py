from pathlib import Path

import pytest
from support.dataset_files import (
    MEMOTION_HEADER,
    MEMOTION_ROWS,
    write_csv,
    write_memotion,
    write_memotion_test,
    write_picture,
)

from model.taxonomy import TASKS
from training.datasets import DatasetError, Sample, detect_layout, read_memotion7k, readable, unreadable_pictures


def class_names(sample: Sample) -> dict[str, str]:
    """The labels of a sample by the words of the taxonomy, without the prefix of the tasks."""
    single = {task: label for task, label in sample.labels.items() if isinstance(label, int)}
    return {task.removeprefix("memotion_"): TASKS[task].classes[label] for task, label in single.items()}


def test_a_training_row_has_labels_of_tasks_a_b_and_c(tmp_path: Path) -> None:
    first, second, *_ = read_memotion7k(write_memotion(tmp_path), "train").samples
    assert class_names(first) == {
        "sentiment": "positive",
        "humour": "funny",
        "humour_level": "hilarious",
        "sarcasm": "sarcastic",
        "sarcasm_level": "general",
        "offensive": "not_offensive",
        "offensive_level": "not_offensive",
        "motivational": "not_motivational",
        "motivational_level": "not_motivational",
    }
    assert class_names(second) == {
        "sentiment": "negative",
        "humour": "not_funny",
        "humour_level": "not_funny",
        "sarcasm": "not_sarcastic",
        "sarcasm_level": "not_sarcastic",
        "offensive": "offensive",
        "offensive_level": "slight",
        "motivational": "motivational",
        "motivational_level": "motivational",
    }


def test_five_sentiments_of_the_file_are_three_classes(tmp_path: Path) -> None:
    words = ("very_negative", "negative", "neutral", "positive", "very_positive")
    write_picture(tmp_path / "images" / "a.jpg", 1)
    rows = [(number, "a.jpg", "", "", *MEMOTION_ROWS[0][:4], word) for number, word in enumerate(words)]
    write_csv(tmp_path / "labels.csv", [MEMOTION_HEADER, *rows])
    samples = read_memotion7k(tmp_path, "train").samples
    assert [sample.labels["memotion_sentiment"] for sample in samples] == [0, 0, 1, 2, 2]


def test_the_text_is_the_corrected_one_else_the_one_that_was_read_else_none(tmp_path: Path) -> None:
    samples = read_memotion7k(write_memotion(tmp_path), "train").samples
    assert [sample.text for sample in samples[1:]] == [
        "rain on the roof number 1",
        "rain on the roof number 2 misread",
        "",
    ]


def test_a_blank_cell_is_not_labelled_and_an_unknown_word_is_left_out(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "a.jpg", 1)
    blank = (0, "a.jpg", "", "", "", "general", "", "motivational", "")
    unknown = (1, "a.jpg", "", "", "funny", "a_bit", "slight", "motivational", "neutral")
    path = write_csv(tmp_path / "labels.csv", [MEMOTION_HEADER, blank, unknown])
    loaded = read_memotion7k(tmp_path, "train")
    assert [class_names(sample).keys() for sample in loaded.samples] == [
        {"sarcasm", "sarcasm_level", "motivational", "motivational_level"}
    ]
    assert [(skipped.place, skipped.reason) for skipped in loaded.skipped] == [
        (
            f"{path}, line 3",
            "sarcasm: unknown class 'a_bit'; expected one of not_sarcastic, general, twisted_meaning, very_twisted",
        )
    ]


@pytest.mark.parametrize("truth_file", ["Meme_groundTruth .csv", "Meme_groundTruth.csv"])
def test_test_labels_are_joined_by_name_and_not_by_row(tmp_path: Path, truth_file: str) -> None:
    first, second, third, last = read_memotion7k(write_memotion_test(tmp_path, truth_file=truth_file), "test").samples
    assert (class_names(first)["sentiment"], class_names(first)["humour_level"]) == ("positive", "hilarious")
    assert (class_names(second)["sentiment"], class_names(second)["offensive"]) == ("negative", "offensive")
    assert (class_names(third)["sentiment"], class_names(third)["sarcasm_level"]) == ("neutral", "twisted_meaning")
    assert (last.id, last.labels) == ("test_3.jpg", {})


def test_a_test_label_is_sentiment_four_answers_and_four_levels(tmp_path: Path) -> None:
    write_memotion_test(tmp_path, 1)
    write_csv(tmp_path / "Meme_groundTruth .csv", [("Image_name", "Labels"), ("test_0.jpg", "-1_1110_2110")])
    (sample,) = read_memotion7k(tmp_path, "test").samples
    assert list(class_names(sample).values()) == [
        "negative",
        "funny",
        "very_funny",
        "sarcastic",
        "general",
        "offensive",
        "slight",
        "not_motivational",
        "not_motivational",
    ]


@pytest.mark.parametrize("label", ["2_1110_2110", "-1_1112_2110", "-1_1110_2112", "-1_1110_211", "", "-1_1110"])
def test_a_test_label_of_another_form_is_left_out(tmp_path: Path, label: str) -> None:
    write_memotion_test(tmp_path, 2)
    write_csv(tmp_path / "Meme_groundTruth .csv", [("Image_name", "Labels"), ("test_0.jpg", label)])
    loaded = read_memotion7k(tmp_path, "test")
    assert [sample.id for sample in loaded.samples] == ["test_1.jpg"]
    assert [skipped.reason for skipped in loaded.skipped] == [f"the truth {label!r} is not of the form -1_1110_2110"]


def test_two_truths_of_one_picture_and_a_truth_without_a_row_are_reported(tmp_path: Path) -> None:
    write_memotion_test(tmp_path, 2)
    truths = [("test_0.jpg", "0_0000_0000"), ("test_0.jpg", "1_0000_0000"), ("other.jpg", "0_0000_0000")]
    write_csv(tmp_path / "Meme_groundTruth .csv", [("Image_name", "Labels"), *truths])
    assert [skipped.reason for skipped in read_memotion7k(tmp_path, "test").skipped] == [
        "the truth file has two different labels for this picture",
        "'other.jpg' has a truth but no row",
    ]


def test_train_and_test_may_lie_in_folders_of_any_name(tmp_path: Path) -> None:
    write_memotion(tmp_path / "memotion_dataset_7k")
    write_memotion_test(tmp_path / "memotion_test_data" / "test_data")
    layout = detect_layout(tmp_path)
    assert (layout.name, layout.splits(tmp_path)) == ("memotion7k", ("train", "test"))
    assert [len(read_memotion7k(tmp_path, split).samples) for split in ("train", "test")] == [4, 4]


def test_there_is_no_validation_split_to_be_read(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no official split 'dev', only train and test"):
        read_memotion7k(write_memotion(tmp_path), "dev")


def test_another_labels_csv_is_no_memotion(tmp_path: Path) -> None:
    write_csv(tmp_path / "labels.csv", [("image_name", "label"), ("a.jpg", 1)])
    assert detect_layout(tmp_path).name == "generic"
    with pytest.raises(DatasetError, match="no column humour, sarcasm"):
        read_memotion7k(tmp_path, "train")


def test_corrupt_pictures_are_found_and_left_out_and_never_crash(tmp_path: Path) -> None:
    write_memotion(tmp_path)
    whole = (tmp_path / "images" / "image_2.jpg").read_bytes()
    (tmp_path / "images" / "image_2.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "images" / "image_3.jpg").write_bytes(b"")
    (tmp_path / "images" / "image_4.jpg").unlink()
    loaded = read_memotion7k(tmp_path, "train")
    assert [skipped.reason for skipped in loaded.skipped] == ["the picture 'image_4.jpg' is missing"]
    kept = readable(loaded)
    assert [sample.id for sample in kept.samples] == ["image_1.jpg"]
    assert [(Path(s.place).name, s.reason.partition(":")[0]) for s in unreadable_pictures(loaded.samples)] == [
        ("image_2.jpg", "corrupt"),
        ("image_3.jpg", "empty"),
    ]
    assert kept.skipped == [*loaded.skipped, *unreadable_pictures(loaded.samples)]

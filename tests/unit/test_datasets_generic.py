"""One's own tables, and public sets that have no reader of their own, as they lie on disk."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from model.taxonomy import TASKS
from tests.support.dataset_files import write_csv, write_generic, write_image_folder, write_json_lines, write_picture
from training.datasets import DatasetError, Source, detect_layout, load_source, read_generic


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the picture a.png in it, for tables to name."""
    write_picture(tmp_path / "mine" / "a.png", 1)
    return tmp_path / "mine"


def labels_of(root: Path, *rows: Mapping[str, Any], **options: Any) -> list[dict[str, Any]]:
    """Labels of the rows of a table, each of which is given the picture a.png."""
    write_json_lines(root / "data.jsonl", [{"image": "a.png"} | row for row in rows])
    return [sample.labels for sample in read_generic(root, "all", **options).samples]


def reasons_of(root: Path, *rows: Mapping[str, Any], **options: Any) -> list[str]:
    write_json_lines(root / "data.jsonl", [{"image": "a.png"} | row for row in rows])
    return [skipped.reason for skipped in read_generic(root, "all", **options).skipped]


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


@pytest.mark.parametrize("value", [1, "1", 1.0, True, "hateful", "Hateful", "hate", ["hateful"], "['1']"])
def test_a_label_column_says_hateful_in_several_ways(root: Path, value: object) -> None:
    assert labels_of(root, {"label": value}) == [{"hateful": 1}]


@pytest.mark.parametrize("value", [0, "0", False, "not-hateful", "non-hateful", "Not Hateful", "noHate", "no_hate"])
def test_a_label_column_says_not_hateful_in_several_ways(root: Path, value: object) -> None:
    assert labels_of(root, {"labels": value}) == [{"hateful": 0}]


@pytest.mark.parametrize(("value", "label"), [("offensive", 1), ("Non-offensiv", 0), ("not_offensive", 0)])
def test_a_label_column_may_speak_of_offence(root: Path, value: str, label: int) -> None:
    assert labels_of(root, {"label": value}) == [{"offensive": label}]


@pytest.mark.parametrize("value", [None, "", -1, "nan", []])
def test_a_blank_label_is_not_labelled(root: Path, value: object) -> None:
    assert labels_of(root, {"label": value}, {"label": 1}) == [{}, {"hateful": 1}]


def test_columns_named_like_tasks_hold_class_names_or_indices(root: Path) -> None:
    row = {"hateful": "yes", "offensive": 0, "memotion_sentiment": "Positive", "memotion_humour_level": 3}
    multilabel = {"protected_class": ["sex", "race"], "attack": "slurs, mocking"}
    assert labels_of(root, row | multilabel) == [
        {
            "hateful": 1,
            "offensive": 0,
            "memotion_sentiment": 2,
            "memotion_humour_level": 3,
            "protected_class": (2, 3),
            "attack": (3, 6),
        }
    ]


def test_every_class_of_every_task_can_be_written(root: Path) -> None:
    rows = [{task.name: name} for task in TASKS.values() for name in task.classes]
    indices = [(task, place) for task in TASKS.values() for place in range(len(task.classes))]
    assert labels_of(root, *rows) == [
        {task.name: (place,) if task.kind == "multilabel" else place} for task, place in indices
    ]


def test_a_class_that_a_task_does_not_have_is_reported_with_those_that_it_has(root: Path) -> None:
    assert reasons_of(root, {"memotion_sentiment": "glad"}, {"memotion_sentiment": 3}) == [
        f"memotion_sentiment: {word} is no class of memotion_sentiment; accepted: negative, neutral, positive, an index"
        for word in ("'glad'", "'3'")
    ]


def test_what_cannot_be_mapped_is_reported_with_what_is_accepted(root: Path) -> None:
    (reason,) = reasons_of(root, {"labels": ["very harmful", "individual"]})
    assert reason.startswith("labels: 'very harmful' has no known meaning; accepted: 0, 1, hateful, not_hateful")


HARM = {
    "not harmful": "hateful=not_hateful",
    "somewhat harmful": "hateful=hateful",
    "very harmful": "hateful=hateful, offensive=offensive",
    "individual": "ignore",
}


def test_a_label_map_says_what_a_files_own_values_mean(root: Path) -> None:
    rows = [{"labels": [value, "individual"]} for value in list(HARM)[:3]]
    assert labels_of(root, *rows, label_map=HARM) == [{"hateful": 0}, {"hateful": 1}, {"hateful": 1, "offensive": 1}]


def test_a_label_map_lies_beside_the_data(root: Path) -> None:
    (root / "label_map.yaml").write_text("".join(f"{key}: {value}\n" for key, value in HARM.items()))
    assert labels_of(root, {"labels": ["Very Harmful"]}) == [{"hateful": 1, "offensive": 1}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1: hatful=hateful", "'hatful=hateful' is no task=class; the tasks are hateful"),
        ("1: hateful=bad", "hateful has no class 'bad'; its classes are not_hateful, hateful"),
        ("yes: hateful=hateful", "put the words yes, no, true and false in quotes"),
        ("- a", "expected one line a value"),
        ("a: [", "label_map.yaml: "),
    ],
)
def test_a_label_map_that_does_not_fit_is_refused(root: Path, text: str, message: str) -> None:
    (root / "label_map.yaml").write_text(text)
    with pytest.raises(DatasetError, match=message):
        labels_of(root, {"label": 1})


def test_several_annotators_vote_and_a_tie_is_left_out(root: Path) -> None:
    meaning = {"0": "hateful=not_hateful", "1": "hateful=hateful", "2": "hateful=hateful"}
    rows = ({"labels": [0, 0, 1]}, {"labels": [1, 2, 0]})
    assert labels_of(root, *rows, label_map=meaning) == [{"hateful": 0}, {"hateful": 1}]
    assert reasons_of(root, {"labels": [0, 1]}, label_map=meaning) == ["as many labels say not_hateful as hateful"]


def test_numbers_of_more_classes_than_two_are_asked_about(root: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"labels holds 0, 1, 5, not only 0 and 1; say what they mean in .*'1': hateful"
    ):
        labels_of(root, {"labels": [0, 0, 1]}, {"labels": [5, 5, 5]})


def test_a_binary_column_of_another_name_is_asked_about_and_can_be_mapped(root: Path) -> None:
    rows = ({"misogynous": 1, "shaming": 0}, {"misogynous": 0, "shaming": 0})
    with pytest.raises(DatasetError, match=r"misogynous, shaming hold 0 and 1; say what they mean in .*'misogynous=1'"):
        labels_of(root, *rows)
    meaning = {"misogynous=1": "hateful=hateful", "misogynous=0": "hateful=not_hateful"}
    assert labels_of(root, *rows, label_map=meaning) == [{"hateful": 1}, {"hateful": 0}]
    assert labels_of(root, *rows, label_map={}) == [{}, {}]


def test_a_label_map_that_names_none_of_the_columns_is_refused(root: Path) -> None:
    with pytest.raises(DatasetError, match="as in a label map, but misogynous hold 0 and 1"):
        labels_of(root, {"misogynous": 1}, label_map={"misogyny=1": "hateful=hateful"})


def test_a_broken_line_costs_one_line(root: Path) -> None:
    path = write_json_lines(
        root / "data.jsonl", [{"image": "a.png", "label": 1}, "{broken", {"image": "a.png", "label": 0}]
    )
    loaded = read_generic(root, "all")
    assert ([sample.labels["hateful"] for sample in loaded.samples], loaded.skipped[0].place) == (
        [1, 0],
        f"{path}, line 2",
    )


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_csv_may_have_a_byte_order_mark_crlf_and_any_separator(root: Path, separator: str, mark: str) -> None:
    rows = [("image", "text", "label"), ("a.png", '"two\r\nlines, or more; or\tmore"', "hate")]
    content = mark + "".join(separator.join(row) + "\r\n" for row in rows)
    (root / "data.csv").write_bytes(content.encode())
    (sample,) = read_generic(root, "all").samples
    assert (sample.text, sample.labels) == ("two\r\nlines, or more; or\tmore", {"hateful": 1})


def test_damaged_csv_rows_are_reported_with_the_line_on_which_they_begin(root: Path) -> None:
    content = b'image,text,label\na.png,"two\nlines",0\na.png,a, stray comma,1\na.png,\xff\xfe,1\na.png,fine,1\n'
    (root / "data.csv").write_bytes(content)
    loaded = read_generic(root, "all")
    assert [sample.text for sample in loaded.samples] == ["two\nlines", "fine"]
    assert [(skipped.place.rpartition(", ")[2], skipped.reason[:20]) for skipped in loaded.skipped] == [
        ("line 4", "4 fields under a hea"),
        ("line 5", "not UTF-8; save the "),
    ]


def test_a_json_file_may_be_an_array_an_object_of_objects_or_json_lines(root: Path) -> None:
    rows = [{"image": "a.png", "label": 1}, {"image": "a.png", "label": 0}]
    documents = (json.dumps(rows), json.dumps({"x": rows[0], "y": rows[1]}), "\n".join(map(json.dumps, rows)))
    found = []
    for document in documents:
        (root / "data.json").write_text(document)
        found.append([(sample.id, sample.labels["hateful"]) for sample in read_generic(root, "all").samples])
    assert found == [[("a.png", 1), ("a.png", 0)], [("x", 1), ("y", 0)], [("a.png", 1), ("a.png", 0)]]


def test_pictures_may_be_named_by_id_alone(root: Path) -> None:
    write_picture(root / "img_resized" / "11.jpg", 2)
    rows = {"11": {"tweet_text": "a", "label": 1}, "12": {"tweet_text": "b", "label": 0}}
    (root / "data.json").write_text(json.dumps(rows))
    loaded = read_generic(root, "all")
    assert [sample.image for sample in loaded.samples] == [root / "img_resized" / "11.jpg"]
    assert [skipped.reason for skipped in loaded.skipped] == ["the picture '12' is missing"]


def test_the_split_is_told_by_the_file_name(root: Path) -> None:
    for name in ("training.csv", "my-val_v2.csv", "test_unseen.csv", "._test.csv"):
        write_csv(root / name, [("image", "label"), ("a.png", 1)])
    assert detect_layout(root).splits(root) == ("train", "dev", "test_unseen")
    assert [sample.split for sample in read_generic(root, "dev").samples] == ["dev"]


def test_the_split_is_told_by_a_column(root: Path) -> None:
    write_csv(
        root / "memes.csv",
        [("image", "hate", "split"), ("a.png", 1, "train"), ("a.png", 0, "val"), ("a.png", 1, "Test")],
    )
    assert detect_layout(root).splits(root) == ("train", "dev", "test")
    assert [sample.labels for sample in read_generic(root, "dev").samples] == [{"hateful": 0}]


def test_tables_in_a_folder_of_annotations_find_pictures_beside_it(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "a.png", 1)
    write_json_lines(tmp_path / "annotations" / "train.jsonl", [{"image": "a.png", "label": 1}])
    assert [sample.image for sample in read_generic(tmp_path, "train").samples] == [tmp_path / "images" / "a.png"]


def test_each_split_may_have_a_folder_with_its_table_and_pictures(tmp_path: Path) -> None:
    for split, label in (("train", 1), ("validation", 0)):
        write_picture(tmp_path / split / "a.png", label)
        write_csv(tmp_path / split / "metadata.csv", [("file_name", "label"), ("a.png", label)])
    (sample,) = read_generic(tmp_path, "dev").samples
    assert (sample.image, sample.labels) == (tmp_path / "validation" / "a.png", {"hateful": 0})


def test_two_tables_of_one_split_are_not_mixed(root: Path) -> None:
    for name in ("train.csv", "train.jsonl"):
        (root / name).write_text('{"image": "a.png"}' if name.endswith("l") else "image\na.png\n")
    with pytest.raises(DatasetError, match=r"both .*train\.csv and .*train\.jsonl hold 'train'; give one file by name"):
        read_generic(root, "train")
    assert len(read_generic(root / "train.csv", "train").samples) == 1


def test_a_file_without_pictures_or_words_is_refused_by_its_columns(root: Path) -> None:
    path = write_csv(root / "data.csv", [("colour", "size"), ("red", 1)])
    with pytest.raises(DatasetError, match="no column is an image or a text; it has colour, size"):
        read_generic(path, "all")


def test_pictures_in_folders_named_by_class_need_no_table(tmp_path: Path) -> None:
    root = write_image_folder(tmp_path / "memes", ("Hate", "No Hate"))
    assert detect_layout(root).splits(root) == ("all",)
    samples = read_generic(root, "all").samples
    assert [(s.id, s.labels["hateful"], s.text) for s in samples] == [
        ("Hate/0.png", 1, ""),
        ("Hate/1.png", 1, ""),
        ("No Hate/0.png", 0, ""),
        ("No Hate/1.png", 0, ""),
    ]


def test_class_folders_may_lie_in_folders_of_splits(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_image_folder(tmp_path / split, n_each=1)
    assert detect_layout(tmp_path).splits(tmp_path) == ("train", "dev")
    assert [sample.labels["hateful"] for sample in read_generic(tmp_path, "dev").samples] == [1, 0]


def test_a_class_folder_of_another_name_is_reported_as_a_whole_or_mapped(tmp_path: Path) -> None:
    root = write_image_folder(tmp_path / "memes", ("hateful", "harmless"))
    (skipped,) = read_generic(root, "all").skipped
    assert (skipped.place, skipped.reason[:32]) == (str(root / "harmless"), "2 pictures: folder: 'harmless' h")
    mapped = load_source(Source(path=root, split="all", label_map={"harmless": "hateful=not_hateful"}))
    assert sorted(str(sample.labels) for sample in mapped.samples) == ["{'hateful': 0}"] * 2 + ["{'hateful': 1}"] * 2

"""The files of one's own data: formats, damage, splits, and folders that need no table."""

import json
from pathlib import Path

import pytest
from support.dataset_files import write_csv, write_image_folder, write_json_lines, write_picture
from support.generic_tables import write_root

from training.datasets import DatasetError, Source, detect_layout, load_source, read_generic


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_root(tmp_path)


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

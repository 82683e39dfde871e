import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError
from support import dataset_files

from model.taxonomy import TASKS
from training.datasets import LAYOUTS, DatasetError, Source, detect_layout, load_source, parse_source

WRITERS: dict[str, Callable[[Path], Path]] = {
    "hateful_memes": dataset_files.write_hateful_memes,
    "hateful_memes_fine_grained": dataset_files.write_fine_grained,
    "memotion7k": dataset_files.write_memotion,
    "multioff": dataset_files.write_multioff,
    "generic": dataset_files.write_generic,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_layout_is_told_from_its_files(tmp_path: Path, name: str) -> None:
    assert detect_layout(WRITERS[name](tmp_path / "set")).name == name


@pytest.mark.parametrize("name", WRITERS)
def test_every_split_that_is_there_can_be_read_with_labels_of_the_layouts_tasks(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path / "set")
    layout = detect_layout(root)
    loaded = [load_source(Source(path=root, split=split)) for split in layout.splits(root)]
    tasks = {task for one in loaded for sample in one.samples for task in sample.labels}
    assert tasks == ({"hateful"} if name == "generic" else set(layout.tasks))
    assert [sample for one in loaded for sample in one.samples if sample.image is None] == []


@pytest.mark.parametrize(
    ("file", "layout", "splits"),
    [
        ("hatemoji_build_validation.csv", "hatemoji", ("dev",)),
        ("stormfront.csv", "stormfront", ("train",)),
        ("hatecheck.csv", "hatecheck", ("test",)),
        ("implicit_hate.csv", "implicit_hate", ("train", "dev", "test")),
        ("edos.csv", "edos", ("train", "dev", "test")),
        ("toxigen_human.csv", "toxigen", ("train", "dev", "test")),
        ("redditbias.csv", "redditbias", ("train", "dev", "test")),
        ("madlibs.csv", "madlibs", ("train", "dev", "test")),
    ],
)
def test_a_text_set_is_told_from_its_file(tmp_path: Path, file: str, layout: str, splits: tuple[str, ...]) -> None:
    for write in (dataset_files.write_text_hate, dataset_files.write_posts, dataset_files.write_group_mentions):
        write(tmp_path)
    path = tmp_path / file
    found = detect_layout(path)
    assert (found.name, found.splits(path), found.has_pictures) == (layout, splits, False)


def test_a_folder_of_several_sets_must_be_named(tmp_path: Path) -> None:
    root = dataset_files.write_text_hate(tmp_path)
    with pytest.raises(DatasetError, match="several layouts: hatemoji, stormfront, hatecheck; name one"):
        detect_layout(root)
    assert parse_source(str(root), "test", layout="hatecheck").split == "test"


def test_an_unknown_folder_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DatasetError, match="of no known layout") as error:
        detect_layout(tmp_path)
    assert [name for name in LAYOUTS if f"{name}: " not in str(error.value)] == []


def test_a_folder_whose_table_has_unknown_columns_is_refused_with_those_columns(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text("Nr;Bild;Words\n1;a.png;some words\n")
    with pytest.raises(DatasetError) as error:
        detect_layout(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} is of no known layout; {tmp_path}/export.csv: no column is known as an image or a text; "
        "it has Nr, Bild, Words. Name them as in data_cards/generic.md"
    )


def test_other_labels_in_rows_like_hateful_memes_are_not_lost(tmp_path: Path) -> None:
    dataset_files.write_picture(tmp_path / "img" / "1.png", 1)
    row = {"id": "1", "img": "img/1.png", "text": "a", "label": 1}
    path = dataset_files.write_json_lines(tmp_path / "train.jsonl", [row | {"offensive": 1}])
    assert detect_layout(tmp_path).name == "generic"
    dataset_files.write_json_lines(path, [row])
    assert detect_layout(tmp_path).name == "hateful_memes"


@pytest.mark.parametrize(
    ("text", "split"), [("set:dev", "dev"), ("set:val", "dev"), ("set", "test"), ("set/train.jsonl", "train")]
)
def test_a_source_is_a_path_and_a_split(tmp_path: Path, text: str, split: str) -> None:
    dataset_files.write_generic(tmp_path / "set")
    source = parse_source(f"{tmp_path}/{text}", "test")
    assert (source.path, source.split) == (tmp_path / text.partition(":")[0], split)


def test_a_path_may_hold_a_colon(tmp_path: Path) -> None:
    root = dataset_files.write_generic(tmp_path / "a:b")
    assert parse_source(str(root), "test").path == root
    assert parse_source(f"{root}:dev", "test").split == "dev"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gone", "gone is missing"),
        ("set:evening", "has no split 'evening'; it has: train, dev_seen. Name one"),
        ("set", "has no split 'test'; it has: train, dev_seen"),
    ],
)
def test_a_source_that_is_not_there_is_named(tmp_path: Path, text: str, message: str) -> None:
    dataset_files.write_hateful_memes(tmp_path / "set", {"train": 1, "dev_seen": 1})
    with pytest.raises(DatasetError, match=message):
        parse_source(f"{tmp_path}/{text}", "test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layout": "memotion"}, "unknown layout 'memotion'; known layouts: hateful_memes"),
        ({"tasks": ("hatful",)}, "unknown task 'hatful'; known tasks: hateful"),
        ({"label_map": {"1": "hateful=no"}}, "hateful has no class 'no'"),
        ({"limit": 0}, "limit"),
        ({"splitt": "train"}, "splitt"),
    ],
)
def test_a_source_that_cannot_be_is_refused_before_any_reading(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        Source.model_validate({"path": "nowhere", "split": "train"} | change)


def test_a_borrowed_layout_is_named_by_its_folder_and_others_by_themselves(tmp_path: Path) -> None:
    borrowed = dataset_files.write_hateful_memes(tmp_path / "religious_memes", {"train": 2})
    own = dataset_files.write_multioff(tmp_path / "some_folder")
    sources = [Source(path=path, split="train") for path in (borrowed, borrowed / "train.jsonl", own)]
    sources.append(Source(path=own, split="train", dataset="election"))
    names = [load_source(source).samples[0].dataset for source in sources]
    assert names == ["religious_memes", "religious_memes", "multioff", "election"]


def test_only_the_tasks_that_were_asked_for_are_kept(tmp_path: Path) -> None:
    root = dataset_files.write_fine_grained(tmp_path)
    loaded = load_source(Source(path=root, split="train", tasks=("attack", "hateful")))
    assert loaded.samples[0].labels == {"hateful": 1, "attack": (3, 5)}
    with pytest.raises(
        DatasetError, match="no row has a label of offensive; labelled are: attack, hateful, protected_"
    ):
        load_source(Source(path=root, split="train", tasks=("offensive",)))


def test_a_limit_takes_samples_from_the_whole_split(tmp_path: Path) -> None:
    root = dataset_files.write_image_folder(tmp_path / "memes", n_each=4)
    loaded = load_source(Source(path=root, split="all", limit=4))
    assert [sample.id for sample in loaded.samples] == [
        "hateful/0.png",
        "hateful/2.png",
        "not_hateful/0.png",
        "not_hateful/2.png",
    ]
    assert len(load_source(Source(path=root, split="all", limit=100)).samples) == 8


def test_a_source_of_which_every_row_was_left_out_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    root = dataset_files.write_hateful_memes(tmp_path, {"train": 2})
    for picture in (root / "img").iterdir():
        picture.unlink()
    with pytest.raises(
        DatasetError, match=r"all 2 rows were left out; the first is .*train\.jsonl, line 1: the picture"
    ):
        load_source(Source(path=root, split="train"))
    assert len(detect_layout(root).read(root, "train", dataset="x").skipped) == 2


def test_a_label_map_is_for_ones_own_files(tmp_path: Path) -> None:
    root = dataset_files.write_multioff(tmp_path)
    with pytest.raises(DatasetError, match="label_map is for the layout generic; multioff knows what its labels mean"):
        load_source(Source(path=root, split="train", layout="multioff", label_map={"1": "hateful=hateful"}))


def test_every_layouts_tasks_are_in_the_taxonomy_in_its_order() -> None:
    assert [
        name for name, layout in LAYOUTS.items() if list(layout.tasks) != [t for t in TASKS if t in layout.tasks]
    ] == []


def test_a_limit_of_one_class_leaves_the_others_and_the_order(tmp_path: Path) -> None:
    root = dataset_files.write_hateful_memes(tmp_path / "set", {"train": 12})
    whole = load_source(Source(path=root, split="train")).samples
    limited = load_source(Source(path=root, split="train", class_limits={"hateful=hateful": 2})).samples
    hateful = [sample.id for sample in limited if sample.labels["hateful"] == 1]
    assert len(hateful) == 2
    assert [sample.id for sample in whole if sample.labels["hateful"] == 0 or sample.id in hateful] == [
        sample.id for sample in limited
    ]
    assert len(load_source(Source(path=root, split="train", class_limits={"hateful=hateful": 0})).samples) == 6
    with pytest.raises(ValidationError, match="hateful has no class 'hatful'"):
        Source(path=root, split="train", class_limits={"hateful=hatful": 1})

"""The task target: whom the sentences of each set attack, as its own files name groups; nothing is guessed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dataset_files import write_csv, write_hateful_memes, write_json_lines
from support.generic_tables import labels_of, reasons_of, write_root

from model.taxonomy import TASKS
from training.curation.check import check
from training.datasets import Labels, Source, detect_layout, load_source, read_hatecheck, read_hatemoji
from training.datasets.readers.minimal_pairs import group_classes
from training.datasets.target_groups import CLASSES_OF_GROUP, TargetLabels

CLASSES = TASKS["target"].classes
HATEFUL: Labels = {"hateful": 1}
HARMLESS: Labels = {"hateful": 0}
GROUPS = st.lists(st.sampled_from([*CLASSES_OF_GROUP, "Martians", "nat.atlantis", "None"]), max_size=4)


def target_of(labels: Labels) -> list[str] | None:
    label = labels.get("target")
    return [CLASSES[index] for index in label] if isinstance(label, tuple) else None


def test_every_group_has_classes_of_the_task_and_none_says_nobody() -> None:
    assert {name for classes in CLASSES_OF_GROUP.values() for name in classes} == set(CLASSES) - {"none"}
    assert [name for name in CLASSES_OF_GROUP if name != name.casefold().replace("_", " ")] == []


@pytest.mark.parametrize(
    ("groups", "target"),
    [
        (["muslim"], ["religion"]),
        (["Muslims"], ["religion"]),
        (["middle_east", "mus"], ["religion", "race_or_origin"]),
        (["blawom"], ["race_or_origin", "sex_or_gender"]),
        (["nat.atlantis"], ["race_or_origin"]),
        (["trans people"], ["sex_or_gender"]),
        (["gaywom"], ["sexual_orientation"]),
        (["mental_dis", "physical_dis"], ["disability"]),
        (["wc", "wom"], ["sex_or_gender"]),
        (["wc"], None),
        (["elderly", "young"], None),
        (["Martians"], None),
        (["Martians", "jew"], None),
        ([], None),
    ],
)
def test_hate_has_the_classes_of_its_groups_and_no_label_where_they_are_not_told(
    groups: list[str], target: list[str] | None
) -> None:
    assert target_of(TargetLabels().added(HATEFUL, groups)) == target


@given(GROUPS)
def test_a_group_that_is_not_known_is_noted_and_never_guessed(groups: list[str]) -> None:
    found = TargetLabels()
    label = target_of(found.added(HATEFUL, groups))
    assert found.unknown == (("Martians",) if "Martians" in groups else ())
    assert ("Martians" in groups) <= (label is None)
    assert label is None or "none" not in label


@given(GROUPS)
def test_harmless_content_attacks_nobody_whoever_it_names(groups: list[str]) -> None:
    assert target_of(TargetLabels().added(HARMLESS, groups)) == ["none"]
    assert TargetLabels().added({"offensive": 1}, groups) == {"offensive": 1}


def test_hatemoji_writes_groups_as_a_list_of_codes(tmp_path: Path) -> None:
    header = ("entry_id", "text", "type", "target", "label_gold")
    targets = (("['asi.south', 'arab', 'mus']", 1), ("['none']", 0), ("['wc']", 1), ("['xyz', 'wom']", 1), ("", 1))
    rows = [(n, f"words {n}", "none", *target) for n, target in enumerate(targets)]
    write_csv(tmp_path / "hatemoji_build_train.csv", [header, *rows])
    loaded = read_hatemoji(tmp_path, "train")
    found = [target_of(sample.labels) for sample in loaded.samples]
    assert found == [["religion", "race_or_origin"], ["none"], None, None, None]
    assert loaded.unknown_groups == ("xyz",)
    report = check(tmp_path, layout="hatemoji")
    assert [line for line in report.warnings if "xyz" in line] == [
        "train: rows that attack xyz have no label of target, whose classes do not name that"
    ]


def test_a_file_that_has_no_column_of_groups_has_no_label_of_them(tmp_path: Path) -> None:
    write_csv(tmp_path / "hatemoji_build_train.csv", [("entry_id", "text", "label_gold"), (1, "a b", 0), (2, "c d", 1)])
    assert [sample.labels for sample in read_hatemoji(tmp_path, "train").samples] == [HARMLESS, HATEFUL]
    header = ("functionality", "case_id", "test_case", "label_gold")
    write_csv(tmp_path / "hatecheck.csv", [header, ("neg", 1, "a b", "non-hateful"), ("pos", 2, "c d", "hateful")])
    assert [sample.labels for sample in read_hatecheck(tmp_path).samples] == [HARMLESS, HATEFUL]


def test_hatecheck_names_its_groups_in_words(tmp_path: Path) -> None:
    header = ("functionality", "case_id", "test_case", "label_gold", "target_ident")
    groups = ("women", "trans people", "gay people", "black people", "disabled people", "Muslims", "immigrants")
    rows = [("pos", n, f"words {n}", "hateful", group) for n, group in enumerate(groups)]
    rows += [("neg", 10 + n, f"others {n}", "non-hateful", group) for n, group in enumerate(("women", ""))]
    write_csv(tmp_path / "hatecheck.csv", [header, *rows])
    loaded = read_hatecheck(tmp_path)
    names = [target_of(sample.labels) for sample in loaded.samples]
    assert names == [
        ["sex_or_gender"], ["sex_or_gender"], ["sexual_orientation"], ["race_or_origin"], ["disability"], ["religion"],
        ["race_or_origin"], ["none"], ["none"],
    ]  # fmt: skip
    assert loaded.unknown_groups == ()


def test_minimal_pairs_attack_the_characteristic_of_their_group() -> None:
    found: dict[tuple[int, str | None], set[str]] = {}
    loaded = load_source(Source.model_validate({"layout": "minimal_pairs", "split": "train"}))
    for sample in loaded.samples:
        characteristic = group_classes()[sample.tags[0]] if sample.tags else None
        told = target_of(sample.labels)
        found.setdefault((int(sample.labels["hateful"] == 1), characteristic), set()).add(str(told))
    assert {classes for (is_hateful, _), names in found.items() for classes in names if not is_hateful} == {"['none']"}
    assert {name: found[1, name] for name in ("religion", "race", "sex_or_gender", "disability", "other")} == {
        "religion": {"['religion']"},
        "race": {"['race_or_origin']"},
        "sex_or_gender": {"['sex_or_gender']"},
        "disability": {"['disability']"},
        "other": {"None"},
    }


def test_a_label_map_says_whom_a_set_about_one_group_attacks(tmp_path: Path) -> None:
    root = write_hateful_memes(tmp_path, {"train": 4})
    label_map = {"1": "hateful=hateful, target=religion", "0": "hateful=not_hateful, target=none"}
    source = Source(path=root, split="train", layout="hateful_memes", label_map=label_map)
    assert [sample.labels for sample in load_source(source).samples] == [
        HARMLESS | {"target": (5,)},
        HATEFUL | {"target": (0,)},
    ] * 2
    assert {sample.dataset for sample in load_source(source).samples} == {root.name}


@pytest.mark.parametrize(("limits", "left"), [({"target=none": 0}, ["religion"] * 2), ({"target=religion": 1}, None)])
def test_classes_of_a_task_with_several_labels_can_be_limited(
    tmp_path: Path, limits: dict[str, int], left: list[str] | None
) -> None:
    rows = [("women", 0), ("mus", 1), ("women", 0), ("mus", 1)]
    header = ("entry_id", "text", "target", "label_gold")
    write_csv(tmp_path / "hatemoji_build_train.csv", [header, *((n, f"w {n}", *row) for n, row in enumerate(rows))])
    source = Source(path=tmp_path, split="train", class_limits=limits)
    found = [name for sample in load_source(source).samples for name in target_of(sample.labels) or ()]
    assert found == (left or ["none", "religion", "none"])


def test_a_table_of_ones_own_may_say_whom_beside_its_label(tmp_path: Path) -> None:
    root = write_root(tmp_path)
    rows: list[dict[str, object]] = [
        {"label": 1, "target": "religion, sex_or_gender"},
        {"label": 0, "target": "none"},
        {"label": 1, "target": ["Sexual Orientation"]},
        {"label": 0, "target": None},
        {"label": 1, "target": ""},
    ]
    assert labels_of(root, *rows) == [
        {"hateful": 1, "target": (0, 2)},
        {"hateful": 0, "target": (5,)},
        {"hateful": 1, "target": (3,)},
        {"hateful": 0},
        {"hateful": 1},
    ]
    assert labels_of(root, {"target": "none"}, {"target": "disability"}) == [{"target": (5,)}, {"target": (4,)}]


@pytest.mark.parametrize("other", ["women", "2", 0, "['mus']", "religious people"])
def test_a_column_target_of_another_set_is_no_label_of_the_task(tmp_path: Path, other: object) -> None:
    root = write_root(tmp_path)
    rows = [{"label": 1, "target": other}, {"label": 0, "target": "religion"}]
    assert labels_of(root, *rows) == [HATEFUL, HARMLESS]
    assert reasons_of(root, *rows) == []


def test_a_column_target_of_0_and_1_is_read_by_a_label_map_as_any_other(tmp_path: Path) -> None:
    label_map = {"target=1": "hateful=hateful", "target=0": "hateful=not_hateful"}
    assert labels_of(write_root(tmp_path), {"target": 1}, {"target": 0}, label_map=label_map) == [HATEFUL, HARMLESS]


@pytest.mark.parametrize(("value", "layout"), [("women", "hateful_memes"), ("religion", "generic")])
def test_hateful_memes_with_a_target_of_another_meaning_stay_in_their_layout(
    tmp_path: Path, value: str, layout: str
) -> None:
    row = {"id": "00001", "img": "img/00001.png", "text": "a", "label": 1, "target": value}
    root = write_hateful_memes(tmp_path, {"train": 1})
    write_json_lines(root / "train.jsonl", [row])
    assert detect_layout(root).name == layout

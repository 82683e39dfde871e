"""What labels in one's own tables mean: by themselves, by a label map, or not at all."""

from pathlib import Path

import pytest
from support.generic_tables import labels_of, reasons_of, write_root

from model.taxonomy import TASKS
from training.datasets import DatasetError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_root(tmp_path)


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
    indices = [(task, index) for task in TASKS.values() for index in range(len(task.classes))]
    assert labels_of(root, *rows) == [
        {task.name: (index,) if task.kind == "multilabel" else index} for task, index in indices
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


def test_a_label_map_for_a_column_of_another_name_is_not_passed_over(root: Path) -> None:
    label_map = {"Awful": "hateful=hateful", "fine": "hateful=not_hateful"}
    with pytest.raises(
        DatasetError, match=r"no column is named label, and it stands in verdict: write 'verdict=awful'"
    ):
        labels_of(root, {"verdict": "awful"}, {"verdict": "fine"}, label_map=label_map)
    assert labels_of(root, {"verdict": "so so"}, label_map=label_map) == [{}]

from pathlib import Path

import numpy as np
import pytest
import yaml
from support.preparation import picture

from model.taxonomy import TASKS
from model.text.identity_terms import IDENTITY_TERMS
from training.datasets import DatasetError, Sample
from training.evaluation.breakdown import class_table, group_table
from training.evaluation.false_alarms import Stops
from training.evaluation.groups import (
    Grouping,
    by_function,
    by_identity_terms,
    by_protected_class,
    by_target,
    by_target_group,
    by_text_length,
    by_whom_they_name,
    groupings,
    resampling_groups,
)
from training.evaluation.labels import Question, labelled, parse_as_task, questions
from training.evaluation.memotion import MEMOTION_TASKS, memotion_scores
from training.evaluation.scoring import Scored

ALL_TASKS = tuple(TASKS.values())


def sample(text: str, number: int = 0, dataset: str = "made", **fields: object) -> Sample:
    return Sample(str(number), dataset, "test", text, **{"labels": {"hateful": number % 2}} | fields)  # type: ignore[arg-type]


def members(grouping: Grouping) -> dict[str, list[int]]:
    return {name: np.flatnonzero(mask).tolist() for name, mask in grouping.masks.items()}


def test_identity_terms_are_whole_words_in_any_case_and_number() -> None:
    texts = [
        "my Muslims neighbours",
        "JEWISH bakery",
        "the womanly arts",
        "mus\u200blim soup",
        "black shoes",
        "black people",
    ]
    assert members(by_identity_terms([sample(text) for text in texts])) == {
        "no identity term": [2, 4],
        "any identity term": [0, 1, 3, 5],
        "religion": [0, 1, 3],
        "race": [5],
    }


def test_a_term_with_enough_items_is_a_group_of_its_own() -> None:
    found = members(by_identity_terms([sample("a hindu wedding")] * 20 + [sample("a sikh wedding")] * 19))
    assert found["religion: hindu"] == list(range(20))
    assert "religion: sikh" not in found


def test_texts_that_name_nobody_make_no_groups() -> None:
    assert by_identity_terms([sample("sun over the hill")]).masks == {}


def test_every_identity_term_is_lower_case_and_stands_under_one_class_only() -> None:
    terms = yaml.safe_load(IDENTITY_TERMS.read_text(encoding="utf-8"))
    names = [name for part in terms.values() for name in part]
    assert len(set(names)) == len(names)
    assert [name for name in names if name != name.casefold()] == []
    assert set(TASKS["protected_class"].classes) - {"pc_empty"} <= set(terms)


def test_hate_is_grouped_by_whom_it_attacks() -> None:
    labels: list[dict[str, object]] = [{"target": (0, 2)}, {"target": (5,)}, {"hateful": 1}, {"target": (2,)}]
    samples = [sample("", labels=label) for label in labels]
    assert members(by_target(samples)) == {"religion": [0], "sex or gender": [0, 3], "none": [1]}
    assert "target" in [grouping.name for grouping in groupings(samples)]
    assert "target" not in [grouping.name for grouping in groupings(samples[2:3] * 4)]


def test_protected_classes_overlap_and_unannotated_memes_are_in_none() -> None:
    labels: list[dict[str, object]] = [{"protected_class": (1, 3)}, {"protected_class": (0,)}, {"hateful": 1}]
    found = members(by_protected_class([sample("", labels=label) for label in labels]))
    assert found == {"pc_empty": [1], "religion": [0], "sex": [0]}


def test_text_length_counts_words_and_sees_through_invisible_characters() -> None:
    texts = ["", "\u200b", "one", " ".join("a" * 8), " ".join("a" * 9), " ".join("a" * 20), " ".join("a" * 21)]
    found = members(by_text_length([sample(text) for text in texts]))
    assert list(found.values()) == [[0, 1], [2, 3], [4, 5], [6]]


def test_hatecheck_is_split_by_function_and_target_and_no_other_set_by_its_tags() -> None:
    tests = [
        sample("a", tags=("negate_neg_nh", "women"), dataset="hatecheck"),
        sample("b", tags=("slur_h", "immigrants"), dataset="hatecheck"),
        sample("c", tags=("target_obj_nh",), dataset="hatecheck"),
    ]
    assert members(by_function(tests)) == {"negate_neg_nh": [0], "slur_h": [1], "target_obj_nh": [2]}
    assert members(by_target_group(tests)) == {
        "no group named": [2],
        "any group named": [0, 1],
        "immigrants": [1],
        "women": [0],
    }
    assert by_function([sample("a", tags=("cat", "dog"))]).masks == {}
    assert by_target_group([sample("a", tags=("cat", "dog"))]).masks == {}


def test_a_set_that_names_a_group_is_split_by_it_and_not_by_function() -> None:
    mine = [
        sample("a", tags=("women",), dataset="toxigen"),
        sample("b", tags=("jews",), dataset="redditbias"),
        sample("c", tags=("middle aged",), dataset="madlibs"),
        sample("d", dataset="madlibs"),
    ]
    assert members(by_target_group(mine)) == {
        "no group named": [3],
        "any group named": [0, 1, 2],
        "women": [0],
        "jews": [1],
        "middle aged": [2],
    }
    assert by_function(mine).masks == {}


def test_a_set_whose_every_sentence_is_about_a_group_has_no_reference_row() -> None:
    mine = [sample("a", tags=("women",), dataset="toxigen"), sample("b", tags=("asian",), dataset="toxigen")]
    assert members(by_target_group(mine)) == {"any group named": [0, 1], "women": [0], "asian": [1]}


def test_items_are_grouped_by_whom_annotators_name_and_else_by_the_identity_terms() -> None:
    annotated = [sample("a jewish friend", tags=("jews",), dataset="redditbias"), sample("sun", dataset="redditbias")]
    assert list(members(by_whom_they_name(annotated))) == ["no group named", "jews"]
    found = by_whom_they_name([sample("a jewish friend"), sample("sun")])
    assert (found.name, found.reference, found.masks["no identity term"].tolist()) == (
        "identity_terms",
        "no identity term",
        [False, True],
    )


def test_only_groupings_that_split_the_set_are_shown() -> None:
    assert [grouping.name for grouping in groupings([sample("sun"), sample("")])] == ["text_length"]


def test_the_same_words_or_picture_belong_together(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        picture(seed).save(tmp_path / f"{name}.png")
    texts = ("Sun  shine", "rain", "sun shine")
    mine = [sample(text, n, image=tmp_path / f"{'abc'[n]}.png") for n, text in enumerate(texts)]
    mine += [sample("", 3), sample("", 4)]  # without words, or a picture, each by itself
    by_text, by_picture = (resampling_groups(mine, by) for by in ("text", "picture"))
    assert by_text is not None
    assert by_picture is not None
    assert (by_text[0] == by_text[2], len(set(by_text))) == (True, 4)
    assert (by_picture[0] == by_picture[1], len(set(by_picture))) == (True, 4)
    assert resampling_groups(mine, "item") is None


def test_rates_and_background_aurocs_of_a_case_worked_by_hand() -> None:
    labels = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    scores = np.array([0.9, 0.6, 0.8, 0.3, 0.1, 0.2, 0.7, 0.75])
    group = np.array([True] * 4 + [False] * 4)
    reviewed = Stops(harmless=labels == 0, by_policy=scores >= 0.25, at_recall=scores >= 0.7)
    (row,) = group_table(Grouping("made", "", "", {"g": group}, has_background=True), labels, scores, reviewed).rows
    values = {name: found.value for name, found in row.metrics.items()}
    assert (row.n, row.n_positive, row.n_harmless, row.is_small) == (4, 2, 2, True)
    assert values == pytest.approx(
        {
            "accuracy": 0.25,
            "false_positive_rate": 1.0,
            "false_negative_rate": 0.5,
            "reviewed_negatives": 1.0,
            "reviewed_positives": 1.0,
            "negatives_at_recall": 0.5,
            "auroc": 0.25,  # of (.8, .3) over (.9, .6) one pair of four
            "bpsn_auroc": 0.5,  # background positives .7, .75 against group negatives .9, .6
            "bnsp_auroc": 1.0,  # group positives .8, .3 against background negatives .1, .2
        }
    )


def test_a_group_of_one_class_says_why_it_has_no_auroc() -> None:
    masks = {"g": np.array([True, True, False])}
    labels = np.array([0, 0, 1])
    unheld = Stops(harmless=labels == 0, by_policy=None, at_recall=None)
    table = group_table(Grouping("made", "", "", masks), labels, np.array([0.1, 0.9, 0.5]), unheld)
    (row,) = table.rows
    assert table.metrics == ("accuracy", "false_positive_rate")  # no column without any value
    assert "reviewed_negatives" not in table.metrics
    assert row.metrics["auroc"].reason == "needs items of both classes"
    assert row.metrics["false_negative_rate"].reason == "no such items"


def test_each_class_of_a_multilabel_task_is_held_against_all_other_items() -> None:
    labels = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]])
    scores = np.array([[0.9, 0.6, 0.2], [0.2, 0.7, 0.6], [0.4, 0.8, 0.1], [0.1, 0.9, 0.1]])
    table = class_table(("a", "b", "c"), labels, scores, n_resamples=50)
    values = {row.group: {name: found.value for name, found in row.metrics.items()} for row in table.rows}
    assert values == {
        "a": {"auroc": 1.0, "precision": 1.0, "recall": 0.5},
        "b": {"auroc": 0.5, "precision": 0.5, "recall": 1.0},
        "c": {"auroc": None, "precision": 0.0, "recall": None},
    }
    assert [row.n_positive for row in table.rows] == [2, 2, 0]


def test_tasks_that_are_labelled_are_found_and_others_named() -> None:
    mine = [sample("", labels={"offensive": 1})] * 3
    assert [q.title for q in questions("here", mine, ALL_TASKS, {})] == ["offensive"]
    with pytest.raises(
        DatasetError, match=r"no labels for hateful.*offensive \(3 items\).*--as-task hateful=offensive"
    ):
        questions("here", mine, [TASKS["hateful"]], {})
    (asked,) = questions("here", mine, [TASKS["hateful"]], {"hateful": "offensive"})
    assert asked.title == "hateful (labels: offensive)"
    rows, labels = labelled(asked, mine)
    assert (rows.tolist(), labels.tolist()) == ([0, 1, 2], [1, 1, 1])


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("attack=offensive", "the bundle has no task 'attack'"),
        ("hateful=rude", "unknown task 'rude'"),
        ("hateful=memotion_sentiment", "both must be yes/no tasks"),
        ("hateful", "unknown task ''"),
    ],
)
def test_a_mapping_of_tasks_that_cannot_be_is_refused(pair: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse_as_task([pair], [TASKS["hateful"]])


def test_multilabel_labels_become_rows_of_zeros_and_ones() -> None:
    mine = [
        sample("", labels={"protected_class": (1, 3)}),
        sample("", labels={}),
        sample("", labels={"protected_class": ()}),
    ]
    rows, labels = labelled(Question(TASKS["protected_class"], "protected_class"), mine)
    assert (rows.tolist(), labels.tolist()) == ([0, 2], [[0, 1, 0, 1, 0, 0], [0] * 6])


def test_memotion_scores_are_means_over_the_questions_of_a_task() -> None:
    rng = np.random.default_rng(0)
    names = [name for tasks in MEMOTION_TASKS.values() for name in tasks]
    mine = [
        sample("", n, labels={name: int(rng.integers(len(TASKS[name].classes))) for name in names}) for n in range(40)
    ] + [sample("", 99, labels={"memotion_humour": 1})]  # not all of task B: left out of it
    perfect = {
        name: np.array([one_hot(name, s.labels.get(name, 0)) for s in mine])  # type: ignore[arg-type]
        for name in names
    }
    scored = Scored(mine, {}, perfect, ["text"] * len(mine), [], 0.0)
    found = memotion_scores(scored, n_resamples=20)
    assert {name: score.value for name, score in found.items()} == {"A": 1.0, "B": 1.0, "C": 1.0}
    perfect["memotion_humour"] = 1 - perfect["memotion_humour"]  # all wrong: macro-F1 0 for one of four questions
    assert memotion_scores(scored, n_resamples=20)["B"].value == 0.75
    del perfect["memotion_humour_level"]
    assert list(memotion_scores(scored, n_resamples=20)) == ["A", "B"]


def one_hot(task: str, label: int) -> object:
    if TASKS[task].kind == "binary":
        return float(label)
    return [float(index == label) for index in range(len(TASKS[task].classes))]

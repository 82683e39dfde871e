"""Which samples of a source have a label that a model of the words doubts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.taxonomy import TASKS
from training.baselines.disputed import disputed, label_doubts
from training.datasets import DatasetError, Sample

N_EACH = 30
HARMLESS = "hateful=not_hateful"


def samples(wrong: tuple[int, ...] = ()) -> list[Sample]:
    """Sunny sentences are harmless and rainy ones hateful, but for the labels of those at ``wrong``."""
    weather = ["sun and warm sand", "rain and cold mud"]
    return [
        Sample(str(at), "made", "train", f"{weather[at % 2]} day {at}", {"hateful": (at % 2) ^ (at in wrong)})
        for at in range(2 * N_EACH)
    ]


@settings(max_examples=5, deadline=None)
@given(st.sets(st.integers(0, N_EACH - 1), min_size=1, max_size=3))
def test_labels_that_contradict_the_words_go_first(wrong: set[int]) -> None:
    rainy = tuple(sorted(2 * at + 1 for at in wrong))  # rain that is called harmless
    doubts = label_doubts(samples(rainy), "hateful")
    assert set(np.argsort(-doubts)[: len(rainy)].tolist()) == set(rainy)


def test_of_a_class_its_share_is_left_out_and_of_others_nothing(tmp_path: Path) -> None:
    made = samples(wrong=(3, 7, 4))
    found = disputed(made, {HARMLESS: 0.1, "hateful=hateful": 0.0}, tmp_path)
    assert found == {HARMLESS: [3, 7, found[HARMLESS][2]], "hateful=hateful": []}
    assert {made[row].labels["hateful"] for row in found[HARMLESS]} == {0}


def test_the_same_samples_are_disputed_again_and_from_the_cache(tmp_path: Path) -> None:
    first = disputed(samples((5,)), {HARMLESS: 0.2}, tmp_path)
    (kept,) = tmp_path.iterdir()
    before = kept.stat().st_mtime_ns
    assert disputed(samples((5,)), {HARMLESS: 0.2}, tmp_path) == first
    assert kept.stat().st_mtime_ns == before
    assert disputed(samples((5,)), {HARMLESS: 0.2}, tmp_path / "elsewhere") == first
    disputed(samples((7,)), {HARMLESS: 0.2}, tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_a_text_is_never_judged_by_a_model_that_has_read_it() -> None:
    once = samples()
    copy = replace(once[0], id="copy", text=once[0].text.upper(), labels={"hateful": 1})
    # The copy says the other thing of the same words: who had read one of them would be less sure of the other.
    doubts = label_doubts([*once, copy], "hateful")
    assert doubts[0] < 0.5 < doubts[-1]
    assert doubts[0] + doubts[-1] == pytest.approx(1.0, abs=1e-5)


def test_samples_without_words_or_label_are_neither_doubted_nor_counted(tmp_path: Path) -> None:
    silent = [Sample("a", "made", "train", "", {"hateful": 0}), Sample("b", "made", "train", "sun", {})]
    doubts = label_doubts([*silent, *samples()], "hateful")
    assert np.flatnonzero(np.isnan(doubts)).tolist() == [0, 1]
    (rows,) = disputed([*silent, *samples()], {HARMLESS: 0.5}, tmp_path).values()
    assert len(rows) == N_EACH // 2
    assert {0, 1}.isdisjoint(rows)


def test_classes_of_several_are_disputed_alike(tmp_path: Path) -> None:
    classes = TASKS["memotion_sentiment"].classes
    words = ["sun and sand", "rain and mud", "snow and ice"]
    made = [
        Sample(str(at), "made", "train", f"{words[at % 3]} {at}", {"memotion_sentiment": 1 if at == 6 else at % 3})
        for at in range(45)
    ]
    assert disputed(made, {f"memotion_sentiment={classes[1]}": 0.06}, tmp_path).popitem()[1] == [6]


def test_too_few_texts_of_a_class_are_refused_with_what_there_is() -> None:
    few = [*samples()[::2], *samples()[1:8:2]]
    with pytest.raises(DatasetError, match=r"takes 5 different texts .* there are 30 of not_hateful, 4 of hateful"):
        label_doubts(few, "hateful")
    with pytest.raises(DatasetError, match="there are 30 of not_hateful;"):
        label_doubts(samples()[::2], "hateful")

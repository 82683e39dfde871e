from dataclasses import replace

import numpy as np
import pytest

from model.explanation.merging import MAX_PAIRS_TOLD, merged, shifted
from model.parts.pooling import Pooled
from model.verdict import Explanation, PairEffect, RegionEffect, WordEffect, WordMethod

BOX, OTHER = (0, 0, 9, 9), (9, 0, 18, 9)


def _pooled(**deciding: int) -> Pooled[np.float64]:
    """``leading`` is the part that decided the first task."""
    return Pooled({}, deciding, next(iter(deciding.values())))


def _part(effect: float, *, start: int = 0, view: int = 0, detail: str | None = None) -> Explanation:
    """A part with a word, a region and both together, which did so much to two tasks."""
    effects = {"hateful": effect, "offensive": effect}
    return Explanation(
        {"hateful": effect, "offensive": effect},
        None,
        (WordEffect("word", start, start + 4, effects),),
        (RegionEffect(BOX, effects, view),),
        (PairEffect("word", start, start + 4, BOX, effects, view, ("hateful", "offensive")),),
        detail,
    )


def test_each_task_is_told_by_the_part_that_decided_it() -> None:
    found = merged({0: _part(0.1), 2: _part(0.2)}, _pooled(hateful=2, offensive=0))
    assert found.text_alone == {"hateful": 0.2, "offensive": 0.1}
    assert [one.effects for one in found.words] == [{"hateful": 0.2, "offensive": 0.1}]
    assert [one.effects for one in found.regions] == [{"hateful": 0.2, "offensive": 0.1}]
    told = {(task, effect) for pair in found.pairs for task, effect in pair.effects.items()}
    assert told == {("hateful", 0.2), ("offensive", 0.1)}
    assert [pair.only_together for pair in found.pairs] == [("hateful",), ("offensive",)]


def test_a_task_whose_part_was_not_explained_is_told_by_the_leading_part() -> None:
    found = merged({1: _part(0.1)}, _pooled(hateful=1, offensive=7))
    assert found.words[0].effects == {"hateful": 0.1, "offensive": 0.1}


def test_regions_of_several_views_stand_apart() -> None:
    found = merged({0: _part(0.1), 1: _part(0.2, view=1)}, _pooled(hateful=0, offensive=1))
    assert [(one.view, one.effects) for one in found.regions] == [(0, {"hateful": 0.1}), (1, {"offensive": 0.2})]


def test_the_strongest_pairs_are_told_first() -> None:
    pairs = tuple(PairEffect("word", at, at + 4, OTHER, {"hateful": (-1) ** at * at / 100}) for at in range(20))
    found = merged({0: Explanation(None, None, (), (), pairs)}, _pooled(hateful=0))
    assert [pair.start for pair in found.pairs] == list(range(19, 19 - MAX_PAIRS_TOLD, -1))


def test_what_is_missing_of_any_part_is_missing_of_the_whole() -> None:
    found = merged({0: _part(0.1), 1: _part(0.2, detail="no time")}, _pooled(hateful=0, offensive=1))
    assert found.detail == "no time"


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [("shapley", "shapley", "shapley"), ("shapley", "left_out", "mixed"), ("left_out", "left_out", "left_out")],
)
def test_the_method_is_that_of_all_parts_that_have_words(first: WordMethod, second: WordMethod, told: str) -> None:
    parts = {0: replace(_part(0.1), method=first), 1: replace(_part(0.2), method=second)}
    assert merged(parts, _pooled(hateful=0, offensive=1)).method == told
    parts[1] = replace(parts[1], words=(), method="left_out")
    assert merged(parts, _pooled(hateful=0, offensive=1)).method == first


def test_places_in_a_part_become_places_in_the_text() -> None:
    found = shifted(_part(0.1, start=3), 100)
    assert [(word.start, word.end) for word in found.words] == [(103, 107)]
    assert [(pair.start, pair.end) for pair in found.pairs] == [(103, 107)]

"""Error finding rates and their intervals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.metrics.bootstrap import wilson
from training.stress.journal import Record
from training.stress.rates import clustered_share, rate, rates_of
from training.stress.relations.base import relations_named
from training.stress.run import PLAIN, PLAIN_WORDS

GROUPS = st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=30)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_one_variant_a_seed_gives_wilsons_interval(errors: list[bool]) -> None:
    found, expected = clustered_share([[one] for one in errors]), wilson(sum(errors), len(errors))
    assert found.value == expected.value
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


@given(st.lists(st.booleans(), min_size=15, max_size=40), st.integers(2, 5))
def test_variants_that_all_share_their_seeds_fate_tell_little_more_than_seeds(errors: list[bool], times: int) -> None:
    once, repeated = clustered_share([[one] for one in errors]), clustered_share([[one] * times for one in errors])
    assert repeated.value == pytest.approx(once.value)
    assert repeated.low is not None
    assert once.low is not None
    # The ratio's variance divides by one seed less than Wilson's does, and Student's t is wider than the normal.
    assert repeated.low == pytest.approx(once.low, abs=0.06)
    assert repeated.low <= once.low + 1e-9


@given(GROUPS)
def test_an_interval_holds_its_share_and_is_no_narrower_than_of_independent_items(groups: list[list[bool]]) -> None:
    found = clustered_share(groups)
    independent = wilson(sum(map(sum, groups)), sum(map(len, groups)))
    assert None not in (found.value, found.low, found.high)
    assert 0 <= (found.low or 0) <= (found.value or 0) + 1e-9
    assert (found.value or 0) - 1e-9 <= (found.high or 0) <= 1
    assert (found.low or 0) <= (independent.low or 0) + 1e-9
    assert (found.high or 0) >= (independent.high or 0) - 1e-9


@pytest.mark.parametrize("n_seeds", [5, 40])
@pytest.mark.parametrize("shape", [(0.6, 1.4), (0.1, 0.9)], ids=str)
def test_intervals_of_correlated_variants_hold_the_truth_about_as_often_as_they_say(
    n_seeds: int, shape: tuple[float, float]
) -> None:
    rng, truth, n_draws = np.random.default_rng(7), shape[0] / sum(shape), 400
    held = {"clustered": 0, "independent": 0}
    for _ in range(n_draws):
        of_seed = rng.beta(*shape, size=n_seeds)  # seeds that differ much, and very much
        groups = [(rng.random(8) < share).tolist() for share in of_seed]
        clustered, independent = clustered_share(groups), wilson(sum(map(sum, groups)), 8 * n_seeds)
        for name, found in (("clustered", clustered), ("independent", independent)):
            held[name] += (found.low or 0) <= truth <= (found.high or 0)
    assert held["clustered"] / n_draws > 0.9
    assert held["independent"] / n_draws < 0.8


def test_few_seeds_leave_more_unknown_than_many() -> None:
    few, many = (clustered_share([[True, False], [False, False], [True, True]] * times) for times in (1, 40))
    # Student's t of two degrees of freedom: 4.3 in place of 1.96.
    assert few.low == pytest.approx(0.05, abs=0.02)
    assert many.low == pytest.approx(0.43, abs=0.02)


def _record(seed: str, relation: str, strength: str, **changes: Any) -> Record:
    return replace(Record(seed, hateful=True, relation=relation, strength=strength, item="0", flagged=True), **changes)


def test_what_was_not_judged_or_not_made_is_neither_caught_nor_missed() -> None:
    found = rate(
        [
            _record("a", "leet", "10%"),
            _record("b", "leet", "10%", flagged=False),
            _record("c", "leet", "10%", flagged=None, problem="answered 413"),
            _record("d", "leet", "10%", flagged=None, item=None),
        ]
    )
    assert (found.errors, found.judged, found.seeds, found.not_judged, found.not_made) == (1, 2, 2, 1, 1)
    assert found.share.value == 0.5


def test_nothing_judged_has_no_rate_and_says_why() -> None:
    found = rate([_record("c", "leet", "10%", flagged=None, problem="answered 413")])
    assert found.share.value is None
    assert found.share.reason == "none was judged"


def test_rates_are_by_label_relation_and_strength_and_plain_seeds_stand_apart() -> None:
    relations = relations_named("leet,spacing")
    mild, strong = relations[0].strengths[0], relations[0].strengths[-1]
    rates = rates_of(
        [
            _record("a", PLAIN_WORDS, PLAIN),
            _record("x", PLAIN_WORDS, PLAIN, flagged=False),
            _record("b", PLAIN_WORDS, PLAIN, hateful=False, flagged=False),
            _record("a", "leet", mild),
            _record("a", "leet", strong, flagged=False),
            _record("b", "leet", mild, hateful=False, flagged=True),
        ],
        relations,
    )
    (plain,) = rates.plain
    assert (plain.misses.errors, plain.misses.judged, plain.false_alarms.judged) == (1, 2, 1)
    leet, spacing = rates.relations
    assert (leet.misses.errors, leet.misses.judged, leet.false_alarms.errors) == (1, 2, 1)
    assert spacing.misses.judged == 0
    by_strength = {(row.name, row.strength): row.misses.share.value for row in rates.strengths}
    assert (by_strength["leet", mild], by_strength["leet", strong]) == (0, 1)
    assert rates.overall.misses == leet.misses
    assert [row.name for row in rates.families] == ["words"]

"""Our formulas against scipy's, which only training installs."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from serving.drift.statistics import (
    benjamini_hochberg,
    chi_square_above,
    in_tenths,
    kolmogorov_smirnov,
    shares_test,
    stability_index,
)

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.2])
def test_kolmogorov_smirnov_is_that_of_scipy(shift: float) -> None:
    one, other = RANDOM.normal(size=800).round(2), (RANDOM.normal(size=1200) + shift).round(2)
    found = kolmogorov_smirnov(Counter(one.tolist()), Counter(other.tolist()))
    expected = stats.ks_2samp(one, other, method="asymp")
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p == pytest.approx(expected.pvalue, rel=0.05, abs=0.005)


def test_far_apart_and_alike_are_the_ends_of_kolmogorov_smirnov() -> None:
    low, high = {0.1: 500, 0.2: 500}, {0.8: 500, 0.9: 500}
    assert kolmogorov_smirnov(low, high).statistic == 1.0
    assert kolmogorov_smirnov(low, high).p < 1e-100
    assert kolmogorov_smirnov(low, low).p == 1.0


@given(st.floats(0.001, 900), st.integers(1, 40))
def test_the_tail_of_chi_square_is_that_of_scipy(x: float, degrees: int) -> None:
    assert math.isclose(chi_square_above(x, degrees), special.chdtrc(degrees, x), rel_tol=1e-9, abs_tol=1e-300)


def test_pearsons_test_is_that_of_scipy() -> None:
    found = shares_test({"allow": 800, "review": 150, "block": 50}, {"allow": 700, "review": 230, "block": 70})
    expected = stats.chi2_contingency([[800, 150, 50], [700, 230, 70]], correction=False)
    assert found.name == "chi-square"
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


@pytest.mark.parametrize("rare", [(0, 6), (3, 1), (1, 8), (2, 2)])
def test_rare_values_are_tested_exactly_as_scipy_does(rare: tuple[int, int]) -> None:
    table = [[rare[0], 1_000 - rare[0]], [rare[1], 900 - rare[1]]]
    found = shares_test({"known": rare[0], "not known": table[0][1]}, {"known": rare[1], "not known": table[1][1]})
    assert found.name == "Fisher exact"
    assert found.p == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)


def test_many_rare_values_are_put_together_until_the_test_holds() -> None:
    rare = {f"script {index}": 1 for index in range(20)}
    found = shares_test({"latin": 980, **rare}, {"latin": 1_000})
    together = stats.chi2_contingency([[980, 20], [1_000, 0]], correction=False)
    assert (found.statistic, found.p) == pytest.approx((together.statistic, together.pvalue), rel=1e-9)


def test_one_value_alone_is_no_difference() -> None:
    assert shares_test({"latin": 50}, {"latin": 900}).p == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_are_those_of_scipy(ps: list[float]) -> None:
    assert benjamini_hochberg(ps) == pytest.approx(stats.false_discovery_control(ps).tolist())


def test_the_stability_index_is_nothing_for_one_distribution_and_grows_with_the_distance() -> None:
    before, little, much = ({"allow": 900, "block": 100}, {"allow": 880, "block": 120}, {"allow": 500, "block": 500})
    assert stability_index(before, before) == 0
    assert 0 < stability_index(little, before) < 0.1
    assert stability_index(much, before) == pytest.approx(-0.4 * math.log(5 / 9) + 0.4 * math.log(5), rel=0.02)
    assert stability_index({"a": 10}, {"b": 10}) < math.inf


def test_tenths_hold_a_tenth_each_of_what_they_were_made_of() -> None:
    values = Counter(RANDOM.uniform(size=10_000).round(3).tolist())
    counted = in_tenths(values, values)
    assert len(counted) == 10
    assert min(counted.values()) > 950
    assert in_tenths({0.0: 3, 2.0: 4}, values)[math.inf] == 4
    assert in_tenths({0.3: 7}, {0.5: 100}) == {0.5: 7, math.inf: 0}

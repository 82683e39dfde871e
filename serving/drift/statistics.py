"""Tests of whether two samples are of one distribution, and how far they are apart.

Samples are counts by value. Own formulas, since scipy is no part of what serves; the tests hold them to scipy's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

TestName = Literal["Kolmogorov-Smirnov", "chi-square", "Fisher exact"]
V = TypeVar("V", float, str)

#: Below this expected count the chi-square distribution is no approximation (Cochran 1954).
_FEWEST_EXPECTED = 5.0
#: Added to each count of a bin, so that an empty one does not make an infinite index.
_SMOOTHING = 0.5


@dataclass(frozen=True)
class SignificanceTest:
    """``statistic`` is D, chi-square, or for Fisher's test the odds ratio. ``p`` is two-sided."""

    name: TestName
    statistic: float
    p: float


def kolmogorov_smirnov(one: Mapping[float, int], other: Mapping[float, int]) -> SignificanceTest:
    """Two-sample test of numbers (Smirnov 1939), with Stephens' correction (1970) of the limiting distribution.

    With ties, as between numbers in steps, it says rather too seldom than too often that samples differ.
    """
    values = sorted(one.keys() | other.keys())
    a, b = (np.cumsum([sample.get(value, 0) for value in values], dtype=np.float64) for sample in (one, other))
    distance = float(np.abs(a / a[-1] - b / b[-1]).max())
    root = math.sqrt(a[-1] * b[-1] / (a[-1] + b[-1]))
    return SignificanceTest("Kolmogorov-Smirnov", distance, _kolmogorov((root + 0.12 + 0.11 / root) * distance))


def _kolmogorov(x: float) -> float:
    """Probability that the limiting distribution is above ``x``."""
    if x < 0.2:  # where the sum converges too slowly, it is 1 to twelve digits
        return 1.0
    terms = (math.exp(-2.0 * (k * x) ** 2) * (-1) ** (k - 1) for k in range(1, 101))
    return float(min(max(2.0 * sum(terms), 0.0), 1.0))


def shares_test(one: Mapping[str, int], other: Mapping[str, int]) -> SignificanceTest:
    """Fisher's exact test where one of two values is rare, else Pearson's chi-square with the rare values together."""
    table = _without_rare(_table(one, other))
    expected = _expected(table)
    if table.shape[1] == 2 and expected.min() < _FEWEST_EXPECTED:
        return _fisher(table)
    statistic = float(((table - expected) ** 2 / expected).sum())
    return SignificanceTest("chi-square", statistic, chi_square_above(statistic, table.shape[1] - 1))


def _table(one: Mapping[str, int], other: Mapping[str, int]) -> NDArray[np.float64]:
    """Counts [2, values], the rarest value first; no value is in neither."""
    values = sorted(one.keys() | other.keys(), key=lambda value: (one.get(value, 0) + other.get(value, 0), value))
    return np.array([[sample.get(value, 0) for value in values] for sample in (one, other)], np.float64)


def _expected(table: NDArray[np.float64]) -> NDArray[np.float64]:
    expected: NDArray[np.float64] = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return expected


def _without_rare(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rarest values put together for as long as one of them is expected too seldom and two would be left."""
    while table.shape[1] > 2 and _expected(table).min() < _FEWEST_EXPECTED:
        together = table[:, :1] + table[:, 1:2]
        table = np.hstack([together, table[:, 2:]])
        table = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    return table


def chi_square_above(x: float, degrees: int) -> float:
    """Probability that chi-square with so many degrees of freedom is above ``x`` (Abramowitz and Stegun 26.4.4-5)."""
    if degrees == 0 or x <= 0:
        return 1.0
    half = x / 2
    if degrees % 2:
        total, term, steps = math.erfc(math.sqrt(half)), math.sqrt(half / math.pi) * 2, range(3, degrees + 1, 2)
    else:
        total, term, steps = 0.0, 1.0, range(2, degrees + 1, 2)
    for step in steps:
        total += math.exp(math.log(term) - half)
        term *= x / step
    return min(total, 1.0)


def _fisher(table: NDArray[np.float64]) -> SignificanceTest:
    """Fisher's exact test (1935) of a table [2, 2]: all tables with its sums that are no likelier than it."""
    (a, b), (c, d) = table.astype(int).tolist()
    lowest, highest = max(0, a - d), min(a + b, a + c)
    logs = np.array([_log_likelihood(at, a + b, c + d, a + c) for at in range(lowest, highest + 1)])
    likelihoods = np.exp(logs - logs.max())
    # Alike up to the error of rounding counts as alike, as in R and scipy.
    found = likelihoods[likelihoods <= likelihoods[a - lowest] * (1 + 1e-7)]
    odds = math.inf if b * c == 0 else a * d / (b * c)
    return SignificanceTest("Fisher exact", odds, float(min(found.sum() / likelihoods.sum(), 1.0)))


def _log_likelihood(at: int, row: int, other_row: int, column: int) -> float:
    return _log_choose(row, at) + _log_choose(other_row, column - at)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Adjusted p-values (1995): those under q are false discoveries in a share of q at most."""
    order = sorted(range(len(ps)), key=lambda index: ps[index], reverse=True)
    adjusted, lowest = [1.0] * len(ps), 1.0
    for rank, index in zip(range(len(ps), 0, -1), order, strict=True):
        lowest = min(lowest, ps[index] * len(ps) / rank)
        adjusted[index] = lowest
    return adjusted


def stability_index(one: Mapping[V, int], other: Mapping[V, int]) -> float:
    """Population stability index: the sum over values of (share - other share) x ln(share / other share)."""
    values = one.keys() | other.keys()
    shares = [
        {
            value: (sample.get(value, 0) + _SMOOTHING) / (sum(sample.values()) + _SMOOTHING * len(values))
            for value in values
        }
        for sample in (one, other)
    ]
    return sum(
        (shares[0][value] - shares[1][value]) * math.log(shares[0][value] / shares[1][value]) for value in values
    )


def in_tenths(sample: Mapping[float, int], reference: Mapping[float, int]) -> dict[float, int]:
    """``sample`` counted between the tenths of ``reference``, by the upper edge of each."""
    edges = _tenths(reference)
    found = dict.fromkeys((*edges, math.inf), 0)
    for value, n in sample.items():
        found[next((edge for edge in edges if value <= edge), math.inf)] += n
    return found


def _tenths(sample: Mapping[float, int]) -> list[float]:
    """Values at or below which a tenth, two tenths and so on lie; each once."""
    values = np.array(sorted(sample))
    shares = np.cumsum([sample[value] for value in values.tolist()]) / sum(sample.values())
    return sorted({float(values[np.searchsorted(shares, tenth / 10 - 1e-12)]) for tenth in range(1, 10)})

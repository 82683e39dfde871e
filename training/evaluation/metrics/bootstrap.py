"""Percentile bootstrap intervals of a metric, and of the difference of two models on the same memes.

A resample draws as many items as there are, with replacement. Items that belong together (the same words under two
pictures, the same picture under two texts) are drawn together when ``groups`` says so. Both models of a pair see the
same resamples: what makes a set hard for one makes it hard for the other, and leaves the difference.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from model.errors import MemeguardError
from training.evaluation.metrics.measures import Floats, Ints, Measure

Metric = Callable[[Ints, Floats], float]

_CHUNK = 100
#: Fewer resamples than this with a value say too little about the tails of an interval.
_MIN_DEFINED = 0.5


class UndefinedMetricError(MemeguardError):
    """A metric has no value on these items (one class alone, no items); the message says what it needs."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval. Where there is none, all three are None and ``reason`` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class PairedInterval:
    """``metric(a) - metric(b)`` with its 95% interval; ``p_value`` is two-sided, of no difference."""

    difference: float
    low: float
    high: float
    p_value: float


def resamples(n: int, n_resamples: int, seed: int, groups: Ints | None = None) -> Iterator[Floats]:
    """How often each of ``n`` items is drawn: arrays [<= 100, n], ``n_resamples`` rows in all.

    ``groups`` [n] numbers the groups that are drawn whole.
    """
    rng = np.random.default_rng(seed)
    members = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_groups = int(members.max()) + 1 if n else 0
    for at in range(0, n_resamples, _CHUNK):
        rows = min(_CHUNK, n_resamples - at)
        drawn = rng.integers(n_groups, size=(rows, n_groups)) + np.arange(rows)[:, None] * n_groups
        counts = np.bincount(drawn.ravel(), minlength=rows * n_groups).reshape(rows, n_groups)
        yield counts[:, members].astype(np.float64)


def bootstrap(
    measure: Measure,
    labels: Ints,
    *runs: Floats,
    n_resamples: int = 1000,
    seed: int = 0,
    groups: Ints | None = None,
    value: float | None = None,
) -> Estimate:
    """The measure over all items with its interval; an ``Estimate`` with a reason where it is not defined.

    Of the scores of several ``runs``, models that differ in their seed, it is the mean, and each resample draws as many
    runs as there are: the interval covers what other items and what other seeds would change. ``value``: the measure
    over all items, where the caller has computed it (``point_values``).
    """
    value = float(np.mean([measure(labels, scores) for scores in runs])) if value is None else value
    if np.isnan(value):
        return Estimate(None, reason=measure.needs)
    draws = _drawn(measure, labels, runs, n_resamples, seed, groups)
    if len(draws) < _MIN_DEFINED * n_resamples or n_resamples == 0:
        return Estimate(value, reason="too few items for an interval")
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def paired_bootstrap(
    metric: Measure | Metric,
    labels: Ints,
    scores_a: Floats,
    scores_b: Floats,
    n_resamples: int = 1000,
    seed: int = 0,
    *,
    groups: Ints | None = None,
) -> PairedInterval:
    """Compare two models' scores of the same items.

    ``metric`` is a ``Measure`` (fast) or any function of labels and scores. The p value is twice the share of resamples
    on the rarer side of zero, with one added above and below (Davison & Hinkley 1997), so it is never 0.
    Raises ``UndefinedMetricError`` when the metric has no value on these items.
    """
    measure = metric if isinstance(metric, Measure) else _slow(metric)
    difference = measure(labels, scores_a) - measure(labels, scores_b)
    if np.isnan(difference):
        raise UndefinedMetricError(f"{measure.label} {measure.needs}; give more items")
    pairs = [
        measure.resampled(labels, scores_a, counts) - measure.resampled(labels, scores_b, counts)
        for counts in resamples(len(labels), n_resamples, seed, groups)
    ]
    draws = np.concatenate(pairs)
    draws = draws[~np.isnan(draws)]
    if not len(draws):
        raise UndefinedMetricError(f"{measure.label} has no value on any resample of {len(labels)} items")
    low, high = np.percentile(draws, [2.5, 97.5])
    rarer = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return PairedInterval(difference, float(low), float(high), min(1.0, 2 * (rarer + 1) / (len(draws) + 1)))


def wilson(hits: int, n: int) -> Estimate:
    """A share with its 95% score interval (Wilson 1927), which holds for few items and for shares of 0 and 1."""
    if n == 0:
        return Estimate(None, reason="no such items")
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return Estimate(hits / n, float(interval.low), float(interval.high))


def _drawn(
    measure: Measure, labels: Ints, runs: Sequence[Floats], n_resamples: int, seed: int, groups: Ints | None
) -> Floats:
    picker = np.random.default_rng([seed, len(runs)])
    chunks = []
    for counts in resamples(len(labels), n_resamples, seed, groups):
        values = np.stack([measure.resampled(labels, scores, counts) for scores in runs])
        picked = picker.integers(len(runs), size=values.shape)
        chunks.append(np.take_along_axis(values, picked, axis=0).mean(axis=0))
    draws: Floats = np.concatenate([np.zeros(0), *chunks])
    return np.asarray(draws[~np.isnan(draws)])


def _slow(metric: Metric) -> Measure:
    """Any function as a ``Measure``: items are repeated as often as they were drawn."""

    def formula(labels: Ints, scores: Floats, counts: Floats) -> Floats:
        rows = [np.repeat(np.arange(len(labels)), row.astype(np.int64)) for row in counts]
        return np.array([metric(labels[items], scores[items]) for items in rows])

    name = getattr(metric, "__name__", "metric")
    return Measure(name, name, formula)

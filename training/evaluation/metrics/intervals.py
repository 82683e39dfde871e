"""Metrics of a binary task over several seeds, with bootstrap intervals over items and seeds together."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from model.bundle import Interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Metric = Callable[[Ints, Floats], float]

#: Metrics by name, each of labels [N] (0 or 1) and calibrated probabilities [N]. Decisions are taken at 0.5.
BINARY_METRICS: dict[str, Metric] = {
    "auroc": lambda labels, scores: float(roc_auc_score(labels, scores)),
    "accuracy": lambda labels, scores: float(accuracy_score(labels, scores >= 0.5)),
    "macro_f1": lambda labels, scores: float(f1_score(labels, scores >= 0.5, average="macro", zero_division=0.0)),
}


def binary_metrics(labels: Ints, runs: list[Floats], *, n_resamples: int = 1000, seed: int = 0) -> dict[str, Interval]:
    """The mean of each metric over ``runs`` (probabilities [N] of models with different seeds) and its 95% interval.

    The interval is a percentile bootstrap over items and runs together: each resample draws N items and as many runs
    as there are, so it covers both what another test set and what another seed would change.
    """
    rng = np.random.default_rng(seed)
    resamples = [
        (rng.integers(len(labels), size=len(labels)), rng.integers(len(runs), size=len(runs)))
        for _ in range(n_resamples)
    ]
    # A resample of one class alone has no AUROC; with the class sizes of real test sets it does not occur.
    resamples = [(items, picked) for items, picked in resamples if 0 < labels[items].sum() < len(items)]
    return {name: _interval(metric, labels, runs, resamples) for name, metric in BINARY_METRICS.items()}


def _interval(metric: Metric, labels: Ints, runs: list[Floats], resamples: list[tuple[Ints, Ints]]) -> Interval:
    value = float(np.mean([metric(labels, scores) for scores in runs]))
    draws = [np.mean([metric(labels[items], runs[run][items]) for run in picked]) for items, picked in resamples]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(value=round(value, 4), low=round(float(low), 4), high=round(float(high), 4))

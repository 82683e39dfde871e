"""Curves (of at most 200 points), bins and the confusion matrix that the plots of a task are drawn from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from training.evaluation.metrics.measures import Floats, Ints, decided, reliability

_MAX_POINTS = 200
_HISTOGRAM_BINS = 20

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Curves:
    """A binary task's plots.

    ``roc``: (false positive rate, recall); ``pr``: (recall, precision); ``reliability``: (mean probability, share of
    positives, items) a bin; ``histogram``: items in each of 20 bins of probability, for negatives and positives.
    """

    roc: Points
    pr: Points
    reliability: list[tuple[float, float, int]]
    histogram: tuple[list[int], list[int]]


def binary_curves(labels: Ints, scores: Floats) -> Curves | None:
    """The curves of labels [N] of 0 and 1 and scores [N]; None when one class is missing."""
    if len(np.unique(labels)) < 2:
        return None
    false_positive_rate, recall, _ = roc_curve(labels, scores)
    precision, pr_recall, _ = precision_recall_curve(labels, scores)
    return Curves(
        roc=_points(false_positive_rate, recall),
        pr=_points(pr_recall, precision),
        reliability=reliability(labels, scores),
        histogram=(_counts(scores[labels == 0]), _counts(scores[labels == 1])),
    )


def confusion(labels: Ints, scores: Floats, n_classes: int) -> list[list[int]]:
    """Items by labelled class (row) and decided class (column), for labels [N]."""
    table: NDArray[np.int64] = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(table, (labels, decided(scores, labels)), 1)
    rows: list[list[int]] = table.tolist()
    return rows


def _points(x: Floats, y: Floats) -> Points:
    picked = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MAX_POINTS)).round().astype(np.int64))
    return [(round(float(x[index]), 5), round(float(y[index]), 5)) for index in picked]


def _counts(scores: Floats) -> list[int]:
    counts: list[int] = np.histogram(scores, bins=_HISTOGRAM_BINS, range=(0.0, 1.0))[0].tolist()
    return counts

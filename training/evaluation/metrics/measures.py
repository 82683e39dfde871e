"""The metrics, each as one formula over weighted items, so that a thousand resamples cost one pass of numpy.

A bootstrap resample is a row of ``counts`` (how often each item was drawn): ``counts`` [R, N] gives R values at once.
The report's point values come from Hugging Face ``evaluate`` (``point_values.py``); tests hold the two equal, and both
to scikit-learn where that has the metric.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import TaskKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Formula = Callable[[Ints, Floats, Floats], Floats]

#: Bins of the calibration errors and of the reliability diagram.
N_BINS = 10


@dataclass(frozen=True)
class Measure:
    """A metric of labels and probabilities.

    Binary: labels [N] of 0 and 1, scores [N]. Multiclass: labels [N], scores [N, C]. Multilabel: labels [N, C] of 0
    and 1, scores [N, C]. Decisions are taken at 0.5, or for several classes at the most probable one.
    """

    name: str
    label: str
    formula: Formula
    #: Why a set may have no value.
    needs: str = "needs at least one item"
    higher_is_better: bool = True

    def __call__(self, labels: Ints, scores: Floats) -> float:
        """The value over all items; NaN where it is not defined."""
        return float(self.resampled(labels, scores, np.ones((1, len(labels))))[0])

    def resampled(self, labels: Ints, scores: Floats, counts: Floats) -> Floats:
        """Values [R] for ``counts`` [R, N]; NaN for a resample where it is not defined."""
        if not len(labels):
            return np.full(len(counts), np.nan)
        return self.formula(labels, scores, counts)


def auroc(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """Share of (positive, negative) pairs that the scores put in order, ties counted half (Mann-Whitney)."""
    positive, negative = _by_score(labels, scores, counts)
    below = np.cumsum(negative, axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _ratio((positive * (below + negative / 2)).sum(axis=1), pairs)


def average_precision(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """Mean of the precision at each positive, scores taken from the top (area under the stepped PR curve)."""
    positive, negative = (part[:, ::-1] for part in _by_score(labels, scores, counts))
    hits, taken = np.cumsum(positive, axis=1), np.cumsum(positive + negative, axis=1)
    precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
    return _ratio((positive * precision).sum(axis=1), positive.sum(axis=1))


def accuracy(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """Share of items decided as labelled; of several labels all must be."""
    right = decided(scores, labels) == labels
    return _mean(np.asarray(right.all(axis=1) if right.ndim == 2 else right), counts)


def macro_f1(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """F1 a class, then the plain mean. A class neither labelled nor decided has no part in it; of several labels it
    counts 0, as in scikit-learn.
    """
    hits, errors = _hits_and_errors(labels, scores, counts)
    seen = 2 * hits + errors
    f1 = np.divide(2 * hits, seen, out=np.zeros_like(hits), where=seen > 0)
    if labels.ndim == 2:
        return np.asarray(f1.mean(axis=1))
    return _ratio(f1.sum(axis=1), (seen > 0).sum(axis=1))


def micro_f1(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """F1 over all classes together; with one label an item that is accuracy."""
    hits, errors = (part.sum(axis=1) for part in _hits_and_errors(labels, scores, counts))
    if labels.ndim == 2:  # as scikit-learn: nothing labelled and nothing decided is 0
        return np.nan_to_num(_ratio(2 * hits, 2 * hits + errors))
    return _ratio(2 * hits, 2 * hits + errors)


def precision(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """Share of the items decided positive that are."""
    return _mean(labels == 1, counts * (scores >= 0.5))


def recall(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """Share of the positives that are decided so."""
    return _mean(scores >= 0.5, counts * (labels == 1))


def false_positive_rate(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """Share of the negatives that are decided positive."""
    return _mean(scores >= 0.5, counts * (labels == 0))


def calibration_error(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """Expected calibration error: mean gap of probability and outcome over bins of equal width (Guo et al. 2017).

    Of several classes it is that of the most probable one.
    """
    confidence, outcome = _confidence(labels, scores)
    return _binned_gap(confidence, outcome, _equal_width(confidence), counts)


def adaptive_calibration_error(labels: Ints, scores: Floats, counts: Floats) -> Floats:
    """The same over bins of equally many items (Nixon et al. 2019); resamples keep the bins of the whole set."""
    confidence, outcome = _confidence(labels, scores)
    return _binned_gap(confidence, outcome, _equal_mass(confidence), counts)


def mean_over_labels(formula: Formula) -> Formula:
    """A binary formula applied to each label of a multilabel task; the mean over labels where it is defined."""

    def averaged(labels: Ints, scores: Floats, counts: Floats) -> Floats:
        columns = [formula(labels[:, column], scores[:, column], counts) for column in range(labels.shape[1])]
        values = np.stack(columns)
        known = ~np.isnan(values)
        return _ratio(np.where(known, values, 0).sum(axis=0), known.sum(axis=0).astype(np.float64))

    return averaged


def decided(scores: Floats, labels: Ints) -> Ints:
    """Classes decided from probabilities, in the shape of ``labels``."""
    if scores.ndim == 2 and labels.ndim == 1:
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)
    return np.asarray(scores >= 0.5, dtype=np.int64)


def reliability(labels: Ints, scores: Floats) -> list[tuple[float, float, int]]:
    """Mean probability, share of positives and number of items of each bin of equal width that is not empty."""
    confidence, outcome = _confidence(labels, scores)
    bins = _equal_width(confidence)
    return [
        (float(confidence[bins == number].mean()), float(outcome[bins == number].mean()), int((bins == number).sum()))
        for number in np.unique(bins)
    ]


def _by_score(labels: Ints, scores: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Weights of positives and negatives [R, K] at each of the K distinct scores, from the lowest up."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    weights, is_positive = counts[:, order], labels[order] == 1
    positive = np.add.reduceat(weights * is_positive, starts, axis=1)
    return positive, np.add.reduceat(weights, starts, axis=1) - positive


def _hits_and_errors(labels: Ints, scores: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """By class [R, C]: true positives, and false positives and negatives together."""
    found = decided(scores, labels)
    if labels.ndim == 1:
        classes = np.arange(scores.shape[1] if scores.ndim == 2 else 2)
        found, labels = (values[:, None] == classes for values in (found, labels))
    hits = (found == 1) & (labels == 1)
    return counts @ hits.astype(np.float64), counts @ (found != labels).astype(np.float64)


def _confidence(labels: Ints, scores: Floats) -> tuple[Floats, Floats]:
    """Probability and outcome (0 or 1) [N] of the positive class, or of the most probable one."""
    if scores.ndim == 2:
        return np.asarray(scores.max(axis=1)), (scores.argmax(axis=1) == labels).astype(np.float64)
    return scores, labels.astype(np.float64)


def _equal_width(confidence: Floats) -> Ints:
    return np.minimum((confidence * N_BINS).astype(np.int64), N_BINS - 1)


def _equal_mass(confidence: Floats) -> Ints:
    edges = np.quantile(confidence, np.arange(1, N_BINS) / N_BINS)
    return np.asarray(np.searchsorted(edges, confidence, side="right"), dtype=np.int64)


def _binned_gap(confidence: Floats, outcome: Floats, bins: Ints, counts: Floats) -> Floats:
    member = (bins[:, None] == np.arange(N_BINS)).astype(np.float64)
    gaps = np.abs(counts @ (member * (confidence - outcome)[:, None]))
    return _ratio(gaps.sum(axis=1), counts.sum(axis=1))


def _mean(values: NDArray[np.bool_], weights: Floats) -> Floats:
    return _ratio(weights @ values.astype(np.float64), weights.sum(axis=1))


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """``top / bottom``, NaN where there is nothing below."""
    values: Floats = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    return values


_BOTH = "needs items of both classes"
_POSITIVE = "needs items of the positive class"
ACCURACY = Measure("accuracy", "accuracy", accuracy)
AUROC = Measure("auroc", "AUROC", auroc, _BOTH)
_ALL = (
    ACCURACY,
    Measure("macro_f1", "macro-F1", macro_f1),
    Measure("micro_f1", "micro-F1", micro_f1),
)
_CALIBRATION = (
    Measure("calibration_error", "ECE", calibration_error, higher_is_better=False),
    Measure("adaptive_calibration_error", "adaptive ECE", adaptive_calibration_error, higher_is_better=False),
)
#: The metrics of a task, by its kind, in the order of the report.
MEASURES: dict[TaskKind, tuple[Measure, ...]] = {
    "binary": (
        AUROC,
        Measure("average_precision", "average precision", average_precision, _BOTH),
        *_ALL,
        Measure("precision", "precision", precision, "needs items that are decided positive"),
        Measure("recall", "recall", recall, _POSITIVE),
        *_CALIBRATION,
    ),
    "multiclass": (*_ALL, *_CALIBRATION),
    "multilabel": (
        Measure("auroc", "AUROC, mean over labels", mean_over_labels(auroc), "needs a label with both classes"),
        Measure(
            "average_precision",
            "average precision, mean over labels",
            mean_over_labels(average_precision),
            "needs a label with both classes",
        ),
        *_ALL,
    ),
}


_NAMES: dict[TaskKind, str] = {"binary": "auroc", "multiclass": "macro_f1", "multilabel": "auroc"}


def primary_measure(kind: TaskKind) -> Measure:
    """AUROC (mean over labels when there are several), macro-F1 for one of many classes."""
    return next(measure for measure in MEASURES[kind] if measure.name == _NAMES[kind])


def primary_value(kind: TaskKind, labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Its value, for ranking choices on dev; minus infinity where it is not defined: then the first choice stands."""
    value = primary_measure(kind)(labels, probabilities)
    return float("-inf") if np.isnan(value) else value

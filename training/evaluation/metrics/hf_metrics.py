"""Metric module for Hugging Face ``evaluate``: its config names the kind of task and the metric.

    import evaluate
    auroc = evaluate.load("training/evaluation/metrics/hf_metrics.py", "binary-auroc")
    auroc.compute(predictions=[0.2, 0.9], references=[0, 1])            # {"auroc": 1.0}

``predictions`` are probabilities: [N] of the positive class for a binary task, else [N, C]; ``references`` class
indices [N], or for a multilabel task 0 and 1 [N, C]. The config "memotion" takes the answers to the questions of a
Memotion task, [N, Q] each. Decisions are taken at 0.5, or for several classes at the most probable one; a value that is
not defined is NaN. scikit-learn has the formulas where it has the metric.

``evaluate`` copies this file and reads its imports line by line with a pattern of its own: one ``import`` a line,
and none of this project's.
"""

from typing import Any

import datasets
import evaluate
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

Array = NDArray[Any]

_CITATION = (
    "scikit-learn: Pedregosa et al., JMLR 12, 2011; Guo et al., On Calibration of Modern Neural Networks, 2017; Nixon "
    "et al., Measuring Calibration in Deep Learning, 2019; Sharma et al., SemEval-2020 Task 8: Memotion Analysis, 2020"
)
_BINS = 10


class MemeMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """One metric of one kind of task."""

    def _info(self) -> evaluate.MetricInfo:
        kind = self.config_name.split("-")[0]
        index, number = datasets.Value("int64"), datasets.Value("float64")
        references = index if kind in ("binary", "multiclass") else datasets.Sequence(index)
        predictions = {"binary": number, "memotion": references}.get(kind, datasets.Sequence(number))
        return evaluate.MetricInfo(
            description=__doc__ or "",
            citation=_CITATION,
            inputs_description="predictions: probabilities; references: class indices, or 0 and 1 a class",
            features=datasets.Features({"predictions": predictions, "references": references}),
        )

    def _compute(self, predictions: list[Any], references: list[Any]) -> dict[str, float]:
        scores, labels = np.asarray(predictions), np.asarray(references)
        kind, _, name = self.config_name.partition("-")
        if kind == "memotion":
            questions = range(labels.shape[1])
            return {kind: float(np.mean([macro_f1(labels[:, q], scores[:, q]) for q in questions]))}
        if kind == "multilabel" and name in RANKING:
            values = [RANKING[name](labels[:, column], scores[:, column]) for column in range(labels.shape[1])]
            known = [value for value in values if not np.isnan(value)]
            return {name: float(np.mean(known)) if known else float("nan")}
        if name in RANKING:
            return {name: RANKING[name](labels, scores)}
        decided = scores.argmax(axis=1) if kind == "multiclass" else (scores >= 0.5).astype(np.int64)
        if name in DECISIONS:
            return {name: DECISIONS[name](labels, decided)}
        confidence, outcome = (scores.max(axis=1), decided == labels) if kind == "multiclass" else (scores, labels)
        return {name: CALIBRATION[name](confidence, outcome)}


def auroc(labels: Array, scores: Array) -> float:
    """Share of (positive, negative) pairs that the scores put in order."""
    return float(roc_auc_score(labels, scores)) if 0 < labels.sum() < len(labels) else float("nan")


def average_precision(labels: Array, scores: Array) -> float:
    """Area under the stepped precision-recall curve."""
    return float(average_precision_score(labels, scores) if labels.any() else np.nan)


def accuracy(labels: Array, decided: Array) -> float:
    """Share of items decided as labelled; of several labels all must be."""
    return float(accuracy_score(labels, decided))


def macro_f1(labels: Array, decided: Array) -> float:
    """F1 of each class, then the plain mean, so that a rare class counts as much as a common one."""
    return float(f1_score(labels, decided, average="macro", zero_division=0.0))


def micro_f1(labels: Array, decided: Array) -> float:
    """F1 over all classes together; with one label an item it is the accuracy."""
    return float(f1_score(labels, decided, average="micro", zero_division=0.0))


def precision(labels: Array, decided: Array) -> float:
    """Share of the items decided positive that are."""
    return float(np.mean(labels[decided == 1]) if decided.any() else np.nan)


def recall(labels: Array, decided: Array) -> float:
    """Share of the positives that are decided so."""
    return float(np.mean(decided[labels == 1]) if labels.any() else np.nan)


def calibration_error(confidence: Array, outcome: Array) -> float:
    """Mean gap of probability and outcome over bins of equal width (Guo et al. 2017)."""
    return _binned_gap(confidence, outcome, np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1))


def adaptive_calibration_error(confidence: Array, outcome: Array) -> float:
    """The same over bins of equally many items (Nixon et al. 2019), which a set of crowded probabilities needs."""
    edges = np.quantile(confidence, np.arange(1, _BINS) / _BINS)
    return _binned_gap(confidence, outcome, np.searchsorted(edges, confidence, side="right"))


def _binned_gap(confidence: Array, outcome: Array, bins: Array) -> float:
    gaps = [abs(np.sum(confidence[bins == one] - outcome[bins == one])) for one in np.unique(bins)]
    return float(np.sum(gaps) / len(confidence))


RANKING = {metric.__name__: metric for metric in (auroc, average_precision)}
DECISIONS = {metric.__name__: metric for metric in (accuracy, macro_f1, micro_f1, precision, recall)}
CALIBRATION = {metric.__name__: metric for metric in (calibration_error, adaptive_calibration_error)}

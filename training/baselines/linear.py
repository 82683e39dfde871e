"""Linear models over any features, for every kind of task, with the strength of regularisation chosen on dev."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from model.bundle import CalibrationSpec
from model.calibration import probabilities_of
from model.taxonomy import Task
from training.evaluation.calibrate import CalibrationError, fit_calibration, known_rows
from training.evaluation.metrics.measures import primary_value

#: A matrix [N, D], dense or sparse.
Features = Any
Labels = NDArray[np.int64]
#: Features [N, D] to logits [N, n_logits].
Logits = Callable[[Features], NDArray[np.float64]]
#: Features [N, D] to probabilities, [N] or [N, C].
Probabilities = Callable[[Features], NDArray[np.float64]]

#: The strength of regularisation is chosen on dev from these.
_LR_STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
_SVM_STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
#: What a class gets that no training item has: almost nothing, after any softmax.
_NEVER_SEEN = -30.0


def fit_logistic(task: Task, train: Features, labels: Labels, dev: Features, dev_labels: Labels) -> Probabilities:
    """Logistic regression on standardised features; its own probabilities, nothing calibrated on dev."""

    def make(strength: float) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))

    return _chosen(task, make, _LR_STRENGTHS, (train, labels), (dev, dev_labels), calibrate=False)


def fit_svm(task: Task, train: Features, labels: Labels, dev: Features, dev_labels: Labels) -> Probabilities:
    """Linear support vector machine; its decision values become probabilities by a calibration fitted on dev."""

    def make(strength: float) -> Any:
        return LinearSVC(C=strength, random_state=0, max_iter=5000)

    return _chosen(task, make, _SVM_STRENGTHS, (train, labels), (dev, dev_labels), calibrate=True)


def majority(task: Task, labels: Labels) -> Probabilities:
    """The shares of the classes among the known training labels, for every item alike."""
    known = labels[known_rows(labels)]
    if task.kind == "multiclass":
        shares = np.bincount(known, minlength=len(task.classes)) / len(known)
    else:
        shares = np.atleast_1d(known.mean(axis=0))

    def probabilities(features: Features) -> NDArray[np.float64]:
        rows = np.tile(shares, (features.shape[0], 1))
        return rows[:, 0] if task.kind == "binary" else rows

    return probabilities


def _chosen(
    task: Task,
    make: Callable[[float], Any],
    strengths: Sequence[float],
    train: tuple[Features, Labels],
    dev: tuple[Features, Labels],
    *,
    calibrate: bool,
) -> Probabilities:
    """Fit every strength on the known training labels, keep the one that does best on the known dev labels."""
    known, dev_known = known_rows(train[1]), known_rows(dev[1])
    shown, labels = train[0][np.flatnonzero(known)], train[1][known]
    dev_shown, dev_labels = dev[0][np.flatnonzero(dev_known)], dev[1][dev_known]
    plain = CalibrationSpec(scale=1.0)
    fitted: list[tuple[float, Logits, CalibrationSpec]] = []
    for strength in strengths:
        logits = _fit(task, partial(make, strength), shown, labels)
        on_dev = logits(dev_shown) if len(dev_labels) else np.zeros((0, task.n_logits))
        calibration = _calibration(task, on_dev, dev_labels) if calibrate else plain
        value = primary_value(task.kind, dev_labels, probabilities_of(task, on_dev, calibration))
        fitted.append((value, logits, calibration))
    _, logits, calibration = max(fitted, key=lambda row: row[0])
    return lambda features: probabilities_of(task, logits(features), calibration)


def _fit(task: Task, make: Callable[[], Any], features: Features, labels: Labels) -> Logits:
    """One model, or for a multilabel task one a class; logits in the task's own order of classes."""
    if task.kind == "multilabel":
        columns = [_fit_yes_no(make, features, labels[:, index]) for index in range(len(task.classes))]
        return lambda shown: np.stack([column(shown) for column in columns], axis=1)
    if task.kind == "binary":
        column = _fit_yes_no(make, features, labels)
        return lambda shown: column(shown)[:, None]
    return _fit_classes(make, features, labels, len(task.classes))


def _fit_yes_no(make: Callable[[], Any], features: Features, labels: Labels) -> Logits:
    """Decision values [N]; a constant for labels of one value."""
    if len(np.unique(labels)) < 2:
        value = _NEVER_SEEN if not labels.any() else -_NEVER_SEEN
        return lambda shown: np.full(shown.shape[0], value)
    model = make().fit(features, labels)
    return lambda shown: np.asarray(model.decision_function(shown), dtype=np.float64)


def _fit_classes(make: Callable[[], Any], features: Features, labels: Labels, n_classes: int) -> Logits:
    """Decision values [N, n_classes]; classes that no item has get almost nothing."""
    present = np.unique(labels)
    model = make().fit(features, labels) if len(present) > 1 else None

    def logits(shown: Features) -> NDArray[np.float64]:
        found = np.full((shown.shape[0], n_classes), _NEVER_SEEN)
        values = np.zeros((shown.shape[0], 1)) if model is None else np.asarray(model.decision_function(shown))
        if values.ndim == 1:  # two classes: one value, for the second
            values = np.stack([np.zeros(len(values)), values], axis=1)
        found[:, present] = values
        return found

    return logits


def _calibration(task: Task, logits: NDArray[np.float64], labels: Labels) -> CalibrationSpec:
    """Fitted on dev; as the logits are when dev has labels of one value only."""
    if task.kind == "multilabel":  # what classes that no training item has are given says nothing of the others
        seen = ~(np.abs(logits) == -_NEVER_SEEN).all(axis=0)
        logits, labels = logits[:, seen], labels[:, seen]
    try:
        return fit_calibration(task, logits, labels)
    except CalibrationError:
        return CalibrationSpec(scale=1.0)

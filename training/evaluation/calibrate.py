"""Calibration of logits, fitted on dev and stored in the manifest: ``fit_calibration(task, logits, labels)``."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from model.bundle import CalibrationSpec
from model.errors import MemeguardError
from model.taxonomy import Task

Floats = NDArray[np.float32] | NDArray[np.float64]

#: Stands where a label is not known (``training.losses.ABSENT``, which would bring torch).
_ABSENT = -1
#: A flatter or falling line says that the logits are worth nothing; it is held here, so that the order stays.
_MIN_SCALE = 1e-4
_MAX_SCALE = 1e3


class CalibrationError(MemeguardError):
    """Dev labels from which nothing can be fitted, or a target that cannot be; the message says what is missing."""


def fit_calibration(task: Task, logits: Floats, labels: NDArray[np.int64] | Floats) -> CalibrationSpec:
    """Calibration of a task from dev ``logits`` [N, n_logits]; rows without a label (-1) are left out.

    - binary: Platt scaling (Platt 1999); ``labels`` [N] of 0 and 1.
    - multiclass: one temperature (Guo et al. 2017), as ``scale``; ``labels`` [N] class indices.
    - multilabel: one Platt line over every class of every item; ``labels`` [N, C] of 0 and 1.

    Raises ``CalibrationError`` when dev has only one value of the label.
    """
    known = np.asarray(labels)
    rows = known_rows(known)
    targets, shown = known[rows].astype(np.int64), logits[rows]
    found = np.unique(targets)
    if len(found) < 2:
        what = f"only the value {found[0]}" if len(found) else "none at all"
        raise CalibrationError(
            f"task {task.name!r}: calibration needs dev labels of at least two values, and dev has {what}; "
            "give dev data that is labelled for it, or leave the task out"
        )
    if task.kind == "multiclass":
        return CalibrationSpec(scale=_fit_temperature(shown, targets))
    return fit_platt(shown.reshape(-1).astype(np.float32), targets.reshape(-1))


def known_rows(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Rows [N] that have a label, of labels [N] or, multilabel, [N, C]."""
    known = labels != _ABSENT
    return np.asarray(known.all(axis=1) if known.ndim == 2 else known, dtype=bool)


def fit_platt(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> CalibrationSpec:
    """Platt scaling of a binary task: ``logits`` [N], ``labels`` [N] of 0 and 1, both present (Platt 1999).

    Logits that do not rise with the labels (a picture-only twin's may not) all get about the share of positives. Where
    a threshold parts the labels without a mistake, no line is the likeliest; then the outcomes are taken to be as sure
    as so many items allow, as Platt has it: (n + 1) / (n + 2) for n positives, 1 / (n + 2) for n negatives.
    """
    rows = logits.reshape(-1, 1).astype(np.float64)
    if logits[labels == 1].min() > logits[labels == 0].max():
        n_positive, n_negative = int((labels == 1).sum()), int((labels == 0).sum())
        sure = np.where(labels == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
        twice, outcomes = np.vstack([rows, rows]), np.repeat([1, 0], len(rows))
        fitted = LogisticRegression(C=1e6).fit(twice, outcomes, sample_weight=np.concatenate([sure, 1 - sure]))
    else:
        fitted = LogisticRegression(C=1e6).fit(rows, labels)
    scale, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if scale < _MIN_SCALE:
        share = float(np.mean(labels))
        scale, shift = _MIN_SCALE, float(np.log(share / (1 - share))) - _MIN_SCALE * float(np.mean(logits))
    return CalibrationSpec(scale=round(scale, 6), shift=round(shift, 6))


def _fit_temperature(logits: Floats, labels: NDArray[np.int64]) -> float:
    """The scale that makes the labels likeliest; its logarithm is searched, since the loss has one valley."""
    values = logits.astype(np.float64)

    def loss(log_scale: float) -> float:
        log_p = log_softmax(np.exp(log_scale) * values, axis=1)
        return -float(log_p[np.arange(len(labels)), labels].mean())

    bounds = (float(np.log(_MIN_SCALE)), float(np.log(_MAX_SCALE)))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12})
    return round(float(np.clip(np.exp(found.x), _MIN_SCALE, _MAX_SCALE)), 6)

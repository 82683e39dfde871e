"""Calibrated probabilities from logits: the one definition, for serving, training and measuring."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationSpec
from model.taxonomy import Task
from model.verdict import Score


def calibrated(task: Task, logits: NDArray[np.float32], calibration: CalibrationSpec) -> Score:
    """Probabilities of one row, ``logits`` [n_logits], as a verdict holds them."""
    found = probabilities_of(task, logits[None], calibration)[0]
    return float(found) if task.kind == "binary" else dict(zip(task.classes, found.tolist(), strict=True))


def probabilities_of(task: Task, logits: NDArray[Any], calibration: CalibrationSpec) -> NDArray[np.float64]:
    """Probabilities of rows, ``logits`` [N, n_logits]: [N] for a binary task (the positive class), else [N, C].

    Logits of a baseline are rounded to float32, which those of the runtime are.
    """
    logits = logits.astype(np.float32, copy=False)
    if task.kind != "multiclass":
        found = apply_platt(logits, calibration)
        return found[:, 0] if task.kind == "binary" else found
    values = _scaled(logits, calibration)
    exponents = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True), dtype=np.float64)


def apply_platt(logits: NDArray[np.float32], calibration: CalibrationSpec) -> NDArray[np.float64]:
    """Calibrated sigmoid of logits of any shape; training fits and measures with this very function."""
    # tanh, because exp of a large number would overflow.
    return np.asarray(0.5 * (1.0 + np.tanh(_scaled(logits, calibration) / 2.0)), dtype=np.float64)


def _scaled(logits: NDArray[np.float32], calibration: CalibrationSpec) -> NDArray[np.float64]:
    return np.asarray(calibration.scale * logits.astype(np.float64) + calibration.shift, dtype=np.float64)

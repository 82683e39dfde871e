"""Calibrated probabilities from logits: the one definition, for serving, training and measuring."""

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationSpec
from model.taxonomy import Task
from model.verdict import Score


def calibrated(task: Task, logits: NDArray[np.float32], calibration: CalibrationSpec) -> Score:
    """Probabilities of one row, ``logits`` [n_logits]."""
    if task.kind == "binary":
        return float(apply_platt(logits, calibration)[0])
    if task.kind == "multilabel":
        return dict(zip(task.classes, apply_platt(logits, calibration).tolist(), strict=True))
    values = _scaled(logits, calibration)
    exponents = np.exp(values - values.max())
    return dict(zip(task.classes, (exponents / exponents.sum()).tolist(), strict=True))


def apply_platt(logits: NDArray[np.float32], calibration: CalibrationSpec) -> NDArray[np.float64]:
    """Calibrated sigmoid of logits of any shape; training fits and measures with this very function."""
    # tanh, because exp of a large number would overflow.
    return np.asarray(0.5 * (1.0 + np.tanh(_scaled(logits, calibration) / 2.0)), dtype=np.float64)


def _scaled(logits: NDArray[np.float32], calibration: CalibrationSpec) -> NDArray[np.float64]:
    return np.asarray(calibration.scale * logits.astype(np.float64) + calibration.shift, dtype=np.float64)

"""Calibrated probabilities from logits: the one definition, for serving, training and measuring."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationByModality, CalibrationSpec
from model.modality import Modality
from model.taxonomy import Task
from model.verdict import Score


def score_of(task: Task, calibrated: NDArray[np.float64]) -> Score:
    """The probabilities of one row, ``calibrated`` logits [n_logits], as a verdict holds them."""
    found = _probabilities(task, calibrated[None])[0]
    return float(found) if task.kind == "binary" else dict(zip(task.classes, found.tolist(), strict=True))


def probabilities_of(task: Task, logits: NDArray[Any], calibration: CalibrationSpec) -> NDArray[np.float64]:
    """Probabilities of rows, ``logits`` [N, n_logits]: [N] for a binary task (the positive class), else [N, C]."""
    return _probabilities(task, calibrated_logits(logits, calibration))


def probabilities_by_modality(
    task: Task, logits: NDArray[Any], calibration: CalibrationByModality, modalities: Sequence[Modality]
) -> NDArray[np.float64]:
    """The same of rows of which each has the calibration of its own one of ``modalities`` [N]."""
    return probabilities_by_row(task, logits, [calibration.of(modality) for modality in modalities])


def probabilities_by_row(task: Task, logits: NDArray[Any], specs: Sequence[CalibrationSpec]) -> NDArray[np.float64]:
    """The same of rows of which each has its own one of ``specs`` [N]."""
    return _probabilities(task, _by_row(logits, specs))


def calibrated_logits(logits: NDArray[Any], calibration: CalibrationSpec) -> NDArray[np.float64]:
    """Logits of any shape after calibration, as which those of several modalities can be compared."""
    return _scaled(logits, calibration.scale, calibration.shift)


def calibrated_by_modality(
    logits: NDArray[Any], calibration: CalibrationByModality, modalities: Sequence[Modality]
) -> NDArray[np.float64]:
    """The same of rows [N, n_logits], each with the calibration of its own one of ``modalities`` [N]."""
    return _by_row(logits, [calibration.of(modality) for modality in modalities])


def _by_row(logits: NDArray[Any], specs: Sequence[CalibrationSpec]) -> NDArray[np.float64]:
    scale, shift = (np.array([getattr(spec, name) for spec in specs]).reshape(-1, 1) for name in ("scale", "shift"))
    return _scaled(logits, scale, shift)


def _scaled(
    logits: NDArray[Any], scale: float | NDArray[np.float64], shift: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Logits of a baseline are rounded to float32, which those of the runtime are."""
    rounded = logits.astype(np.float32, copy=False).astype(np.float64)
    return np.asarray(scale * rounded + shift, dtype=np.float64)


def _probabilities(task: Task, calibrated: NDArray[np.float64]) -> NDArray[np.float64]:
    if task.kind != "multiclass":
        found = _sigmoid(calibrated)
        return found[:, 0] if task.kind == "binary" else found
    exponents = np.exp(calibrated - calibrated.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True), dtype=np.float64)


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # tanh, because exp of a large number would overflow.
    return np.asarray(0.5 * (1.0 + np.tanh(values / 2.0)), dtype=np.float64)

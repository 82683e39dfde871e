"""Calibration and default thresholds, fitted on dev logits."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from model.bundle import CalibrationSpec, Thresholds
from training.config import ThresholdConfig

#: Blocking without a look needs at least this many dev items behind it.
_MIN_BLOCKED = 20
#: A probability that no score reaches: this policy never blocks.
NEVER = 1.01


def fit_platt(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> CalibrationSpec:
    """Platt scaling of a binary task: ``logits`` [N], ``labels`` [N] of 0 and 1 (Platt 1999)."""
    fitted = LogisticRegression(C=1e6).fit(logits.reshape(-1, 1).astype(np.float64), labels)
    return CalibrationSpec(scale=round(float(fitted.coef_[0, 0]), 6), shift=round(float(fitted.intercept_[0]), 6))


def apply_platt(logits: NDArray[np.float32], calibration: CalibrationSpec) -> NDArray[np.float64]:
    """Probabilities [N] of ``logits`` [N]."""
    values = calibration.scale * logits.astype(np.float64) + calibration.shift
    return np.asarray(0.5 * (1 + np.tanh(values / 2)), dtype=np.float64)


def fit_thresholds(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], config: ThresholdConfig
) -> Thresholds:
    """Review at the highest threshold with the recall asked for; block at the lowest with the precision asked for.

    ``block`` is ``NEVER`` when no threshold reaches that precision over at least 20 items.
    """
    positives = np.sort(probabilities[labels == 1])
    allowed_misses = int(np.floor((1 - config.review_recall) * len(positives)))
    review = float(positives[allowed_misses])
    order = np.argsort(-probabilities, kind="stable")
    precision = np.cumsum(labels[order]) / np.arange(1, len(labels) + 1)
    enough = (precision >= config.block_precision) & (np.arange(1, len(labels) + 1) >= _MIN_BLOCKED)
    block = float(probabilities[order][np.flatnonzero(enough)[-1]]) if enough.any() else NEVER
    return Thresholds(review=_floor(min(review, block)), block=_floor(block) if enough.any() else NEVER)


def _floor(value: float) -> float:
    """Three decimals, rounded down so that the item at the threshold stays on its side."""
    return float(np.floor(value * 1000) / 1000)

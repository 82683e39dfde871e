"""Calibration and default thresholds, fitted on dev logits."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from model.bundle import NEVER, CalibrationSpec, Thresholds
from training.config import ThresholdConfig

#: Blocking without a look needs at least this many dev items behind it.
_MIN_BLOCKED = 20
#: A flatter or falling line says that the logits are worth nothing; it is held here, so that the order stays.
_MIN_SCALE = 1e-4


def fit_platt(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> CalibrationSpec:
    """Platt scaling of a binary task: ``logits`` [N], ``labels`` [N] of 0 and 1, both present (Platt 1999).

    Logits that do not rise with the labels (a picture-only twin's may not) all get about the share of positives.
    """
    fitted = LogisticRegression(C=1e6).fit(logits.reshape(-1, 1).astype(np.float64), labels)
    scale, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if scale < _MIN_SCALE:
        share = float(np.mean(labels))
        scale, shift = _MIN_SCALE, float(np.log(share / (1 - share))) - _MIN_SCALE * float(np.mean(logits))
    return CalibrationSpec(scale=round(scale, 6), shift=round(shift, 6))


def fit_thresholds(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], config: ThresholdConfig
) -> Thresholds:
    """Review at the highest threshold with the recall asked for; block at the lowest with the precision asked for.

    ``block`` is ``NEVER`` when no threshold reaches that precision over at least 20 items. Thresholds have three
    decimals; probabilities are rounded down to them first, so that what is reached here is reached by what is shipped.
    Needs at least one positive.
    """
    steps = np.floor(probabilities * 1000).astype(np.int64)
    positives = np.sort(steps[labels == 1])
    # A hair more than zero: (1 - .9) * 10 is a little under 1 in floats.
    allowed_misses = int(np.floor((1 - config.review_recall) * len(positives) + 1e-9))
    review = int(positives[allowed_misses])
    block = _lowest_precise_step(steps, labels, config.block_precision)
    if block is None:
        return Thresholds(review=review / 1000, block=NEVER)
    return Thresholds(review=min(review, block) / 1000, block=block / 1000)


def _lowest_precise_step(steps: NDArray[np.int64], labels: NDArray[np.int64], precision: float) -> int | None:
    """The lowest threshold, in thousandths, at and above which enough items lie and enough of them are positive."""
    for step in np.unique(steps):
        above = labels[steps >= step]
        if len(above) >= _MIN_BLOCKED and above.mean() >= precision:
            return int(step)
    return None

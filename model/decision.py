"""Logits become calibrated scores, and scores held against a policy become a decision.

The decision is an aid to a moderator. "review" is an answer of its own: it is also given when the words of a picture
could not be read, since a score without them is no ground for letting a meme pass.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationSpec
from model.policy import Policy
from model.taxonomy import Task
from model.verdict import Decision, Ruling, Score, TextEvidence


def calibrated(task: Task, logits: NDArray[np.float32], calibration: CalibrationSpec) -> Score:
    """Probabilities of one row, ``logits`` [n_logits]."""
    if task.kind == "binary":
        return float(apply_platt(logits, calibration)[0])
    if task.kind == "multilabel":
        return dict(zip(task.classes, apply_platt(logits, calibration).tolist(), strict=True))
    values = _scaled(logits, calibration)
    exponents = np.exp(values - values.max())
    return dict(zip(task.classes, (exponents / exponents.sum()).tolist(), strict=True))


def decide(scores: Mapping[str, Score], text: TextEvidence, policy: Policy) -> Ruling:
    """The strictest decision that a threshold or rule asks for, with the reasons for it."""
    reasons: dict[Decision, list[str]] = {"block": [], "review": []}
    for task, thresholds in policy.thresholds.items():
        score = scores.get(task)
        if not isinstance(score, float):
            continue
        if score >= thresholds.block:
            reasons["block"].append(f"{task} {score:.3f} >= block threshold {thresholds.block:.3f}")
        elif score >= thresholds.review:
            reasons["review"].append(f"{task} {score:.3f} >= review threshold {thresholds.review:.3f}")
    if text.status != "ok":
        reasons["review"].append(f"the picture's words could not be read ({text.status})")
    for decision in ("block", "review"):
        if reasons[decision]:
            return Ruling(decision, tuple(reasons["block"] + reasons["review"]), {}, ())
    return Ruling("allow", ("every score is under its review threshold",), {}, ())


def apply_platt(logits: NDArray[np.float32], calibration: CalibrationSpec) -> NDArray[np.float64]:
    """Calibrated sigmoid of logits of any shape; training fits and measures with this very function."""
    # tanh, because exp of a large number would overflow.
    return np.asarray(0.5 * (1.0 + np.tanh(_scaled(logits, calibration) / 2.0)), dtype=np.float64)


def _scaled(logits: NDArray[np.float32], calibration: CalibrationSpec) -> NDArray[np.float64]:
    return np.asarray(calibration.scale * logits.astype(np.float64) + calibration.shift, dtype=np.float64)

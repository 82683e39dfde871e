"""Calibration of the model on what was reviewed: of memes with about this score, how many did reviewers call so?

What a policy sends to review is no sample of everything. It says how far scores can be trusted there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from model.taxonomy import TASKS
from serving.review.figures.reviewed import ReviewedDecision
from serving.review.figures.shares import Share, share

_BINS = 10


@dataclass(frozen=True)
class CalibrationBin:
    """Scores from ``low`` to ``high``: their mean, and the share that reviewers called positive."""

    low: float
    high: float
    mean_score: float | None
    positive: Share


@dataclass(frozen=True)
class Calibration:
    """One yes/no task. ``error`` is the expected calibration error over the bins (Naeini et al. 2015)."""

    task: str
    n: int
    error: float
    bins: tuple[CalibrationBin, ...]


def calibrations(reviewed: Sequence[ReviewedDecision]) -> tuple[Calibration, ...]:
    """For each yes/no task that has scores and labels, in the taxonomy's order."""
    found = []
    for task in TASKS.values():
        pairs = [
            (score, one.labels[task.name] == task.classes[1])
            for one in reviewed
            if task.kind == "binary"
            and task.name in one.labels
            and isinstance(score := one.scores.get(task.name), float)
        ]
        if pairs:
            found.append(_calibration(task.name, pairs))
    return tuple(found)


def _calibration(task: str, pairs: Sequence[tuple[float, bool]]) -> Calibration:
    bins = tuple(_bin(number, pairs) for number in range(_BINS))
    error = sum(
        one.positive.n * abs(one.mean_score - one.positive.value)
        for one in bins
        if one.mean_score is not None and one.positive.value is not None
    )
    return Calibration(task, len(pairs), error / len(pairs), bins)


def _bin(number: int, pairs: Sequence[tuple[float, bool]]) -> CalibrationBin:
    inside = [(score, positive) for score, positive in pairs if min(int(score * _BINS), _BINS - 1) == number]
    mean = sum(score for score, _ in inside) / len(inside) if inside else None
    positive = share(sum(positive for _, positive in inside), len(inside))
    return CalibrationBin(number / _BINS, (number + 1) / _BINS, mean, positive)

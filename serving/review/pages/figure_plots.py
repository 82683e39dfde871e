"""Plots of the figures of review."""

from typing import Any

from serving.review.figures.calibration import Calibration
from serving.review.figures.figures import Figures
from serving.review.figures.shares import Share
from serving.review.pages.plots import (
    Calibrated,
    CalibrationPlot,
    Measured,
    bar_plot,
    calibration_plot,
    interval_plot,
)
from serving.review.pages.questions import task_title

#: Below this an agreement is drawn at the edge: worse than chance is worse than chance.
_LOWEST_ALPHA = -0.2


def plots_of(figures: Figures) -> dict[str, Any]:
    """By the names that the page's template has for them."""
    agreement = [Measured(task_title(one.task), one.alpha, one.items) for one in figures.agreement]
    gold = [_measured(one.reviewer, one.golden) for one in figures.reviewers if one.golden.n]
    alarms = [_measured(one.group, one.harmless) for one in figures.false_alarms.groups]
    return {
        "day_plot": bar_plot([(f"{one.day:%d.%m.}", one.answered) for one in figures.days]),
        "age_plot": bar_plot([(bucket.title, bucket.items) for bucket in figures.queue.buckets]),
        "alpha_plot": interval_plot(agreement, _LOWEST_ALPHA),
        "gold_plot": interval_plot(gold),
        "alarm_plot": interval_plot(alarms),
        "calibration_plots": [(one, _calibration(one)) for one in figures.calibration],
    }


def _measured(label: str, share: Share) -> Measured:
    return Measured(label, share.value, share.n, share.low, share.high)


def _calibration(calibration: Calibration) -> CalibrationPlot:
    return calibration_plot(
        [
            Calibrated(one.mean_score, share.value, share.n, share.low, share.high)
            for one in calibration.bins
            if (share := one.positive).value is not None
            and one.mean_score is not None
            and share.low is not None
            and share.high is not None
        ]
    )

"""Baselines as rows of the result table that stands beside every network's own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.bundle import Interval, MetricRow
from model.preprocess import Preprocessor
from model.taxonomy import Task
from training.baselines.fit import NEED_PICTURES, fit_baselines, labels_of
from training.baselines.towers import FrozenTowers
from training.data.examples import Examples
from training.evaluation.calibrate import known_rows
from training.evaluation.metrics.bootstrap import bootstrap
from training.evaluation.metrics.measures import MEASURES

#: The metrics of a row, where its kind of task has them.
SHOWN = ("auroc", "average_precision", "accuracy", "macro_f1", "calibration_error")


@dataclass(frozen=True)
class MeasuredSet:
    """Examples to measure on, with the name and split that stand in the table."""

    data: str
    split: str
    examples: Examples


@dataclass(frozen=True)
class BaselineTable:
    """``rows`` a set, task and baseline; ``absent``: "task: baseline: reason" for each that could not be had."""

    rows: list[MetricRow]
    absent: list[str]


def baseline_table(
    train: Examples,
    dev: Examples,
    sets: Sequence[MeasuredSet],
    towers: FrozenTowers,
    preprocessor: Preprocessor,
    *,
    n_resamples: int = 1000,
) -> BaselineTable:
    """Fit every baseline of every task of ``train`` and measure it on ``sets``; see ``fit_baselines``.

    A set without labels of a task has no row for it; one without pictures none of the baselines that need them.
    """
    rows: list[MetricRow] = []
    absent: list[str] = []
    for task in train.tasks:
        baselines = fit_baselines(train, dev, task, towers, preprocessor)
        absent += [f"{task.name}: {name}: {reason}" for name, reason in baselines.absent.items()]
        for measured in sets:
            pictured = any(sample.image is not None for sample in measured.examples.samples)
            labels = labels_of(measured.examples, task)
            for name, score in baselines.fitted.items():
                if known_rows(labels).any() and (pictured or name not in NEED_PICTURES):
                    scores = score(measured.examples)
                    rows.append(metric_row(measured, task, name, labels, scores, n_resamples=n_resamples))
    return BaselineTable(rows, absent)


def metric_row(
    measured: MeasuredSet,
    task: Task,
    model: str,
    labels: NDArray[np.int64],
    *probabilities: NDArray[np.float64],
    n_resamples: int = 1000,
) -> MetricRow:
    """How ``model`` does on the labelled items of a set: labels and probabilities [N] or [N, C], -1 for unknown.

    Of several networks that differ in their seed it is the mean, with an interval over items and seeds together.
    """
    known = known_rows(labels)
    metrics = {}
    for measure in MEASURES[task.kind]:
        if measure.name not in SHOWN:
            continue
        found = bootstrap(measure, labels[known], *(run[known] for run in probabilities), n_resamples=n_resamples)
        if found.value is not None and found.low is not None and found.high is not None:
            values = (round(number, 4) for number in (found.value, found.low, found.high))
            metrics[measure.name] = Interval(**dict(zip(("value", "low", "high"), values, strict=True)))
    return MetricRow(
        data=measured.data, split=measured.split, task=task.name, model=model, n=int(known.sum()), metrics=metrics
    )

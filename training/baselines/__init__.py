"""What a network has to beat, fitted and measured in the same harness: on the same samples, metrics and intervals."""

from training.baselines.fit import Baseline, Baselines, fit_baselines, labels_of
from training.baselines.linear import logistic_regression
from training.baselines.table import BaselineTable, MeasuredSet, baseline_table, metric_row
from training.baselines.towers import FrozenTowers, frozen_features

__all__ = [
    "Baseline",
    "BaselineTable",
    "Baselines",
    "FrozenTowers",
    "MeasuredSet",
    "baseline_table",
    "fit_baselines",
    "frozen_features",
    "labels_of",
    "logistic_regression",
    "metric_row",
]

"""Baselines: what a network has to beat, on the same samples, with the same metrics and intervals.

Read ``fit`` (every baseline of a task), ``linear``, ``tfidf``, ``towers`` and ``zero_shot``, then ``table``;
``disputed`` is what one of them makes of a source's labels.
"""

from training.baselines.fit import Baseline, Baselines, fit_baselines, labels_of
from training.baselines.table import BaselineTable, MeasuredSet, baseline_table, metric_row
from training.baselines.towers import FrozenTowers

__all__ = [
    "Baseline",
    "BaselineTable",
    "Baselines",
    "FrozenTowers",
    "MeasuredSet",
    "baseline_table",
    "fit_baselines",
    "labels_of",
    "metric_row",
]

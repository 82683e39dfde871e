"""The one number that a task is chosen and judged by."""

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import TaskKind
from training.evaluation.measures import MEASURES, Measure

_NAMES: dict[TaskKind, str] = {"binary": "auroc", "multiclass": "macro_f1", "multilabel": "auroc"}


def primary_measure(kind: TaskKind) -> Measure:
    """AUROC (mean over labels when there are several), macro-F1 for one of many classes."""
    return next(measure for measure in MEASURES[kind] if measure.name == _NAMES[kind])


def primary_value(kind: TaskKind, labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Its value, for ranking choices on dev; minus infinity where it is not defined: then the first choice stands."""
    value = primary_measure(kind)(labels, probabilities)
    return float("-inf") if np.isnan(value) else value

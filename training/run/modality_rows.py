"""Rows of a set that stand for each modality, by which its calibration and thresholds are fitted.

Pictures with words stand for themselves. Words alone stand for themselves where there are any with labels of two
values, else pictures with words do whose picture is hidden. Pictures alone are all pictures with their words hidden.
Where a set has nothing of that, all of its rows do, as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationSpec
from model.modality import Modality
from model.taxonomy import Task
from training.baselines import labels_of
from training.data.examples import Examples
from training.data.modalities import BOTH, IMAGE_ONLY, TEXT_ONLY, Modalities
from training.evaluation.calibrate import fit_calibration, known_rows

Logits = list[NDArray[np.float32]]
#: Logits [N, n_logits] a task of a network that is shown no more than this.
Ask = Callable[[Examples, Modalities], Logits]


@dataclass(frozen=True)
class ModalityRows:
    """Rows [N] of a set, what is shown of them, and how people call them."""

    chosen: NDArray[np.bool_]
    shown: Modalities
    title: str


@dataclass(frozen=True)
class Fit:
    """Calibration of a task for a modality, with the rows that it was fitted on: their logits and labels."""

    spec: CalibrationSpec
    rows: ModalityRows
    logits: NDArray[np.float32]
    labels: NDArray[np.int64]


def candidates(modality: Modality, examples: Examples) -> list[ModalityRows]:
    """Rows that may stand for a modality, the best first; without the last resort, ``all_rows``."""
    own = np.array([BOTH.of(sample) for sample in examples.samples])
    whole = own == "both"
    if modality == "both":
        return [ModalityRows(whole, BOTH, "pictures with words")]
    if modality == "image":
        return [ModalityRows(whole | (own == "image"), IMAGE_ONLY, "pictures, any words hidden")]
    hidden = ModalityRows(whole, TEXT_ONLY, "pictures with words, the picture hidden")
    return [ModalityRows(own == "text", BOTH, "words alone"), hidden]


def all_rows(examples: Examples) -> ModalityRows:
    """What stands for a modality of which a set has nothing."""
    return ModalityRows(np.ones(len(examples), dtype=bool), BOTH, "all rows as they are")


class ModalityFits:
    """Calibration of one network by task and modality, each fitted when it is first asked for."""

    def __init__(self, examples: Examples, ask: Ask) -> None:
        self._examples, self._ask = examples, ask
        self._logits: dict[Modalities, Logits] = {}
        self._fits: dict[tuple[str, Modality], Fit] = {}

    def fit(self, task: Task, modality: Modality) -> Fit:
        """Raises ``CalibrationError`` when the labels of the set do not allow it."""
        key = (task.name, modality)
        if key not in self._fits:
            self._fits[key] = self._fitted(task, modality)
        return self._fits[key]

    def _fitted(self, task: Task, modality: Modality) -> Fit:
        labels = labels_of(self._examples, task)
        known = known_rows(labels)
        found = (
            rows for rows in candidates(modality, self._examples) if len(np.unique(labels[rows.chosen & known])) > 1
        )
        rows = next(found, all_rows(self._examples))
        if rows.shown not in self._logits:
            self._logits[rows.shown] = self._ask(self._examples, rows.shown)
        logits = self._logits[rows.shown][self._examples.tasks.index(task)][rows.chosen]
        return Fit(fit_calibration(task, logits, labels[rows.chosen]), rows, logits, labels[rows.chosen])

"""Calibration and thresholds of what ships, fitted for each modality on its own rows of the calibrate set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationByModality, ThresholdsByModality
from model.calibration import probabilities_of
from model.modality import MODALITIES, Modality, modality_title
from model.taxonomy import Task
from training.data.examples import Examples
from training.evaluation.calibrate import CalibrationError, known_rows
from training.evaluation.thresholds import Picked, Target, pick_thresholds
from training.run.modality_rows import Ask, Fit, Logits, ModalityFits, all_rows, candidates

Say = Callable[[str], None]


@dataclass(frozen=True)
class Fitted:
    """What goes into the manifest; ``recorded`` says of each what it was fitted on and what it reaches."""

    calibration: dict[str, CalibrationByModality]
    thresholds: dict[str, ThresholdsByModality]
    recorded: dict[str, Any]


class PolicyFit:
    """Fits what ships. ``ask`` gives the logits of the network that ships, ``ordinary`` an ordinary stream, if any."""

    def __init__(self, calibrate: Examples, ordinary: Examples | None, ask: Ask, say: Say) -> None:
        self._fits = ModalityFits(calibrate, ask)
        self._tasks, self._ordinary, self._ask, self._say = calibrate.tasks, ordinary, ask, say
        self._streams: dict[Modality, tuple[Logits, NDArray[np.bool_]]] = {}

    def __call__(self, policy_tasks: Sequence[str], targets: Sequence[Target]) -> Fitted:
        """Raises ``CalibrationError`` for labels or targets without ground, naming task and modality."""
        calibration, thresholds, recorded = {}, {}, dict[str, dict[str, Any]](calibration={}, thresholds={})
        for task in self._tasks:
            fits = {modality: self._fits.fit(task, modality) for modality in MODALITIES}
            calibration[task.name] = CalibrationByModality(**{one: fit.spec for one, fit in fits.items()})
            recorded["calibration"][task.name] = {one: _fitted_on(fit) for one, fit in fits.items()}
            for modality, fit in fits.items():
                told = _fitted_on(fit)
                self._say(f"{task.name}, {modality_title(modality)}: fitted on {told['n']} rows ({told['rows']})")
            if task.name not in policy_tasks:
                continue
            picked = {one: self._picked(task, one, fit, targets) for one, fit in fits.items()}
            thresholds[task.name] = ThresholdsByModality(**{one: found.thresholds for one, found in picked.items()})
            recorded["thresholds"][task.name] = {one: found.recorded for one, found in picked.items()}
        return Fitted(calibration, thresholds, recorded)

    def _picked(self, task: Task, modality: Modality, fit: Fit, targets: Sequence[Target]) -> Picked:
        place = f"{task.name}, {modality_title(modality)}"
        ordinary = self._stream(task, modality, fit)
        try:
            picked = pick_thresholds(probabilities_of(task, fit.logits, fit.spec), fit.labels, targets, ordinary)
        except CalibrationError as error:
            raise CalibrationError(f"{place}: {error}") from error
        for sentence in (*picked.in_words(), picked.expected_in_words()):
            self._say(f"{place}: {sentence}")
        return picked

    def _stream(self, task: Task, modality: Modality, fit: Fit) -> NDArray[np.float64] | None:
        """Probabilities of the rows of the ordinary stream that stand for a modality."""
        if self._ordinary is None:
            return None
        if modality not in self._streams:
            found = (rows for rows in candidates(modality, self._ordinary) if rows.chosen.any())
            # Nothing that is calibrated stands for it: what is shown is never more than in another modality.
            whole = all_rows(self._ordinary)
            rows = whole if fit.rows.title == whole.title else next(found, None)
            if rows is None:
                return np.zeros(0)
            self._streams[modality] = self._ask(self._ordinary, rows.shown), rows.chosen
        logits, chosen = self._streams[modality]
        return probabilities_of(task, logits[self._tasks.index(task)][chosen], fit.spec)


def _fitted_on(fit: Fit) -> dict[str, Any]:
    return {"rows": fit.rows.title, "n": int(known_rows(fit.labels).sum())}

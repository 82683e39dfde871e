"""Which network of a run ships: the seed that is best on dev, or the average of all, as it is after rounding."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Precision
from model.calibration import probabilities_of
from model.errors import ExportRefusedError
from model.export import MAX_DEV_AUROC_LOSS, round_weights_to_int8
from model.network.memefier import MemeNetwork
from training.baselines import labels_of
from training.datasets.base import ABSENT
from training.evaluation.metrics.measures import primary_value
from training.run.dev_metrics import calibrations
from training.run.export.restore import RestoredRun
from training.run.modality_rows import Ask
from training.run.trained import AveragedSeeds, TrainedNetwork, average_of
from training.trainer.learner import Learner

Say = Callable[[str], None]


@dataclass(frozen=True)
class Shipped:
    """What ships of a run: ``network``, and what gives its logits [N, n_logits] a task, shown no more than is told.

    ``learner`` has the image tower, if that was tuned. ``seed`` is None where the network is the ``average`` of all.
    ``dev_auroc`` (macro-F1 for several classes) is of every network of the run by its name, precision and task.
    """

    network: MemeNetwork
    learner: Learner
    logits: Ask
    seed: int | None
    dev_auroc: dict[str, dict[str, dict[str, float]]]
    average: AveragedSeeds | None = None

    @property
    def recorded(self) -> dict[str, Any]:
        """For the manifest: nothing of a run of one network, which the run itself describes."""
        if len(self.dev_auroc) == 1:
            return {}
        rounded = {
            name: {kind: {task: round(value, 4) for task, value in tasks.items()} for kind, tasks in kinds.items()}
            for name, kinds in self.dev_auroc.items()
        }
        return {"shipped_seed": "average" if self.seed is None else self.seed, "dev_auroc": rounded}


def choose(restored: RestoredRun, precision: Precision, say: Say) -> Shipped:
    """Round all networks if it is to be int8, and take the one that is best on dev, or the average of all seeds.

    Raises ``ExportRefusedError`` when int8 costs what ships too much on dev.
    """
    networks, average = restored.networks, average_of(restored.config, restored.networks)
    reached: dict[str, dict[str, dict[str, float]]] = {
        _name(network): {"fp32": _ranking(restored, network.logits(restored.dev))} for network in networks
    }
    mean_before = {} if average is None else _ranking(restored, average.logits(restored.dev))
    if precision == "int8":
        for network in networks:
            round_weights_to_int8(network.shipped)
            reached[_name(network)]["int8"] = _ranking(restored, network.logits(restored.dev))
    if average is not None:
        if precision == "int8":
            round_weights_to_int8(average.network)  # a memory that votes for all has weights that no network has
            _check_rounding(mean_before, _ranking(restored, average.logits(restored.dev)), say)
        return Shipped(average.network, restored.learner, average.logits, None, reached, average)
    select_on = restored.config.phases[-1].select_on
    best = max(restored.candidates, key=lambda network: reached[_name(network)][precision][select_on])
    if precision == "int8":
        _check_rounding(reached[_name(best)]["fp32"], reached[_name(best)]["int8"], say)
    return Shipped(best.shipped, best.learner, best.logits, best.config.seed, reached)


def _name(network: TrainedNetwork) -> str:
    return f"{network.variant}, seed {network.config.seed}"


def _check_rounding(before: Mapping[str, float], after: Mapping[str, float], say: Say) -> None:
    for task, value in before.items():
        say(f"int8: {task} {value:.4f} -> {after[task]:.4f} on dev")
        # Rounded, since .9 - .895 is a little over .005 in floats; written so that NaN is refused too.
        if not round(value - after[task], 6) <= MAX_DEV_AUROC_LOSS:
            raise ExportRefusedError(
                f"int8 lowers {task} on dev from {value:.4f} to {after[task]:.4f}; at most {MAX_DEV_AUROC_LOSS} may "
                "go: use --precision fp32"
            )


def _ranking(restored: RestoredRun, logits: list[NDArray[np.float32]]) -> dict[str, float]:
    """The number that each task is judged by (AUROC; macro-F1 for several classes), on dev."""
    fitted = calibrations(restored.tasks, restored.dev, logits)
    values = {}
    for task, found in zip(restored.tasks, logits, strict=True):
        labels = labels_of(restored.dev, task)
        known = (labels != ABSENT).reshape(len(labels), -1).all(axis=1)
        scores = probabilities_of(task, found[known], fitted[task.name])
        values[task.name] = primary_value(task.kind, labels[known], scores)
    return values

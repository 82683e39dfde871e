"""A finished run, opened again: its network with the weights that were kept, and the data that it is calibrated on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationSpec
from model.network.memefier import MemeFier
from model.taxonomy import Task
from training.assemble import build_learner, load_weights, picture_source, shown_modalities
from training.batch import BOTH
from training.config import TrainConfig
from training.config_file import parse_train_config
from training.datasets import Sample
from training.errors import RunError
from training.examples import Examples
from training.learner import Learner
from training.provenance import data_digest
from training.results import calibrations
from training.run_data import load_run_data
from training.runs import RunFolder
from training.towers import RunTowers, image_tower_digest, open_towers
from training.trainer import predict
from training.twin import Twin


@dataclass(frozen=True)
class Restored:
    """``recorded`` is the provenance of the run."""

    config: TrainConfig
    towers: RunTowers
    learner: Learner
    dev: Examples
    calibrate: Examples
    recorded: dict[str, Any]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The network's tasks, in the order of the logits."""
        return self.config.network.task_list

    @property
    def shipped(self) -> MemeFier:
        """The network as it ships: a twin's hides what it was never shown. It shares the learner's weights."""
        shown = shown_modalities(self.config)
        return self.learner.network if shown == BOTH else Twin(self.learner.network, shown).eval()

    def logits(self, examples: Examples) -> list[NDArray[np.float32]]:
        """[N, n_logits] a task, shown what the run's network is shown."""
        return predict(self.learner, examples, shown_modalities(self.config))

    def calibrations(self) -> dict[str, CalibrationSpec]:
        """Calibration by task, of the weights as they are now."""
        return calibrations(self.tasks, self.calibrate, self.logits(self.calibrate))


def restore(run: RunFolder, cache: Path) -> Restored:
    """Open a run; raises ``RunError`` when it is not finished, or its data and weights are not those that it had."""
    config = parse_train_config(run.read_config(), run.config)
    if not run.is_finished:
        raise RunError(f"{run.path} is not finished: run `memeguard train` with the same arguments to its end first")
    recorded = json.loads(run.provenance.read_text(encoding="utf-8"))
    data = load_run_data(config, cache)
    for name, samples in {"dev": data.dev, "calibrate": data.calibrate}.items():
        if data_digest(samples) != recorded["data_sha256"][name]:
            raise RunError(f"{run.path}: the samples of {name!r} are not those of the run; put the data back as it was")
    towers = open_towers(config, cache)
    if image_tower_digest(towers) != recorded["image_tower_sha256"]:
        raise RunError(f"{run.path}: the image tower's weights are not those of the run; put the backbone back")
    learner = build_learner(config, towers)
    load_weights(learner, run.network)
    pictures = picture_source(config, towers, cache)

    def examples(samples: Sequence[Sample]) -> Examples:
        return Examples(samples, config.network.task_list, towers.preprocessor, pictures)

    dev = examples(data.dev)
    calibrate = dev if data.calibrate is data.dev else examples(data.calibrate)
    return Restored(config, towers, learner.eval(), dev, calibrate, recorded)

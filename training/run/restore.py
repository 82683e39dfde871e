"""A finished run, opened again: its network with the weights that were kept, and the data that it is calibrated on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationSpec
from model.network.memefier import MemeNetwork
from model.network.memory import KernelMemory
from model.taxonomy import Task
from training.data.examples import Examples
from training.datasets import Sample
from training.errors import RunError
from training.kernel.memory import MEMORY_FILE, read_memory
from training.run.backbone import RunTowers, image_tower_digest, open_towers
from training.run.build import build_learner, load_weights, picture_source, shown_modalities
from training.run.config import TrainConfig
from training.run.config_file import parse_train_config
from training.run.dev_metrics import calibrations
from training.run.folder import RunFolder
from training.run.load_data import load_run_data
from training.run.provenance import data_digest
from training.run.single_modality import as_shipped
from training.trainer.learner import Learner
from training.trainer.trainer import predict


@dataclass(frozen=True)
class Restored:
    """``recorded`` is the provenance of the run, ``memory`` what votes beside its network."""

    config: TrainConfig
    towers: RunTowers
    learner: Learner
    memory: KernelMemory | None
    dev: Examples
    calibrate: Examples
    recorded: dict[str, Any]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The network's tasks, in the order of the logits."""
        return self.config.network.task_list

    @property
    def shipped(self) -> MemeNetwork:
        """The network as it ships: with its memory, and a twin's hides what it was never shown. Weights are shared."""
        return as_shipped(self.learner.network, shown_modalities(self.config), self.memory)

    def logits(self, examples: Examples) -> list[NDArray[np.float32]]:
        """[N, n_logits] a task, shown what the run's network is shown."""
        # A tower in the loop is the learner's, and such a run has no memory.
        model = self.learner if self.memory is None else self.shipped
        return predict(model, examples, shown_modalities(self.config))

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
    memory = read_memory(run.path / MEMORY_FILE) if config.memory is not None else None
    pictures = picture_source(config, towers, cache)

    def examples(samples: Sequence[Sample]) -> Examples:
        return Examples(samples, config.network.task_list, towers.preprocessor, pictures)

    dev = examples(data.dev)
    calibrate = dev if data.calibrate is data.dev else examples(data.calibrate)
    return Restored(config, towers, learner.eval(), memory, dev, calibrate, recorded)

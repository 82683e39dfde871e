"""A finished run, opened again: its networks with their kept weights, and the data that they are measured on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.network.memory import KernelMemory
from model.taxonomy import Task
from training.data.examples import Examples
from training.datasets import Sample
from training.errors import RunError
from training.run.backbone import RunTowers, image_tower_digest, open_towers
from training.run.build import picture_source
from training.run.config import TrainConfig
from training.run.config.file import parse_train_config
from training.run.folder import RunFolder
from training.run.image_tower import finish_towers
from training.run.load_data import load_run_data
from training.run.provenance import data_digest
from training.run.trained import TrainedNetwork, candidates, trained_network
from training.trainer.checkpoint import first_difference
from training.trainer.learner import Learner


@dataclass(frozen=True)
class RestoredRun:
    """``recorded`` is the provenance of the run; ``networks`` are all that it trained, one for most runs."""

    config: TrainConfig
    towers: RunTowers
    networks: list[TrainedNetwork]
    dev: Examples
    calibrate: Examples
    ordinary: Examples | None
    tests: tuple[Examples, ...]
    recorded: dict[str, Any]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The network's tasks, in the order of the logits."""
        return self.config.network.task_list

    @property
    def candidates(self) -> list[TrainedNetwork]:
        """The networks that may ship: a seed each, shown what the run's config says; the twins stand beside them."""
        return candidates(self.config, self.networks)

    @property
    def learner(self) -> Learner:
        """That of the first network."""
        return self.networks[0].learner

    @property
    def memory(self) -> KernelMemory | None:
        """That of the first network."""
        return self.networks[0].memory

    def logits(self, examples: Examples) -> list[NDArray[np.float32]]:
        """[N, n_logits] a task of the first network, shown what it is shown."""
        return self.networks[0].logits(examples)


def restore(run: RunFolder, cache: Path) -> RestoredRun:
    """Open a run; raises ``RunError`` when it is not finished, or its data and weights are not those that it had."""
    config = parse_train_config(run.read_config(), run.config)
    if not run.is_finished:
        raise RunError(f"{run.path} is not finished: run `memeguard train` with the same arguments to its end first")
    recorded = json.loads(run.provenance.read_text(encoding="utf-8"))
    data = load_run_data(config, cache)
    for name, samples in data.parts.items():
        if not name.startswith("train.") and data_digest(samples) != recorded["data_sha256"][name]:
            raise RunError(f"{run.path}: the samples of {name!r} are not those of the run; put the data back as it was")
    towers = finish_towers(open_towers(config, cache), config, data, cache)
    if image_tower_digest(towers) != recorded["image_tower_sha256"]:
        raise RunError(f"{run.path}: the image tower's weights are not those of the run; put the backbone back")
    _check_start(run, towers, recorded)
    networks = [
        trained_network(member, towers.copied() if name else towers, run.member(name))
        for name, member in config.members.items()
    ]
    pictures = picture_source(config, towers, cache)

    def examples(samples: Sequence[Sample]) -> Examples:
        return Examples(samples, config.network.task_list, towers.preprocessor, pictures)

    dev = examples(data.dev)
    calibrate = dev if data.calibrate is data.dev else examples(data.calibrate)
    ordinary = None if data.ordinary is None else examples(data.ordinary)
    tests = tuple(examples(samples) for samples in data.tests)
    return RestoredRun(config, towers, networks, dev, calibrate, ordinary, tests, recorded)


def _check_start(run: RunFolder, towers: RunTowers, recorded: Mapping[str, Any]) -> None:
    """Raise ``RunError`` when the bundle that the run stands on was replaced; one of before 0.4 stands on none."""
    found = None if towers.start is None else towers.start.recorded
    difference = first_difference(recorded.get("start_bundle"), found, "bundle")
    if difference:
        raise RunError(f"{run.path}: its backbone is not the bundle of the run any more ({difference}); put that back")

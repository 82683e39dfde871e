"""Keeps the checkpoint of a phase while it runs, and puts it back when the phase is started again."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch

from training.checkpoints import (
    CheckpointFile,
    PhaseState,
    check_fingerprint,
    examples_digest,
    frozen_digest,
    load_trained_weights,
    pack_state,
    trained_weights,
    unpack_state,
)
from training.data.batch import Modalities
from training.data.examples import Examples
from training.learner import Learner
from training.phase import WITHOUT_EFFECT, PhaseConfig
from training.precision import DecidedPrecision, decide_precision


class Keeper:
    """The checkpoint of one phase in ``folder``; without a folder it keeps nothing, and there is nothing to restore.

    Raises ``CheckpointError`` when there is a checkpoint and it is damaged.
    """

    def __init__(self, folder: Path | None, label: str, config: PhaseConfig) -> None:
        self._file = CheckpointFile(folder, label) if folder is not None else None
        self._saved = self._file.read() if self._file is not None else None
        self._config = config
        self._fingerprint: dict[str, Any] = {}
        self._written_at = time.monotonic()

    @property
    def is_on(self) -> bool:
        """Whether checkpoints are kept at all."""
        return self._file is not None

    def precision(self, device: torch.device) -> DecidedPrecision:
        """What the config asks for; for ``auto`` what the phase was started with, which is recorded."""
        if self._config.precision == "auto" and self._saved is not None:
            return decide_precision(cast(DecidedPrecision, self._saved["fingerprint"]["precision"]), device)
        return decide_precision(self._config.precision, device)

    def identify(self, fingerprint: Mapping[str, Any]) -> None:
        """Say what this phase is made of; raises ``CheckpointError`` when the checkpoint is of something else."""
        self._fingerprint = dict(fingerprint)
        if self._saved is not None and self._file is not None:
            check_fingerprint(self._file.path, self._saved["fingerprint"], fingerprint)

    def restore(self, learner: Learner, optimiser: torch.optim.Optimizer) -> PhaseState:
        """Put the last checkpoint into both, and say how far it was; a fresh state when there is none.

        Of a finished phase only the state comes back: its best weights are in it.
        """
        if self._saved is None:
            return PhaseState()
        state = unpack_state(self._saved["state"])
        if not state.finished:
            load_trained_weights(learner, self._saved["weights"])
            optimiser.load_state_dict(self._saved["optimiser"])
        self._saved = None
        return state

    def is_due(self, step: int) -> bool:
        """Whether there should be a checkpoint after ``step`` steps of the epoch, by their number or by the clock."""
        every_s, every_steps = self._config.checkpoint_every_s, self._config.checkpoint_every_steps
        by_steps = every_steps is not None and step % every_steps == 0
        by_time = every_s is not None and time.monotonic() - self._written_at >= every_s
        return self.is_on and (by_steps or by_time)

    def write(self, learner: Learner, optimiser: torch.optim.Optimizer, state: PhaseState) -> None:
        """Replace the checkpoint. Of a finished phase only the best weights and the history are kept."""
        if self._file is None:
            return
        document: dict[str, Any] = {"fingerprint": self._fingerprint, "state": pack_state(state)}
        if not state.finished:
            document |= {"weights": trained_weights(learner), "optimiser": optimiser.state_dict()}
        self._file.remove_drafts()
        self._file.write(document)
        self._written_at = time.monotonic()


def fingerprint(
    learner: Learner,
    train: Examples,
    dev: Examples,
    config: PhaseConfig,
    *,
    seed: int,
    modalities: Modalities,
    n_processes: int,
    precision: DecidedPrecision,
) -> dict[str, Any]:
    """Everything that a phase must find unchanged to go on, in plain values; settings first, digests last."""
    return {
        "phase": config.model_dump(mode="json", exclude=set(WITHOUT_EFFECT | {"precision"})),
        "precision": precision,
        "seed": seed,
        "modalities": asdict(modalities),
        "processes": n_processes,
        "losses": learner.losses.model_dump(mode="json"),
        "network": learner.network.config.to_dict(),
        "train": examples_digest(train),
        "dev": examples_digest(dev),
        "frozen weights": frozen_digest(learner),
    }

"""What a phase of training goes on from after it was stopped, in one file that is whole or not there.

A checkpoint holds what the phase has changed: trained weights and buffers, the optimiser's state, the best weights so
far, the history, and how far the epoch is. The rest is a function of the config: learning rates follow from the step,
and every random draw from (seed, label, epoch, step) (``training/trainer/loader.py``), so there is no scheduler's and
no generator's state that could be lost or wrong. Frozen weights are not stored; their digest is, with that of the data
and the settings, and a phase that differs in any of these is refused.
"""

import hashlib
import pickle
import re
import time
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from model.atomic import open_atomically
from training.data.examples import Examples
from training.data.modalities import Modalities
from training.errors import RunError
from training.trainer.learner import Learner
from training.trainer.phase import WITHOUT_EFFECT, EpochResult, PhaseConfig
from training.trainer.precision import DecidedPrecision, decide_precision

_FORMAT = 1
Weights = dict[str, Tensor]


class CheckpointError(RunError):
    """A checkpoint is damaged, or of a phase with other settings, data or weights."""


@dataclass
class PhaseState:
    """How far a phase is. ``epoch`` counts from 1; ``step`` steps of it are done, and ``sums`` add up their losses."""

    epoch: int = 1
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[EpochResult] = field(default_factory=list)
    best: Weights = field(default_factory=dict)
    epoch_start: Weights = field(default_factory=dict)
    """Weights that the epoch began with, for losses that look back at them."""
    finished: bool = False


class CheckpointFile:
    """The checkpoint of one phase; it replaces the one before in a single step."""

    def __init__(self, folder: Path, label: str) -> None:
        self.path = folder / f"{_file_name(label)}.pt"

    def read(self) -> dict[str, Any] | None:
        """What was written last, on the CPU, or None. Raises ``CheckpointError`` for a damaged file."""
        if not self.path.is_file():
            return None
        try:
            document = torch.load(self.path, map_location="cpu", weights_only=True)
            found = document["format"]
        except (
            OSError,
            RuntimeError,
            EOFError,
            KeyError,
            TypeError,
            pickle.UnpicklingError,
            zipfile.BadZipFile,
        ) as error:
            raise CheckpointError(
                f"{self.path} is damaged and cannot be read: delete it to start this phase anew"
            ) from error
        if found != _FORMAT:
            raise CheckpointError(f"{self.path} is of another version of this code: delete it to start this phase anew")
        return dict(document)

    def write(self, document: Mapping[str, Any]) -> None:
        """Replace the checkpoint; killed at any point, the old one or the new one stands.

        Raises ``OSError`` when the disk is full.
        """
        try:
            with open_atomically(self.path) as file:
                torch.save({"format": _FORMAT, **document}, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # torch, at its clean-up, hides what the disk said
                raise error.__context__ from None
            raise

    def remove_drafts(self) -> None:
        """Delete what killed writers left: each is as large as a checkpoint."""
        for draft in self.path.parent.glob(f"{self.path.name}.*.tmp"):
            draft.unlink(missing_ok=True)


def check_fingerprint(path: Path, recorded: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Raise ``CheckpointError``, with the first difference, when a checkpoint is not of this very phase."""
    difference = first_difference(recorded, found)
    if difference:
        raise CheckpointError(
            f"{path} was made with something else ({difference}): put that back to go on, or train into another folder"
        )


def pack_state(state: PhaseState) -> dict[str, Any]:
    """``state`` in plain values and tensors, which ``torch.load`` reads without running any code."""
    packed = {name: getattr(state, name) for name in ("epoch", "step", "sums", "best", "epoch_start", "finished")}
    return {**packed, "history": [asdict(result) for result in state.history]}


def unpack_state(packed: Mapping[str, Any]) -> PhaseState:
    """What ``pack_state`` packed."""
    history = [EpochResult(**result) for result in packed["history"]]
    return PhaseState(**{**packed, "history": history})


def trained_weights(learner: Learner) -> Weights:
    """Copies, on the CPU, of the parameters that are trained, and of all buffers."""
    frozen = _frozen_names(learner)
    return {
        name: values.detach().to("cpu", copy=True)
        for name, values in learner.state_dict().items()
        if name not in frozen
    }


def load_trained_weights(learner: Learner, weights: Weights) -> None:
    """Put ``trained_weights`` back; all others stay. Raises ``CheckpointError`` when they are of another network."""
    if weights.keys() != learner.state_dict().keys() - _frozen_names(learner):
        raise CheckpointError("the checkpoint holds the weights of another network: train into another folder")
    learner.load_state_dict(weights, strict=False)


def frozen_digest(learner: Learner) -> str:
    """sha256 over the parameters that the phase leaves alone."""
    digest = hashlib.sha256()
    for name, parameter in learner.named_parameters():
        if not parameter.requires_grad:
            digest.update(name.encode())
            digest.update(parameter.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def examples_digest(examples: Examples) -> str:
    """sha256 over ids, words, labels, a teacher's soft labels, weights and noise, in their order."""
    digest = hashlib.sha256()
    for sample in examples.samples:
        shown = (sample.dataset, sample.id, sample.text, sample.tags, sample.caption, sample.image is not None)
        digest.update(repr((shown, sorted(sample.labels.items()))).encode())
    if examples.soft_labels is not None:
        digest.update(examples.soft_labels.tobytes())
    for values in examples.trust or ():
        digest.update(values.tobytes())
    return f"{len(examples)} samples, {digest.hexdigest()}"


def _frozen_names(learner: Learner) -> set[str]:
    return {name for name, parameter in learner.named_parameters() if not parameter.requires_grad}


def _file_name(label: str) -> str:
    """``label`` in letters that any file system takes; unlike labels stay apart."""
    plain = re.sub(r"[^\w.-]+", "-", label)
    return plain if plain == label else f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def first_difference(ours: Any, theirs: Any, key: str = "") -> str | None:
    """The first key at which two configs differ, with both values, or None."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for name in dict.fromkeys((*ours, *theirs)):
            found = first_difference(ours.get(name), theirs.get(name), f"{key}.{name}".lstrip("."))
            if found:
                return found
        return None
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return next(filter(None, (first_difference(*pair, f"{key}.{index}") for index, pair in pairs)), None)
    return None if ours == theirs else f"{key or 'config'}: {ours!r} there, {theirs!r} now"


class PhaseCheckpointer:
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
    """Everything that a phase must find unchanged to go on, in plain values; settings first, digests last.

    Phases whose text tower is frozen say how it is read: once it was in training mode, with dropout.
    """
    return {
        "phase": config.model_dump(mode="json", exclude=set(WITHOUT_EFFECT | {"precision"})),
        "precision": precision,
        "seed": seed,
        "modalities": asdict(modalities),
        "processes": n_processes,
        "losses": learner.losses.model_dump(mode="json"),
        "network": learner.network.config.to_dict(),
        **({} if config.text_tower_lr else {"frozen text tower": "as it serves"}),
        "train": examples_digest(train),
        "dev": examples_digest(dev),
        "frozen weights": frozen_digest(learner),
    }

"""A training phase of a few seconds that can be started in a process of its own, killed, and started again.

As a command, ``python -m support.toy_training FOLDER``, it has no dropout, whose masks are each process's own.
``outcome`` reads what it left.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from model.network.memefier import MemeFier
from model.preprocess import Preprocessor
from support.preparation import PREPROCESS, picture, tokenizer_json
from support.tiny import TinyImageTower, tiny_network
from training.data.examples import Examples, PixelPictures
from training.datasets import Sample
from training.datasets.base import Labels
from training.trainer.context import TrainContext
from training.trainer.learner import Learner, LossConfig
from training.trainer.trainer import PhaseConfig, train_phase

TASKS = ("hateful", "memotion_sentiment", "protected_class")
NO_DROPOUT: dict[str, Any] = {"projection_dropout": 0.0, "encoder_dropout": 0.0, "head_dropout": 0.0}
PHASE = PhaseConfig(
    epochs=2,
    batch_size=8,
    text_tower_lr=1e-3,
    image_tower_lr=1e-3,
    fusion_lr=5e-3,
    modality_dropout=0.1,
    precision="fp32",
    checkpoint_every_steps=1,
)


def toy_learner(losses: Mapping[str, Any] | None = None, *, dropout: bool = True) -> Learner:
    """A tiny network with its image tower in the loop; the same weights at every call."""
    net: MemeFier = tiny_network(tasks=TASKS, **({} if dropout else NO_DROPOUT))
    torch.manual_seed(5)
    learner = Learner(net, LossConfig.model_validate(losses or {}), TinyImageTower())
    for module in learner.modules():
        if isinstance(module, torch.nn.Dropout) and not dropout:
            module.p = 0.0
    return learner


def toy_examples(n: int, folder: Path) -> Examples:
    """n samples, every second one with a picture; hateful are those with an "x"."""
    rng = np.random.default_rng(n)
    samples = []
    for index in range(n):
        path = folder / f"{index % 4}.png"
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            picture(index % 4).save(path)
        letters = [*rng.choice(list("abcd"), 1 + index % 5), "x" if index % 2 else "z"]
        labels: Labels = {"hateful": index % 2, "memotion_sentiment": index % 3, "protected_class": (index % 2, 2)}
        shown = path if index % 4 < 2 else None
        samples.append(Sample(str(index), "toy", "train", " ".join(letters), labels, shown))
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    tasks = tiny_network(tasks=TASKS).config.task_list
    return Examples(samples, tasks, preprocessor, PixelPictures(preprocessor))


def train_toy(
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    losses: Mapping[str, Any] | None = None,
    *,
    dropout: bool = True,
) -> None:
    """Train, or go on, with checkpoints in ``folder/checkpoint``; at the end write history and weights."""
    learner = toy_learner(losses, dropout=dropout)
    config = PhaseConfig.model_validate(PHASE.model_dump() | dict(settings or {}))
    pictures = folder / "pictures"
    harness = TrainContext(checkpoint_dir=folder / "checkpoint")
    history = train_phase(
        learner, toy_examples(40, pictures), toy_examples(20, pictures), config, seed=3, label="toy", harness=harness
    )
    if harness.is_main:
        save_file({name: values.contiguous() for name, values in learner.state_dict().items()}, folder / "weights")
        (folder / "history.json").write_text(json.dumps([asdict(result) for result in history]))


def outcome(folder: Path) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    """History and weights of a run that went to its end."""
    return json.loads((folder / "history.json").read_text()), load_file(folder / "weights")


def main() -> None:
    torch.set_num_threads(1)
    train_toy(Path(sys.argv[1]), dropout=False)


if __name__ == "__main__":
    main()

"""What the network of a finished run says of the sentences of another config, for that one to learn from."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from model.meme import has_words
from training.data.examples import Examples, PictureSource
from training.data.sentence_labels import SentenceLabels
from training.datasets import Sample
from training.datasets.registry import load_source
from training.errors import ConfigError
from training.run.build import picture_source
from training.run.config import TrainConfig
from training.run.export.restore import RestoredRun, restore
from training.run.folder import RunFolder
from training.trainer.precision import autocast, decide_precision

_AT_ONCE = 2048


def soften(run: RunFolder, config: TrainConfig, cache: Path, say: Callable[[str], None]) -> SentenceLabels:
    """Probabilities of the run's first binary task for each sentence that ``config`` may train on.

    Those are of the sources that its ``sentence_teacher`` names, or without one all training samples without a picture;
    also where ``class_limits`` and ``drop_disputed`` leave them out, since a network that is taught needs no labels to
    be balanced or certain. Raises ``RunError`` as ``restore`` does, ``ConfigError`` when there is no binary task or no
    sentence.
    """
    restored = restore(run, cache)
    task = next((task for task in restored.tasks if task.kind == "binary"), None)
    if task is None:
        raise ConfigError(f"{run.path}: its network has no binary task, and only those have soft labels")
    texts = sorted(sentences_of(config), key=len)
    if not texts:
        raise ConfigError(f"{config.name}: none of its training sources holds sentences alone")
    say(f"asking {run.path} about {len(texts)} sentences")
    place, pictures = restored.tasks.index(task), picture_source(restored.config, restored.towers, cache)
    said: dict[str, float] = {}
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        said |= zip(part, _probabilities(restored, part, place, pictures), strict=True)
        say(f"{len(said)} of {len(texts)} sentences, the shortest first")
    about = f"{restored.config.name} {restored.config.version}, seed {restored.config.seed}"
    return SentenceLabels.of(task.name, about, said)


def sentences_of(config: TrainConfig) -> set[str]:
    """The words that ``soften`` asks about."""
    named = None if config.sentence_teacher is None else config.sentence_teacher.sources
    sources = [
        source
        for place, source in enumerate(config.data.train)
        if (source.render is None if named is None else place in named)
    ]
    loaded = [load_source(source.model_copy(update={"class_limits": None})).samples for source in sources]
    samples = [sample for part in loaded for sample in part if named is not None or sample.image is None]
    return {sample.text for sample in samples if has_words(sample.text)}


def _probabilities(restored: RestoredRun, texts: list[str], place: int, pictures: PictureSource) -> list[float]:
    samples = [Sample(id=str(row), dataset="", split="", text=text, labels={}) for row, text in enumerate(texts)]
    examples = Examples(samples, restored.tasks, restored.towers.preprocessor, pictures)
    device = torch.device("cpu")
    with autocast(decide_precision("auto", device), device):
        logits = restored.logits(examples)[place][:, 0].astype(np.float64)
    return [1 / (1 + math.exp(-logit)) for logit in logits.tolist()]

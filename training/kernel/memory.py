"""Fits the memory that votes beside a trained network: ridge regression with the kernel of ``model/network/memory``."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from sklearn.linear_model import LogisticRegression

from model.atomic import write_atomically
from model.meme import has_words
from model.network.memefier import MemeNetwork
from model.network.memory import KernelMemory, MemoryView, NetworkWithMemory, View, binary_tasks
from training.data.examples import Examples
from training.data.modalities import BOTH, Modalities
from training.datasets import Sample
from training.datasets.base import ABSENT
from training.errors import ConfigError, RunError
from training.kernel.config import MemoryConfig
from training.kernel.ridge import Floats, Scaling, gram
from training.trainer.predict import predict

Views = dict[View, Floats]
#: In the folder of a run.
MEMORY_FILE = "memory.safetensors"
_BATCH_SIZE = 32
#: The votes spread at most so many times as widely as the network's logits: a few dev memes must not silence it.
_MAX_SPREAD = 4.0
#: A kernel machine solves for a square matrix of so many rows: of 20,000 it takes some 13 GB and minutes.
_MAX_ROWS = 20_000


def tower_views(
    network: MemeNetwork, examples: Examples, rows: NDArray[np.int64], modalities: Modalities = BOTH
) -> Views:
    """What a memory reads of the samples at ``rows`` [N], by view: pictures [N, Dp or Di], pooled texts [N, Dt]."""
    network.eval()
    image_view: View = "image"
    images, texts = [], []
    with torch.inference_mode():
        for at in range(0, len(rows), _BATCH_SIZE):
            embeds, patches, _, ids, mask, *_ = examples.batch(rows[at : at + _BATCH_SIZE].tolist(), BOTH).inputs
            image_view = "image" if _has_class_token(patches.shape[1]) else "pooled_image"
            images.append((patches[:, 0] if image_view == "image" else embeds).numpy())
            texts.append(network.text_tower(ids, mask)[0].numpy())
    views: Views = {}
    if modalities.image:
        views[image_view] = np.vstack(images).astype(np.float64)
    if modalities.text:
        views["text"] = np.vstack(texts).astype(np.float64)
    return views


def _has_class_token(n_patches: int) -> bool:
    """Pictures are square, and so is the number of patches without a class token before them."""
    return math.isqrt(n_patches) ** 2 != n_patches


def remember(
    network: MemeNetwork,
    train: Examples,
    dev: Examples,
    config: MemoryConfig,
    modalities: Modalities = BOTH,
    rows: NDArray[np.int64] | None = None,
) -> NetworkWithMemory:
    """``network`` with a memory of the ``rows`` of ``train``; None: of all that have every one of ``modalities``.

    How loud the memory is beside the network, for each binary task, is chosen on ``dev`` (logistic regression on the
    two). Raises ``ConfigError`` when there are no such samples, or too many.
    """
    if rows is None:
        check_memory(train.samples, modalities)
        rows = whole_rows(train.samples, modalities)
    views = tower_views(network, train, rows, modalities)
    scalings = {name: Scaling(view) for name, view in views.items()}
    supports = {name: scalings[name](view) for name, view in views.items()}
    labels = np.stack([train.labels(index)[rows] for index in binary_tasks(train.tasks)], axis=1)
    weights = _ridge_weights(list(supports.values()), labels, config.ridge)
    memory = KernelMemory(
        {name: MemoryView(*_tensors(supports[name], scalings[name].mean, scalings[name].deviation)) for name in views},
        *_tensors(weights),
    )
    remembering = NetworkWithMemory(network, memory)
    ratios = _ratios(network, remembering, dev, modalities)
    with torch.no_grad():
        memory.weights.mul_(torch.from_numpy(ratios.astype(np.float32)))
    return remembering


def write_memory(path: Path, memory: KernelMemory) -> None:
    """Keep a memory, in one step."""
    write_atomically(path, save({name: values.contiguous() for name, values in memory.state_dict().items()}))


def read_memory(path: Path) -> KernelMemory:
    """What ``write_memory`` wrote; raises ``RunError`` when it cannot be read."""
    try:
        found = load_file(path)
        names: list[View] = [name for name in get_args(View) if f"views.{name}.supports" in found]
        views = {name: MemoryView(**_tensors_of(f"views.{name}.", found)) for name in names}
        return KernelMemory(views, found["weights"])
    except (OSError, KeyError, TypeError, SafetensorError) as error:
        raise RunError(f"{path}: the memory cannot be read ({error}); train the run again") from error


def _tensors_of(prefix: str, found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): values for name, values in found.items() if name.startswith(prefix)}


def check_memory(samples: Sequence[Sample], modalities: Modalities) -> None:
    """Raise ``ConfigError`` when no memory can be made of training ``samples``: cheap, so before any work."""
    n_whole = len(whole_rows(samples, modalities))
    if not n_whole:
        raise ConfigError(
            f"no training sample has the {described(modalities)} that a memory needs: leave it out (memory=null)"
        )
    check_size(n_whole, "memory")


def check_size(n_rows: int, name: str) -> None:
    """Raise ``ConfigError`` when a kernel machine of so many samples is beyond reach; ``name``: its config section."""
    if n_rows > _MAX_ROWS:
        raise ConfigError(
            f"{name}: a kernel machine takes at most {_MAX_ROWS:,} training samples, and there are {n_rows:,}; "
            f"leave it out ({name}=null), or give the sources in data.train a limit"
        )


def whole_rows(samples: Sequence[Sample], modalities: Modalities) -> NDArray[np.int64]:
    """Places of the samples that have a picture, or words, where ``modalities`` asks for them."""
    whole = [
        (sample.image is not None or not modalities.image) and (has_words(sample.text) or not modalities.text)
        for sample in samples
    ]
    return np.flatnonzero(whole)


def described(modalities: Modalities) -> str:
    """In words, what a whole sample has."""
    return " and ".join(name for name, shown in (("picture", modalities.image), ("words", modalities.text)) if shown)


def _ridge_weights(supports: list[Floats], labels: NDArray[np.int64], ridge: float) -> Floats:
    """[M, T]: each binary task is fitted on the samples that have its label; the others have no vote on it."""
    kernel = gram(supports, supports)
    weights = np.zeros(labels.shape)
    for index, task_labels in enumerate(labels.T):
        known = np.flatnonzero(task_labels != ABSENT)
        if len(known):
            penalised = kernel[np.ix_(known, known)] + ridge * np.eye(len(known))
            weights[known, index] = np.linalg.solve(penalised, task_labels[known] * 2.0 - 1.0)
    return weights


def _ratios(network: MemeNetwork, remembering: NetworkWithMemory, dev: Examples, modalities: Modalities) -> Floats:
    """[T], how much a vote on a binary task weighs beside a logit.

    It is 0 where dev knows no two classes or the vote misleads. Only samples that have all the memory needs are asked:
    the others get no vote, and would say how loud the network should be beside none.
    """
    alone, together = predict(network, dev, modalities), predict(remembering, dev, modalities)
    places = binary_tasks(dev.tasks)
    ratios = np.zeros(len(places))
    whole = np.isin(np.arange(len(dev)), whole_rows(dev.samples, modalities))
    for column, place in enumerate(places):
        labels = dev.labels(place)
        known = whole & (labels != ABSENT)
        if set(labels[known].tolist()) == {0, 1}:
            pair = np.hstack([alone[place], together[place] - alone[place]])[known]
            ratios[column] = _ratio(pair, labels[known])
    return ratios


def _ratio(pair: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Coefficient of the second column over that of the first, held between 0 and what ``_MAX_SPREAD`` allows."""
    network, vote = LogisticRegression(C=1e3).fit(pair.astype(np.float64), labels).coef_[0]
    if vote <= 0:
        return 0.0
    of_logits, of_votes = pair.std(axis=0)
    limit = float(_MAX_SPREAD * of_logits / of_votes)
    return float(vote / network) if network * limit > vote else limit


def _tensors(*arrays: Floats) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(array.astype(np.float32)) for array in arrays)

"""Fits the memory that votes beside a trained network: ridge regression with the kernel of ``model/network/memory``."""

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from sklearn.linear_model import LogisticRegression

from model.network.memefier import MemeFier
from model.network.memory import KernelMemory, MemoryView, Remembering, View
from training.batch import BOTH, Modalities
from training.errors import ConfigError
from training.examples import Examples
from training.losses import ABSENT
from training.teacher import Floats, Scaling, gram
from training.validation import predict

Views = dict[View, Floats]
_BATCH_SIZE = 32
#: The memory is at most so many times as loud as the network.
_MAX_RATIO = 20.0


class MemoryConfig(BaseModel):
    """``ridge`` is the penalty of the regression that weighs the remembered memes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ridge: float = Field(2.0, gt=0)


def tower_views(network: MemeFier, examples: Examples, rows: NDArray[np.int64], modalities: Modalities = BOTH) -> Views:
    """What a memory reads of the samples at ``rows`` [N], by view: class tokens [N, Dp] and pooled texts [N, Dt]."""
    network.eval()
    images, texts = [], []
    with torch.inference_mode():
        for at in range(0, len(rows), _BATCH_SIZE):
            inputs = examples.batch(rows[at : at + _BATCH_SIZE].tolist(), BOTH).inputs
            images.append(inputs[1][:, 0].numpy())
            texts.append(network.text_tower(inputs[3], inputs[4])[0].numpy())
    views: Views = {}
    if modalities.image:
        views["image"] = np.vstack(images).astype(np.float64)
    if modalities.text:
        views["text"] = np.vstack(texts).astype(np.float64)
    return views


def remember(
    network: MemeFier, train: Examples, dev: Examples, config: MemoryConfig, modalities: Modalities = BOTH
) -> Remembering:
    """``network`` with a memory of those samples of ``train`` that have every one of ``modalities``.

    How loud the memory is beside the network, for each task, is chosen on ``dev`` (logistic regression on the two).
    Raises ``ConfigError`` when there are no such samples.
    """
    rows = whole_rows(train, modalities)
    if not len(rows):
        raise ConfigError("no training sample has the picture and words that a memory needs: leave the memory out")
    views = tower_views(network, train, rows, modalities)
    scalings = {name: Scaling(view) for name, view in views.items()}
    supports = {name: scalings[name](view) for name, view in views.items()}
    labels = np.stack([train.labels(place)[rows] for place in range(len(train.tasks))], axis=1)
    weights = _ridge_weights(list(supports.values()), labels, config.ridge)
    memory = KernelMemory(
        {name: MemoryView(*_tensors(supports[name], scalings[name].mean, scalings[name].deviation)) for name in views},
        *_tensors(weights),
    )
    remembering = Remembering(network, memory)
    ratios = _ratios(network, remembering, dev, modalities)
    with torch.no_grad():
        memory.weights.mul_(torch.from_numpy(ratios.astype(np.float32)))
    return remembering


def whole_rows(examples: Examples, modalities: Modalities) -> NDArray[np.int64]:
    """Places of the samples that have a picture, or words, where ``modalities`` asks for them."""
    whole = [
        (sample.image is not None or not modalities.image) and (bool(sample.text.strip()) or not modalities.text)
        for sample in examples.samples
    ]
    return np.flatnonzero(whole)


def _ridge_weights(supports: list[Floats], labels: NDArray[np.int64], ridge: float) -> Floats:
    """[M, n_tasks]: each task is fitted on the samples that have its label; the others have no vote on it."""
    kernel = gram(supports, supports)
    weights = np.zeros(labels.shape)
    for place, task_labels in enumerate(labels.T):
        known = np.flatnonzero(task_labels != ABSENT)
        if len(known):
            penalised = kernel[np.ix_(known, known)] + ridge * np.eye(len(known))
            weights[known, place] = np.linalg.solve(penalised, task_labels[known] * 2.0 - 1.0)
    return weights


def _ratios(network: MemeFier, remembering: Remembering, dev: Examples, modalities: Modalities) -> Floats:
    """For each task how much a vote weighs beside a logit: 0 where dev knows no two classes or the vote misleads."""
    alone, together = predict(network, dev, modalities), predict(remembering, dev, modalities)
    ratios = np.zeros(len(alone))
    for place, (logits, sums) in enumerate(zip(alone, together, strict=True)):
        labels = dev.labels(place)
        known = labels != ABSENT
        if set(labels[known].tolist()) == {0, 1}:
            pair = np.hstack([logits, sums - logits])[known]
            ratios[place] = _ratio(pair, labels[known])
    return ratios


def _ratio(pair: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Coefficient of the second column over that of the first, held between 0 and ``_MAX_RATIO``."""
    network, vote = LogisticRegression(C=1e3).fit(pair.astype(np.float64), labels).coef_[0]
    if vote <= 0:
        return 0.0
    return float(vote / network) if network * _MAX_RATIO > vote else _MAX_RATIO


def _tensors(*arrays: Floats) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(array.astype(np.float32)) for array in arrays)

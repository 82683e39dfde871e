"""Every baseline of a task, fitted on train, its strength chosen on dev, in the same harness as the network."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model.preprocess import Preprocessor, normalise_text
from model.taxonomy import Task
from training.baselines.linear import fit_logistic, fit_svm, majority
from training.baselines.tfidf import TextVectors
from training.baselines.towers import FrozenFeatures, FrozenTowers
from training.baselines.zero_shot import why_not, zero_shot
from training.data.examples import Examples
from training.datasets.base import ABSENT

#: The features that a linear model reads, [N, D].
FeatureColumns = Callable[[FrozenFeatures], NDArray[np.float64]]
#: Examples to probabilities, [N] for a binary task, else [N, C].
Baseline = Callable[[Examples], NDArray[np.float64]]

MAJORITY, TFIDF_SVM = "majority", "tfidf_svm"
TEXT_ONLY, IMAGE_ONLY, CONCATENATION = "text_only_frozen", "image_only_frozen", "concatenation_frozen"
ZERO_SHOT = "zero_shot"
_PARTS: dict[str, FeatureColumns] = {
    TEXT_ONLY: lambda features: features.text,
    IMAGE_ONLY: lambda features: features.image,
    CONCATENATION: lambda features: features.both,
}
#: These say nothing of a set without a picture.
NEED_PICTURES = (IMAGE_ONLY, CONCATENATION)


@dataclass(frozen=True)
class Baselines:
    """``fitted`` by name, in the order of the table; ``absent`` says why a baseline could not be had."""

    fitted: dict[str, Baseline]
    absent: dict[str, str]


def labels_of(examples: Examples, task: Task) -> NDArray[np.int64]:
    """Class indices [N], or for a multilabel task [N, C] of 0 and 1; ``ABSENT`` where unknown."""
    if task.kind == "multilabel":
        return examples.label_sets(task.name).astype(np.int64)
    return examples.labels(examples.tasks.index(task))


def fit_baselines(
    train: Examples, dev: Examples, task: Task, towers: FrozenTowers, preprocessor: Preprocessor
) -> Baselines:
    """Fit on ``train``, choose on ``dev``. ``towers`` are untuned; ``preprocessor`` is the run's.

    - ``majority``: the class shares of train, for every meme alike.
    - ``tfidf_svm``: linear SVM on TF-IDF of words and letters, decision values calibrated on dev.
    - ``text_only_frozen``, ``image_only_frozen``, ``concatenation_frozen``: logistic regression on frozen features.
    - ``zero_shot``: nothing fitted, for backbones with both towers in one space.
    """
    reasons = _why_not(train, task, towers)
    makers: dict[str, Callable[[], Baseline]] = {
        MAJORITY: lambda: _majority(train, task),
        TFIDF_SVM: lambda: _tfidf_svm(train, dev, task),
        **{name: partial(_frozen, train, dev, task, towers, part) for name, part in _PARTS.items()},
        ZERO_SHOT: lambda: _zero_shot(task, towers, preprocessor),
    }
    fitted = {name: make() for name, make in makers.items() if name not in reasons}
    return Baselines(fitted, reasons)


def _why_not(train: Examples, task: Task, towers: FrozenTowers) -> dict[str, str]:
    """The baselines that cannot be had, each with its reason."""
    reasons: dict[str, str] = {}
    if not (labels_of(train, task) != ABSENT).any():
        reasons |= dict.fromkeys((MAJORITY, TFIDF_SVM, *_PARTS), f"no training item is labelled for {task.name}")
    if not any(normalise_text(sample.text) for sample in train.samples):
        reasons |= dict.fromkeys((TFIDF_SVM, TEXT_ONLY), "no training item has words")
    if all(sample.image is None for sample in train.samples):
        reasons |= dict.fromkeys(NEED_PICTURES, "no training item has a picture")
    unrelated = why_not(task, towers)
    return reasons | ({ZERO_SHOT: unrelated} if unrelated else {})


def _majority(train: Examples, task: Task) -> Baseline:
    model = majority(task, labels_of(train, task))
    return lambda examples: model(np.zeros((len(examples), 1)))


def _tfidf_svm(train: Examples, dev: Examples, task: Task) -> Baseline:
    vectors = TextVectors(train.samples)
    known = vectors(train.samples), labels_of(train, task)
    model = fit_svm(task, *known, vectors(dev.samples), labels_of(dev, task))
    return lambda examples: model(vectors(examples.samples))


def _frozen(train: Examples, dev: Examples, task: Task, towers: FrozenTowers, part: FeatureColumns) -> Baseline:
    known = part(towers(train)), labels_of(train, task)
    model = fit_logistic(task, *known, part(towers(dev)), labels_of(dev, task))
    return lambda examples: model(part(towers(examples)))


def _zero_shot(task: Task, towers: FrozenTowers, preprocessor: Preprocessor) -> Baseline:
    model = zero_shot(task, towers, preprocessor)
    return lambda examples: model(towers(examples))

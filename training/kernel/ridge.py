"""Soft labels from a teacher that never saw the sample: kernel ridge regression on the frozen towers' features.

The labels of small meme sets are noisy, and a network that may learn each of them by heart does. A teacher fitted on
the other folds knows nothing of a sample's own label, so what it says is the part of the label that other samples
support; a network trained towards both generalises better (distillation, Hinton et al. 2015; out-of-fold, as in
stacking, Wolpert 1992). What it brings is in the trials of the compact bundle: ``python -m benchmarks.trials``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import normalize

from training.kernel.config import TeacherConfig

Floats = NDArray[np.float64]


class KernelRidge:
    """Ridge regression in the sum of a Gaussian kernel a view, each with the width of its own mean distance.

    ``views`` are feature matrices [N, D_v] of the same N samples; rows are scaled to length 1, columns to variance 1.
    """

    def __init__(self, views: Sequence[NDArray[np.floating]], labels: NDArray[np.int64], ridge: float) -> None:
        self._scalings = [Scaling(view) for view in views]
        self._views = [scaling(view) for scaling, view in zip(self._scalings, views, strict=True)]
        kernel = gram(self._views, self._views)
        self._weights = np.linalg.solve(kernel + ridge * np.eye(len(labels)), labels * 2.0 - 1.0)

    def scores(self, views: Sequence[NDArray[np.floating]]) -> Floats:
        """Real numbers [M] that rise with the positive class."""
        scaled = [scaling(view) for scaling, view in zip(self._scalings, views, strict=True)]
        return np.asarray(gram(scaled, self._views) @ self._weights, dtype=np.float64)


def out_of_fold_scores(
    views: Sequence[NDArray[np.floating]], labels: NDArray[np.int64], config: TeacherConfig, seed: int
) -> Floats:
    """Score of each sample [N] by teachers that were fitted without it."""
    scores = np.zeros(len(labels))
    for repeat in range(config.repeats):
        folds = StratifiedKFold(config.folds, shuffle=True, random_state=seed + repeat)
        for fitted, held_out in folds.split(labels, labels):
            teacher = KernelRidge([view[fitted] for view in views], labels[fitted], config.ridge)
            scores[held_out] += teacher.scores([view[held_out] for view in views])
    return scores / config.repeats


def soft_labels(
    views: Sequence[NDArray[np.floating]], labels: NDArray[np.int64], config: TeacherConfig, seed: int
) -> Floats:
    """Calibrated out-of-fold probabilities [N] of the positive class; ``labels`` [N] of 0 and 1, both present."""
    scores = out_of_fold_scores(views, labels, config, seed)[:, None]
    return np.asarray(LogisticRegression(C=1e6).fit(scores, labels).predict_proba(scores)[:, 1], dtype=np.float64)


class Scaling:
    """Rows to length 1, then each column to mean 0 and variance 1, as these are in the samples that it was made from.

    ``mean`` and ``deviation`` are [D].
    """

    def __init__(self, view: NDArray[np.floating]) -> None:
        unit = normalize(np.asarray(view, dtype=np.float64))
        self.mean, self.deviation = unit.mean(axis=0), unit.std(axis=0) + 1e-6

    def __call__(self, view: NDArray[np.floating]) -> Floats:
        """[N, D] -> [N, D]."""
        unit = normalize(np.asarray(view, dtype=np.float64))
        return np.asarray((unit - self.mean) / self.deviation, dtype=np.float64)


def gram(rows: Sequence[Floats], columns: Sequence[Floats]) -> Floats:
    """[M, N]: sum over views of exp(-d^2 / 2D); d^2 / D is about 2 for samples that have nothing in common."""
    total = np.zeros((len(rows[0]), len(columns[0])))
    for one, other in zip(rows, columns, strict=True):
        squared = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
        total += np.exp(-squared / (2 * one.shape[1]))
    return total

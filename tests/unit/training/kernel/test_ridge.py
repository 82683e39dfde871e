"""The teacher: kernel ridge regression, and soft labels that a sample's own label has no part in."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge as SklearnKernelRidge
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler, normalize

from training.kernel.config import TeacherConfig
from training.kernel.ridge import KernelRidge, out_of_fold_scores, soft_labels

RNG = np.random.default_rng(3)
LABELS = np.array([0, 1] * 40)
INFORMATIVE = RNG.normal(size=(80, 6)) + LABELS[:, None] * 1.5
NOISE = RNG.normal(size=(80, 4))


def test_one_view_is_scikit_learns_kernel_ridge() -> None:
    scaler = StandardScaler().fit(normalize(INFORMATIVE[:60]))
    train, test = (scaler.transform(normalize(part)) for part in (INFORMATIVE[:60], INFORMATIVE[60:]))
    reference = SklearnKernelRidge(alpha=3.0, kernel="precomputed")
    reference.fit(rbf_kernel(train, gamma=1 / 12), LABELS[:60] * 2.0 - 1.0)
    expected = reference.predict(rbf_kernel(test, train, gamma=1 / 12))
    found = KernelRidge([INFORMATIVE[:60]], LABELS[:60], ridge=3.0).scores([INFORMATIVE[60:]])
    assert np.allclose(found, expected, atol=1e-3)


def test_a_view_more_adds_its_kernel() -> None:
    alone = KernelRidge([INFORMATIVE], LABELS, ridge=1.0).scores([INFORMATIVE])
    with_noise = KernelRidge([INFORMATIVE, NOISE], LABELS, ridge=1.0).scores([INFORMATIVE, NOISE])
    assert not np.allclose(alone, with_noise)


def test_out_of_fold_scores_of_noise_rank_no_better_than_chance() -> None:
    """A teacher that saw a sample's own label would rank noise perfectly."""
    fitted_on_all = KernelRidge([NOISE], LABELS, ridge=1e-3).scores([NOISE])
    assert roc_auc_score(LABELS, fitted_on_all) > 0.95
    assert roc_auc_score(LABELS, out_of_fold_scores([NOISE], LABELS, TeacherConfig(ridge=1e-3), seed=0)) < 0.7


def test_a_flipped_label_is_outvoted_by_the_other_samples() -> None:
    flipped = LABELS.copy()
    flipped[1] = 0
    assert soft_labels([INFORMATIVE], flipped, TeacherConfig(), seed=0)[1] > 0.5


def test_soft_labels_are_probabilities_with_the_mean_of_the_labels() -> None:
    soft = soft_labels([INFORMATIVE, NOISE], LABELS, TeacherConfig(), seed=0)
    assert 0 < soft.min() < soft.max() < 1
    assert soft.mean() == pytest.approx(LABELS.mean(), abs=1e-3)


def test_the_same_seed_gives_the_same_soft_labels() -> None:
    one, other = (soft_labels([INFORMATIVE], LABELS, TeacherConfig(), seed=5) for _ in range(2))
    assert np.array_equal(one, other)

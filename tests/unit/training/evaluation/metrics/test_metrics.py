import re

import numpy as np
import pytest

from model.bundle import CalibrationSpec, Interval
from model.calibration import probabilities_of
from model.taxonomy import TASKS
from training.baselines.linear import fit_logistic
from training.datasets.base import ABSENT
from training.evaluation.calibrate import fit_platt
from training.evaluation.metrics.bootstrap import Estimate, bootstrap
from training.evaluation.metrics.measures import AUROC, MEASURES
from training.evaluation.report.html import environment
from training.evaluation.report.wording import interval_text
from training.evaluation.thresholds import Target, pick_thresholds

RNG = np.random.default_rng(5)
EASY = [Target("recall", 0.9), Target("precision", 0.95)]


def labelled_logits(n: int, scale: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn with the probabilities that scale and shift make of them."""
    logits = RNG.normal(0, 2, n).astype(np.float32)
    labels = RNG.random(n) < 1 / (1 + np.exp(-(scale * logits + shift)))
    return logits, labels.astype(np.int64)


def calibrated(logits: np.ndarray, calibration: CalibrationSpec) -> np.ndarray:
    """Probabilities [N] of a binary task from logits [N]."""
    return probabilities_of(TASKS["hateful"], logits[:, None], calibration)


def binary_metrics(labels: np.ndarray, runs: list[np.ndarray], n_resamples: int) -> dict[str, Estimate]:
    """Every measure of a binary task, over items and runs."""
    return {measure.name: bootstrap(measure, labels, *runs, n_resamples=n_resamples) for measure in MEASURES["binary"]}


def width(found: Estimate) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def reached(probabilities: np.ndarray, labels: np.ndarray, threshold: float) -> tuple[float, float, int]:
    """Recall, precision and number of items at and above a threshold."""
    above = probabilities >= threshold
    return float(labels[above].sum() / labels.sum()), float(labels[above].mean()), int(above.sum())


def test_metrics_are_those_computed_by_hand() -> None:
    labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.5, 0.9])
    found = binary_metrics(labels, [scores], n_resamples=50)
    assert found["auroc"].value == 0.75
    assert found["accuracy"].value == 0.75
    assert found["macro_f1"].value == pytest.approx((2 / 3 + 4 / 5) / 2, abs=1e-4)


def test_the_value_is_the_mean_over_runs() -> None:
    labels = np.array([0, 1])
    found = binary_metrics(labels, [np.array([0.2, 0.8]), np.array([0.8, 0.2])], n_resamples=50)
    assert (found["auroc"].value, found["accuracy"].value) == (0.5, 0.5)


def test_intervals_contain_their_value_and_are_the_same_every_time() -> None:
    logits, labels = labelled_logits(300, 1.0, 0.0)
    runs = [calibrated(logits, CalibrationSpec(scale=scale)) for scale in (1.0, 2.0)]
    found = binary_metrics(labels, runs, n_resamples=200)
    assert found == binary_metrics(labels, runs, n_resamples=200)
    for name in ("auroc", "accuracy", "macro_f1"):
        low, value, high = found[name].low, found[name].value, found[name].high
        assert low is not None
        assert value is not None
        assert high is not None
        assert low < value < high


def test_more_items_give_a_narrower_interval() -> None:
    widths = []
    for n in (60, 2000):
        logits, labels = labelled_logits(n, 1.0, 0.0)
        interval = binary_metrics(labels, [calibrated(logits, CalibrationSpec(scale=1))], n_resamples=200)["auroc"]
        widths.append(width(interval))
    assert widths[1] < widths[0] / 3


def test_runs_that_differ_widen_the_interval() -> None:
    logits, labels = labelled_logits(400, 2.0, 0.0)
    good, bad = calibrated(logits, CalibrationSpec(scale=1)), calibrated(-logits, CalibrationSpec(scale=1))
    alone, mixed = (binary_metrics(labels, runs, n_resamples=200)["auroc"] for runs in ([good], [good, bad]))
    assert width(mixed) > 2 * width(alone)


def test_platt_scaling_finds_the_scale_and_shift_of_the_data() -> None:
    logits, labels = labelled_logits(20_000, 1.7, -0.8)
    fitted = fit_platt(logits, labels)
    assert fitted.scale == pytest.approx(1.7, abs=0.1)
    assert fitted.shift == pytest.approx(-0.8, abs=0.1)


def test_calibrated_probabilities_have_the_mean_of_the_labels() -> None:
    logits, labels = labelled_logits(2000, 0.3, 1.0)
    assert calibrated(logits, fit_platt(logits, labels)).mean() == pytest.approx(labels.mean(), abs=1e-3)


@pytest.mark.parametrize("logits", [[2.0, 1.0, 0.5, -1.0, -2.0], [3.0] * 5])
def test_logits_that_do_not_rise_with_the_labels_all_get_the_share_of_positives(logits: list[float]) -> None:
    labels = np.array([0, 0, 0, 1, 1])
    values = np.array(logits, dtype=np.float32)
    fitted = fit_platt(values, labels)
    assert fitted.scale > 0
    assert calibrated(values, fitted) == pytest.approx(0.4, abs=1e-3)


def test_extreme_logits_stay_probabilities() -> None:
    with np.errstate(over="raise", invalid="raise"):
        found = calibrated(np.array([1e4, -1e4], dtype=np.float32), CalibrationSpec(scale=1))
    assert found.tolist() == [1.0, 0.0]


def or_never(threshold: float | None) -> float:
    """What no probability reaches, for a policy that never blocks."""
    return np.inf if threshold is None else threshold


@pytest.mark.parametrize("n", [40, 200, 1000])
def test_thresholds_reach_the_recall_and_precision_asked_for(n: int) -> None:
    logits, labels = labelled_logits(n, 3.0, 0.0)
    probabilities = calibrated(logits, CalibrationSpec(scale=3.0))
    thresholds = pick_thresholds(probabilities, labels, [Target("recall", 0.9), Target("precision", 0.9)]).thresholds
    recall, _, _ = reached(probabilities, labels, thresholds.review)
    _, precision, n_blocked = reached(probabilities, labels, or_never(thresholds.block))
    assert recall >= 0.9
    assert precision >= 0.9
    assert n_blocked >= 20 or thresholds.block is None
    assert thresholds.review <= or_never(thresholds.block)


def test_review_is_the_highest_threshold_with_that_recall() -> None:
    probabilities = np.arange(1, 11) / 20
    thresholds = pick_thresholds(probabilities, np.ones(10, dtype=np.int64), EASY).thresholds
    assert thresholds.review == 0.1  # one of ten positives may be missed, and is


def test_equal_probabilities_are_blocked_together_or_not_at_all() -> None:
    probabilities = np.full(60, 0.9)
    labels = np.array([1] * 30 + [0] * 30)
    assert pick_thresholds(probabilities, labels, EASY).thresholds.block is None


def test_items_that_rounding_brings_to_the_threshold_are_counted() -> None:
    probabilities = np.array([0.9009] * 30 + [0.9001] * 30)
    labels = np.array([1] * 30 + [0] * 30)
    assert pick_thresholds(probabilities, labels, EASY).thresholds.block is None


def test_nothing_is_blocked_without_enough_items_behind_it() -> None:
    probabilities = np.array([0.95] * 19 + [0.05] * 30)
    labels = np.array([1] * 19 + [0] * 30)
    assert pick_thresholds(probabilities, labels, EASY).thresholds.block is None
    enough = pick_thresholds(np.append(probabilities, 0.95), np.append(labels, 1), EASY).thresholds
    assert enough.block == 0.95


def test_blocking_starts_at_the_lowest_precise_threshold_and_review_no_higher() -> None:
    probabilities = np.array([0.9] * 20 + [0.7] * 20 + [0.2] * 40)
    labels = np.array([1] * 40 + [0] * 40)
    thresholds = pick_thresholds(probabilities, labels, [Target("recall", 0.5), Target("precision", 0.9)]).thresholds
    assert (thresholds.review, thresholds.block) == (0.7, 0.7)


def test_the_baseline_learns_from_known_labels_alone() -> None:
    labels = RNG.integers(0, 2, 200)
    features = RNG.normal(size=(200, 4)) + 2 * labels[:, None]
    unknown = np.where(np.arange(200) < 60, ABSENT, labels)
    found = fit_logistic(TASKS["hateful"], features, unknown, features, unknown)(features)
    assert ((found > 0.5) == labels).mean() > 0.85


def test_a_value_that_no_resample_changes_is_not_shown_as_certain() -> None:
    labels = np.array([0] * 20 + [1] * 20)
    parted = bootstrap(AUROC, labels, labels + RNG.random(40) / 2, n_resamples=200)
    assert (parted.value, parted.low, parted.high) == (1.0, 1.0, 1.0)
    assert str(Interval(value=1, low=1, high=1)) == "1.000 (no interval: no resample differs)"
    assert interval_text(parted) == "1.000 (no interval: no resample differs)"
    shown = environment().get_template("parts.html.j2").module.value(parted)  # type: ignore[attr-defined]  # a macro
    assert shown == "<b>1.000</b> <small>no interval: no resample differs</small>"
    guessed = interval_text(bootstrap(AUROC, labels, RNG.random(40), n_resamples=200))
    assert re.fullmatch(r"0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)", guessed)

"""Calibration and thresholds: what is fitted on dev holds for what is shipped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.bundle import CalibrationSpec, Thresholds
from model.calibration import calibrated_logits, probabilities_of, score_of
from model.taxonomy import TASKS
from training.evaluation.calibrate import CalibrationError, fit_calibration
from training.evaluation.thresholds import (
    MIN_BLOCKED,
    MIN_ORDINARY,
    Target,
    parse_target,
    parse_targets,
    pick_thresholds,
)

RNG = np.random.default_rng(11)
HATEFUL, SENTIMENT, PROTECTED = TASKS["hateful"], TASKS["memotion_sentiment"], TASKS["protected_class"]
#: Scores at, just under and just over the three-decimal thresholds, where rounding goes wrong, and others.
EDGES = st.integers(0, 1000).flatmap(
    lambda k: st.sampled_from([k / 1000, float(np.nextafter(k / 1000, 0)), float(np.nextafter(k / 1000, 1))])
)
SCORES = st.lists(st.one_of(EDGES, st.floats(0, 1)), min_size=1, max_size=80)
SHARES = st.floats(0.01, 1)


def or_never(threshold: float | None) -> float:
    """What no probability reaches, for a policy that never blocks."""
    return np.inf if threshold is None else threshold


def labels_for(scores: list[float], seed: int) -> np.ndarray:
    """Labels that follow the scores loosely, with at least one positive."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(len(scores)) < 0.2 + 0.6 * np.array(scores)).astype(np.int64)
    labels[rng.integers(len(labels))] = 1
    return labels


@given(scores=SCORES, seed=st.integers(0, 99), recall=SHARES, precision=SHARES)
@settings(max_examples=200, deadline=None)
def test_what_was_asked_for_is_reached_by_the_thresholds_that_ship(
    scores: list[float], seed: int, recall: float, precision: float
) -> None:
    probabilities, labels = np.array(scores), labels_for(scores, seed)
    picked = pick_thresholds(probabilities, labels, [Target("recall", recall), Target("precision", precision)])
    shipped = Thresholds.model_validate_json(picked.thresholds.model_dump_json())
    reviewed, blocked = probabilities >= shipped.review, probabilities >= or_never(shipped.block)
    assert labels[reviewed].sum() >= recall * labels.sum() - 1e-9
    assert shipped.block is None or (blocked.sum() >= MIN_BLOCKED and labels[blocked].mean() >= precision)
    assert shipped.review <= or_never(shipped.block)


@given(scores=SCORES, seed=st.integers(0, 99), recall=SHARES, precision=SHARES)
@settings(max_examples=100, deadline=None)
def test_the_counts_that_are_reported_are_those_of_the_comparison_that_the_policy_makes(
    scores: list[float], seed: int, recall: float, precision: float
) -> None:
    probabilities, labels = np.array(scores), labels_for(scores, seed)
    picked = pick_thresholds(probabilities, labels, [Target("recall", recall), Target("precision", precision)])
    for reached, threshold in ((picked.review, picked.thresholds.review), (picked.block, picked.thresholds.block)):
        above = probabilities >= or_never(threshold)
        assert (reached.n_above, reached.n_hits) == (above.sum(), labels[above].sum())
        assert (reached.n, reached.n_positives) == (len(labels), labels.sum())


@given(scores=SCORES, seed=st.integers(0, 99), two=st.lists(SHARES, min_size=2, max_size=2).map(sorted))
@settings(max_examples=100, deadline=None)
def test_asking_for_more_recall_never_raises_review_and_for_more_precision_never_lowers_block(
    scores: list[float], seed: int, two: list[float]
) -> None:
    probabilities, labels = np.array(scores), labels_for(scores, seed)
    less, more = (pick_thresholds(probabilities, labels, [Target("recall", share)]) for share in two)
    assert more.thresholds.review <= less.thresholds.review
    loose, strict = (pick_thresholds(probabilities, labels, [Target("precision", share)]) for share in two)
    assert or_never(strict.thresholds.block) >= or_never(loose.thresholds.block)


@given(order=st.permutations(range(30)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_dev_items_does_not_matter(order: list[int]) -> None:
    scores = list(np.linspace(0.1, 0.9, 30))
    labels = labels_for(scores, 3)
    assert pick_thresholds(np.array(scores)[order], labels[order]) == pick_thresholds(np.array(scores), labels)


def test_a_precision_that_nothing_reaches_is_said_in_words() -> None:
    picked = pick_thresholds(np.full(40, 0.7), np.array([1, 0] * 20), [parse_target("precision=0.95")])
    assert picked.thresholds.block is None
    assert not picked.block.met
    assert picked.in_words() == [
        "review from 0.700: recall 1.000 (20 of 20), precision 0.500 (20 of 40) on 40 dev items; asked: recall 0.9",
        "never blocks: on dev no threshold reaches precision 0.95 over at least 20 items",
    ]


def test_a_precision_that_is_reached_is_said_with_its_counts() -> None:
    probabilities, labels = np.array([0.9] * 25 + [0.1] * 25), np.array([1] * 24 + [0] + [0] * 25)
    words = pick_thresholds(probabilities, labels, [parse_target("precision=0.9")]).in_words()
    assert words[1].startswith("block from 0.900: recall 1.000 (24 of 24), precision 0.960 (24 of 25) on 50 dev items")


def test_items_without_a_label_count_for_nothing() -> None:
    probabilities, labels = np.array([0.9, 0.8, 0.2, 0.99]), np.array([1, 1, 0, -1])
    assert pick_thresholds(probabilities, labels) == pick_thresholds(probabilities[:3], labels[:3])


def test_thresholds_without_a_positive_are_refused() -> None:
    with pytest.raises(CalibrationError, match="at least one positive"):
        pick_thresholds(np.array([0.2, 0.4]), np.array([0, 0]))


@pytest.mark.parametrize(
    ("text", "expected"), [("precision=0.9", Target("precision", 0.9)), ("recall=1", Target("recall", 1.0))]
)
def test_targets_are_read_as_they_are_written(text: str, expected: Target) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize("text", ["", "precision", "precision=", "precision=0", "recall=1.1", "recall=nan", "f1=0.9"])
def test_another_target_is_refused_with_the_form_it_should_have(text: str) -> None:
    with pytest.raises(CalibrationError, match="recall=NUMBER or precision=NUMBER"):
        parse_target(text)


def test_two_targets_of_one_measure_are_refused() -> None:
    with pytest.raises(CalibrationError, match="same measure"):
        pick_thresholds(np.array([0.5]), np.array([1]), [Target("recall", 0.8), Target("recall", 0.9)])


@given(
    ordinary=st.lists(st.one_of(EDGES, st.floats(0, 0.99)), min_size=MIN_ORDINARY, max_size=80), share=st.floats(0.1, 1)
)
def test_review_is_the_lowest_threshold_with_no_more_false_alarms_in_the_ordinary_stream(
    ordinary: list[float], share: float
) -> None:
    stream = np.minimum(np.array(ordinary), 0.999)
    picked = pick_thresholds(np.array([0.9, 0.2]), np.array([1, 0]), [Target("false_alarm", share)], stream)
    review = picked.thresholds.review
    over = int((stream >= review).sum())
    assert over <= share * len(stream) + 1e-6
    assert review == 0 or (stream >= review - 0.001 - 1e-12).sum() > share * len(stream) - 1e-6
    assert (picked.ordinary.n_of, picked.ordinary.n) == (over, len(stream))


def test_without_an_ordinary_stream_false_alarms_are_of_the_harmless_items() -> None:
    probabilities = np.array([*np.linspace(0, 0.38, 20), *[0.9] * 5])
    labels = np.array([0] * 20 + [1] * 5)
    picked = pick_thresholds(probabilities, labels, [Target("false_alarm", 0.1)])
    assert picked.thresholds.review == 0.341
    assert (str(picked.review.false_alarms), picked.ordinary) == ("0.100 (2 of 20)", picked.review.false_alarms)
    assert picked.expected_in_words() == (
        "false alarms 0.100 (2 of 20); expected in review: 0.100 (2 of 20) of an ordinary stream, "
        "0.280 (7 of 25) of a flagged one"
    )
    assert picked.recorded["ordinary"] == {"n_of": 2, "n": 20}
    assert picked.recorded["targets"] == ["false_alarm 0.1", "precision 0.9"]


def test_false_alarms_are_kept_where_blocking_would_begin_lower() -> None:
    probabilities, labels = np.array([0.3] * 30 + [0.1]), np.array([1] * 30 + [0])
    stream = np.array([0.5] * 10 + [0.2] * 30)
    picked = pick_thresholds(probabilities, labels, [Target("false_alarm", 0.1)], stream)
    assert (picked.thresholds.review, picked.thresholds.block) == (0.501, None)
    less = pick_thresholds(probabilities, labels, [Target("false_alarm", 0.25)], stream)
    assert (less.thresholds.review, less.thresholds.block) == (0.201, 0.201)


@pytest.mark.parametrize(("n", "share", "wanted"), [(19, 0.5, 20), (0, 0.1, 20), (99, 0.01, 100), (20, 0.04, 25)])
def test_false_alarms_among_too_few_are_refused(n: int, share: float, wanted: int) -> None:
    with pytest.raises(
        CalibrationError, match=f"false_alarm {share:g} needs at least {wanted} ordinary items, and .* {n}:"
    ):
        pick_thresholds(np.array([0.9, 0.2]), np.array([1, 0]), [Target("false_alarm", share)], np.zeros(n))


def test_false_alarms_that_no_threshold_keeps_are_refused() -> None:
    with pytest.raises(CalibrationError, match="cannot be reached"):
        pick_thresholds(np.array([0.9, 0.2]), np.array([1, 0]), [Target("false_alarm", 0.1)], np.ones(50))


def test_review_has_one_target() -> None:
    assert parse_targets(["false_alarm=0.1", "precision=0.8"]) == [Target("false_alarm", 0.1), Target("precision", 0.8)]
    with pytest.raises(CalibrationError, match="two targets for review"):
        parse_targets(["false_alarm=0.1", "recall=0.8"])


def test_a_binary_task_gets_the_line_of_its_data() -> None:
    logits = RNG.normal(0, 2, (20_000, 1)).astype(np.float32)
    labels = (RNG.random(20_000) < probabilities_of(HATEFUL, logits, CalibrationSpec(scale=0.6, shift=0.9))).astype(
        np.int64
    )
    fitted = fit_calibration(HATEFUL, logits, labels)
    assert (fitted.scale, fitted.shift) == pytest.approx((0.6, 0.9), abs=0.05)


def test_labels_that_a_threshold_parts_are_as_sure_as_so_many_items_allow() -> None:
    logits = np.repeat(np.array([-2.0, 3.0], dtype=np.float32), [8, 4])
    fitted = fit_calibration(HATEFUL, logits[:, None], (logits > 0).astype(np.int64))
    # Platt's targets: 1 / (8 + 2) and (4 + 1) / (4 + 2).
    assert probabilities_of(HATEFUL, logits[:, None], fitted)[[0, -1]] == pytest.approx([1 / 10, 5 / 6], abs=1e-3)


def test_a_multiclass_task_gets_the_temperature_of_its_data() -> None:
    logits = RNG.normal(0, 3, (20_000, 3)).astype(np.float32)
    scaled = 0.4 * logits.astype(np.float64)
    shares = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
    labels = (RNG.random((20_000, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    fitted = fit_calibration(SENTIMENT, logits, labels)
    assert fitted.scale == pytest.approx(0.4, abs=0.02)
    assert fitted.shift == 0.0


def test_the_temperature_never_changes_which_class_is_likeliest() -> None:
    logits = RNG.normal(0, 3, (50, 3)).astype(np.float32)
    fitted = fit_calibration(SENTIMENT, logits, RNG.integers(0, 3, 50))
    rows = [score_of(SENTIMENT, calibrated_logits(row, fitted)) for row in logits]
    likeliest = [max(row, key=row.__getitem__) for row in rows if isinstance(row, dict)]
    assert likeliest == [SENTIMENT.classes[index] for index in logits.argmax(axis=1)]


def test_a_multilabel_task_gets_one_line_over_all_its_classes() -> None:
    logits = RNG.normal(0, 2, (8_000, 6)).astype(np.float32)
    labels = (
        RNG.random((8_000, 6)) < probabilities_of(PROTECTED, logits, CalibrationSpec(scale=1.3, shift=-1.0))
    ).astype(np.int64)
    labels[:500] = -1
    fitted = fit_calibration(PROTECTED, logits, labels)
    assert (fitted.scale, fitted.shift) == pytest.approx((1.3, -1.0), abs=0.05)


def test_rows_without_a_label_do_not_change_the_calibration() -> None:
    logits = RNG.normal(0, 2, (300, 1)).astype(np.float32)
    labels = (logits[:, 0] + RNG.normal(0, 2, 300) > 0).astype(np.int64)
    more = np.vstack([logits, np.full((50, 1), 9, dtype=np.float32)])
    assert fit_calibration(HATEFUL, more, np.append(labels, [-1] * 50)) == fit_calibration(HATEFUL, logits, labels)


@pytest.mark.parametrize("labels", [[1, 1, -1], [-1, -1, -1]])
def test_dev_labels_of_one_value_are_refused_by_the_tasks_name(labels: list[int]) -> None:
    with pytest.raises(CalibrationError, match=r"task 'hateful'.*two values"):
        fit_calibration(HATEFUL, np.zeros((3, 1), dtype=np.float32), np.array(labels))


@given(scale=st.floats(-50, 50), n=st.integers(4, 40))
@settings(max_examples=40, deadline=None)
def test_a_temperature_is_positive_whatever_the_logits_say(scale: float, n: int) -> None:
    logits = np.eye(3, dtype=np.float32)[np.arange(n) % 3] * np.float32(scale)
    assert 0 < fit_calibration(SENTIMENT, logits, np.arange(n) % 3).scale <= 1000

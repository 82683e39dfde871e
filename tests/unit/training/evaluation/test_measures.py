import time

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from training.evaluation import measures
from training.evaluation.bootstrap import (
    UndefinedMetricError,
    bootstrap,
    paired_bootstrap,
    resamples,
    wilson,
)
from training.evaluation.measures import AUROC, MEASURES, Floats, Ints

RNG = np.random.default_rng(0)
#: Crowded scores, so that there are ties, and drawn counts with zeros among them.
LABELS = RNG.integers(0, 2, 300)
SCORES = np.round(0.6 * RNG.uniform(size=300) + 0.4 * LABELS * RNG.uniform(size=300), 2)
DRAWN = np.stack([np.ones(300), *RNG.multinomial(300, np.full(300, 1 / 300), size=4)]).astype(float)
CLASSES = RNG.integers(0, 4, 300)
CLASS_SCORES = RNG.dirichlet(np.ones(5), size=300)  # the fifth class is decided and never labelled
SETS = RNG.integers(0, 2, (300, 3))
SET_SCORES = RNG.uniform(size=(300, 3))


@pytest.mark.parametrize("counts", DRAWN)
def test_ranking_metrics_are_those_of_scikit_learn_on_any_resample(counts: Floats) -> None:
    found = [formula(LABELS, SCORES, counts[None])[0] for formula in (measures.auroc, measures.average_precision)]
    wanted = [metric(LABELS, SCORES, sample_weight=counts) for metric in (roc_auc_score, average_precision_score)]
    assert found == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("counts", DRAWN)
@pytest.mark.parametrize(
    ("labels", "scores", "decided"),
    [
        (LABELS, SCORES, SCORES >= 0.5),
        (CLASSES, CLASS_SCORES, CLASS_SCORES.argmax(axis=1)),
        (SETS, SET_SCORES, SET_SCORES >= 0.5),
    ],
    ids=["binary", "multiclass", "multilabel"],
)
def test_decision_metrics_are_those_of_scikit_learn_on_any_resample(
    labels: Ints, scores: Floats, decided: Ints, counts: Floats
) -> None:
    found = [f(labels, scores, counts[None])[0] for f in (measures.accuracy, measures.macro_f1, measures.micro_f1)]
    weighted = {"y_true": labels, "y_pred": decided.astype(int), "sample_weight": counts}
    f1 = [f1_score(**weighted, average=average, zero_division=0.0) for average in ("macro", "micro")]
    assert found == pytest.approx([accuracy_score(**weighted), *f1], abs=1e-12)


def test_precision_and_recall_are_those_of_scikit_learn() -> None:
    found = [formula(LABELS, SCORES, DRAWN[:1])[0] for formula in (measures.precision, measures.recall)]
    assert found == pytest.approx([metric(LABELS, SCORES >= 0.5) for metric in (precision_score, recall_score)])


def test_a_resample_gives_what_the_drawn_items_would_give() -> None:
    items = np.repeat(np.arange(300), DRAWN[1].astype(int))
    for measure in MEASURES["binary"]:
        if measure.name == "adaptive_calibration_error":  # its bins stay those of the whole set
            continue
        found = measure.resampled(LABELS, SCORES, DRAWN[1:2])[0]
        assert found == pytest.approx(measure(LABELS[items], SCORES[items]), abs=1e-12)


def test_calibration_errors_of_a_case_worked_by_hand() -> None:
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.1, 0.1, 0.85, 0.85])
    # Equal width: |0.1 - 0.5| for two items, |0.85 - 1| for the other two.
    assert measures.calibration_error(labels, scores, np.ones((1, 4)))[0] == pytest.approx((0.4 + 0.15) / 2)
    assert measures.adaptive_calibration_error(labels, scores, np.ones((1, 4)))[0] == pytest.approx((0.4 + 0.15) / 2)


def test_of_several_classes_the_most_probable_one_is_calibrated() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    assert measures.calibration_error(np.array([0, 0]), scores, np.ones((1, 2)))[0] == pytest.approx((0.3 + 0.8) / 2)


def test_one_class_alone_has_no_auroc_and_the_reason_is_given() -> None:
    found = bootstrap(AUROC, np.ones(5, dtype=np.int64), SCORES[:5])
    assert (found.value, found.reason) == (None, "needs items of both classes")
    with pytest.raises(UndefinedMetricError, match="AUROC needs items of both classes"):
        paired_bootstrap(AUROC, np.ones(5, dtype=np.int64), SCORES[:5], SCORES[5:10])


def test_no_items_have_no_value_in_any_metric() -> None:
    nothing = np.zeros(0)
    values = [bootstrap(measure, nothing.astype(np.int64), nothing).value for measure in MEASURES["binary"]]
    assert values == [None] * len(values)


def test_an_interval_holds_its_value_and_narrows_with_more_items() -> None:
    few, many = bootstrap(AUROC, LABELS[:50], SCORES[:50]), bootstrap(AUROC, LABELS, SCORES)
    assert few.low < few.value < few.high
    assert many.low < many.value < many.high
    assert many.high - many.low < few.high - few.low


def test_items_of_a_group_are_drawn_together() -> None:
    groups = np.repeat(np.arange(60), 5)
    (counts,) = resamples(300, 7, 0, groups)
    assert counts.shape == (7, 300)
    assert (counts.reshape(7, 60, 5) == counts.reshape(7, 60, 5)[:, :, :1]).all()
    assert (counts.sum(axis=1) == 300).all()


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    first, again, other = (bootstrap(AUROC, LABELS, SCORES, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_model_against_itself_differs_by_nothing() -> None:
    found = paired_bootstrap(AUROC, LABELS, SCORES, SCORES)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_a_better_model_is_told_from_a_worse_one_and_the_sign_turns_with_the_order() -> None:
    noise = RNG.uniform(size=300)
    better, worse = paired_bootstrap(AUROC, LABELS, SCORES, noise), paired_bootstrap(AUROC, LABELS, noise, SCORES)
    assert better.low > 0
    assert better.p_value < 0.01
    assert worse.difference == pytest.approx(-better.difference)
    assert worse.high < 0


def test_any_function_of_labels_and_scores_can_be_compared() -> None:
    fast = paired_bootstrap(AUROC, LABELS, SCORES, 1 - SCORES, 50)
    slow = paired_bootstrap(lambda y, s: float(roc_auc_score(y, s)), LABELS, SCORES, 1 - SCORES, 50)
    assert (slow.difference, slow.low, slow.high) == pytest.approx((fast.difference, fast.low, fast.high))
    assert slow.p_value == fast.p_value


def test_a_thousand_resamples_of_two_thousand_items_take_less_than_five_seconds() -> None:
    labels = RNG.integers(0, 2, 2000)
    started = time.perf_counter()
    bootstrap(AUROC, labels, RNG.uniform(size=2000), n_resamples=1000)
    assert time.perf_counter() - started < 5


def test_wilson_intervals_are_those_of_the_formula_and_stay_within_zero_and_one() -> None:
    half = wilson(5, 10)
    assert (half.value, half.low, half.high) == pytest.approx((0.5, 0.2366, 0.7634), abs=1e-4)
    none = wilson(0, 3)
    assert (none.value, none.low, none.high) == pytest.approx((0, 0, 0.5615), abs=1e-4)
    assert (wilson(0, 0).value, wilson(0, 0).reason) == (None, "no such items")


def test_the_modules_for_evaluate_agree_with_the_formulas_of_the_report() -> None:
    from training.metrics import METRICS, load_metric  # noqa: PLC0415 - `evaluate` takes seconds

    ranked = {"prediction_scores": SCORES.tolist(), "references": LABELS.tolist()}
    sets = {"predictions": (SET_SCORES >= 0.5).astype(int).tolist(), "references": SETS.tolist()}
    found = {
        name: value
        for metric in ("auroc", "average_precision", "calibration_error")
        for name, value in load_metric(metric).compute(**ranked).items()
    }
    decided = {"predictions": (SCORES >= 0.5).astype(int).tolist(), "references": LABELS.tolist()}
    for metric in ("accuracy", "macro_f1", "micro_f1"):
        found |= load_metric(metric).compute(**decided)
        (several,) = load_metric(metric, "multilabel").compute(**sets).values()
        assert several == pytest.approx(getattr(measures, metric)(SETS, SET_SCORES, np.ones((1, 300)))[0])
    binary = {measure.name: measure for measure in MEASURES["binary"]}
    assert found == pytest.approx({name: binary[name](LABELS, SCORES) for name in found})
    assert set(METRICS) == {
        "accuracy", "auroc", "average_precision", "calibration_error", "macro_f1", "memotion", "micro_f1",
    }  # fmt: skip
    answers = np.stack([CLASSES, LABELS], axis=1)
    guesses = np.stack([CLASS_SCORES.argmax(axis=1), SCORES >= 0.5], axis=1).astype(int)
    memotion = load_metric("memotion").compute(predictions=guesses.tolist(), references=answers.tolist())["memotion"]
    each = [
        measures.macro_f1(CLASSES, CLASS_SCORES, np.ones((1, 300))),
        measures.macro_f1(LABELS, SCORES, np.ones((1, 300))),
    ]
    assert memotion == pytest.approx(np.mean(each))

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
from support.cpu_time import least_cpu_s

from model.taxonomy import TASKS, TaskKind
from training.evaluation.evaluate_task import Bootstrap
from training.evaluation.labels import Question
from training.evaluation.metrics import measures
from training.evaluation.metrics.bootstrap import (
    UndefinedMetricError,
    bootstrap,
    paired_bootstrap,
    resamples,
    wilson,
)
from training.evaluation.metrics.measures import AUROC, MEASURES, Floats, Ints, Measure
from training.evaluation.metrics.point_values import load_metric, memotion_value, point_value

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
    widths = []
    for n in (50, len(LABELS)):
        found = bootstrap(AUROC, LABELS[:n], SCORES[:n])
        assert found.low is not None
        assert found.value is not None
        assert found.high is not None
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0]


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
    scores = RNG.uniform(size=2000)
    assert least_cpu_s(lambda: bootstrap(AUROC, labels, scores, n_resamples=1000), enough_s=5) < 5


def test_wilson_intervals_are_those_of_the_formula_and_stay_within_zero_and_one() -> None:
    half = wilson(5, 10)
    assert (half.value, half.low, half.high) == pytest.approx((0.5, 0.2366, 0.7634), abs=1e-4)
    none = wilson(0, 3)
    assert (none.value, none.low, none.high) == pytest.approx((0, 0, 0.5615), abs=1e-4)
    assert (wilson(0, 0).value, wilson(0, 0).reason) == (None, "no such items")


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, measure.name) for kind, measures in MEASURES.items() for measure in measures]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_metric_module_for_evaluate_agrees_with_the_formulas_of_the_intervals(
    kind: TaskKind, name: str, seed: int
) -> None:
    (measure,) = (measure for measure in MEASURES[kind] if measure.name == name)
    labels, scores = random_answers(kind, np.random.default_rng(seed))
    assert point_value(kind, name, labels, scores) == pytest.approx(measure(labels, scores), abs=1e-12)
    found = load_metric(f"{kind}-{name}").compute(predictions=scores.tolist(), references=labels.tolist())
    assert found == {name: pytest.approx(measure(labels, scores), abs=1e-12)}


@pytest.mark.parametrize(("kind", "measure"), [(kind, measure) for kind in MEASURES for measure in MEASURES[kind]])
def test_where_a_formula_has_no_value_the_metric_module_has_none_either(kind: TaskKind, measure: Measure) -> None:
    labels, scores = random_answers(kind, np.random.default_rng(3))
    for part in (labels[:0], np.zeros_like(labels)):
        shown = np.round(scores[: len(part)] / 3, 2) if kind != "multiclass" else scores[: len(part)]
        wanted = measure(part, shown)
        assert point_value(kind, measure.name, part, shown) == pytest.approx(wanted, abs=1e-12, nan_ok=True)


def random_answers(kind: TaskKind, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Labels and crowded scores of 200 items."""
    labels = {
        "binary": rng.integers(0, 2, 200),
        "multiclass": rng.integers(0, 4, 200),
        "multilabel": rng.integers(0, 2, (200, 3)),
    }
    scores = {
        "binary": np.round(rng.uniform(size=200), 2),
        "multiclass": rng.dirichlet(np.ones(5), size=200),
        "multilabel": np.round(rng.uniform(size=(200, 3)), 2),
    }
    return labels[kind], scores[kind]


def test_memotion_is_the_mean_macro_f1_of_its_questions() -> None:
    truth = np.stack([CLASSES, LABELS], axis=1)
    answers = np.stack([CLASS_SCORES.argmax(axis=1), SCORES >= 0.5], axis=1).astype(int)
    each = [
        measures.macro_f1(CLASSES, CLASS_SCORES, np.ones((1, 300))),
        measures.macro_f1(LABELS, SCORES, np.ones((1, 300))),
    ]
    assert memotion_value(answers, truth) == pytest.approx(np.mean(each))
    found = load_metric("memotion").compute(predictions=answers.tolist(), references=truth.tolist())
    assert found == {"memotion": pytest.approx(np.mean(each))}


def test_a_report_has_the_values_that_evaluate_computes() -> None:
    task = TASKS["hateful"]
    found = Bootstrap(20, 0).estimates(Question(task, task.name), LABELS, SCORES, np.arange(300))
    values = {name: load_metric(f"binary-{name}").compute(predictions=SCORES, references=LABELS) for name in found}
    assert {name: {name: estimate.value} for name, estimate in found.items()} == values

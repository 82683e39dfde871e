"""Each rule, on numbers made for it, and the tests behind them against values computed by hand."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from model.bundle import Manifest, TaskSpec, Thresholds, ThresholdsByModality
from model.modality import MODALITIES, Modality, modality_title
from model.taxonomy import TASKS
from training.datasets import Sample
from training.promotion.groups import MIN_GROUP_ITEMS, Pair, group_lines, holm, mcnemar
from training.promotion.results import AlarmLine, Comparison, Contender, Line, Speed
from training.promotion.rules import (
    MEANINGS,
    RULES,
    Limits,
    PromotionError,
    check_answers,
    check_measured,
    check_names,
)

if TYPE_CHECKING:
    from support.tiny import TinyBundle

NOBODY = Contender("given", "tiny", "0.0.1", "0" * 64, 1)
LEVEL = Line("set, dev", "hateful", "auroc", "AUROC", 200, 0.8, 0.8, 0.0, -0.01, 0.01, 1.0)


def line(metric: str, difference: float, low: float, high: float, **changed: Any) -> Line:
    return replace(LEVEL, metric=metric, difference=difference, low=low, high=high, **changed)


def broken(*lines: Line, groups: tuple[Line, ...] = (), ratio: float = 1.0, **limits: Any) -> list[str]:
    speed = Speed(10.0, 10.0 * ratio, ratio, ratio, ratio, 7)
    comparison = Comparison(NOBODY, NOBODY, [LEVEL, *lines], list(groups), speed)
    return [finding.rule for finding in check_measured(comparison, Limits(**limits))]


def manifest_with(manifest: Manifest, **fields: Any) -> Manifest:
    return manifest.model_copy(update=fields)


def test_a_level_challenger_breaks_no_rule() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("lines", "rules"),
    [
        ([line("auroc", -0.02, -0.03, -0.01)], ["worse-auroc"]),  # surely lower, though by little
        ([line("auroc", -0.04, -0.1, 0.02)], ["worse-auroc"]),  # lower by more than the margin, though not surely
        ([line("auroc", -0.02, -0.06, 0.02)], []),
        ([line("macro_f1", -0.05, -0.1, -0.01)], ["worse-macro-f1"]),
        ([line("accuracy", -0.2, -0.3, -0.1)], []),  # macro-F1 and AUROC judge; accuracy is shown
        ([line("calibration_error", 0.05, 0.01, 0.1)], ["worse-calibration"]),
        ([line("calibration_error", 0.05, -0.01, 0.1)], []),
        ([line("calibration_error", 0.02, 0.01, 0.03)], []),
        ([line("calibration_error", -0.2, -0.3, -0.1)], []),
        ([line("review_recall", -0.1, -0.2, -0.02)], ["worse-review-recall"]),
        ([line("review_recall", -0.1, -0.2, 0.02)], []),
        ([line("reviewed_negatives", 0.1, 0.02, 0.2)], ["worse-review-load"]),
        ([line("reviewed_negatives", -0.1, -0.2, -0.02)], []),
    ],
)
def test_a_metric_breaks_its_rule_and_no_other(lines: list[Line], rules: list[str]) -> None:
    assert broken(*lines) == rules


def test_the_margin_is_the_callers() -> None:
    assert broken(line("auroc", -0.04, -0.1, 0.02), margin=0.05) == []


@pytest.mark.parametrize(
    ("difference", "p_value", "rules"),
    [(0.2, 0.01, ["group-regression"]), (0.2, 0.2, []), (0.05, 0.001, []), (-0.3, 0.001, [])],
)
def test_a_group_must_lose_much_and_not_by_chance(difference: float, p_value: float, rules: list[str]) -> None:
    group = line("false_positive_rate", difference, 0.0, 0.3, p_value=p_value, group="identity terms: any")
    assert broken(groups=(group,)) == rules


def alarms(champion: float, challenger: float, low: float, n: int = 100, *, outside: bool = False) -> AlarmLine:
    difference = challenger - champion
    rates = {"champion": champion, "challenger": challenger, "n": n, "group": "target group: women"}
    found = line("false_alarms", difference, low, difference + 0.1, **rates)
    return AlarmLine("set, dev", "hateful", "target group: women", n, is_reference=outside, line=found)


@pytest.mark.parametrize(
    ("found", "limits", "refused"),
    [
        (alarms(0.2, 0.35, 0.05), {}, True),
        (alarms(0.2, 0.35, -0.01), {}, False),  # chance is not ruled out
        (alarms(0.2, 0.29, 0.05), {}, False),  # surely higher, though by little
        (alarms(0.2, 0.29, 0.05), {"max_group_regression": 0.05}, True),
        (alarms(0.2, 0.35, 0.05, 29), {}, False),
        (alarms(0.2, 0.35, 0.05, 30), {}, True),
        (alarms(0.2, 0.35, 0.05, 29), {"min_group_items": 20}, True),
        (alarms(0.2, 0.35, 0.05, outside=True), {}, False),
        (alarms(0.9, 0.5, -0.5), {}, False),
        (alarms(0.9, 0.5, -0.5), {"max_group_false_alarm": 0.4}, True),  # better than the champion, and not enough
        (alarms(0.9, 0.5, -0.5), {"max_group_false_alarm": 0.5}, False),
        (alarms(0.9, 0.5, -0.5, 29), {"max_group_false_alarm": 0.4}, False),
    ],
)
def test_false_alarms_in_a_group_are_held_to_the_champions_and_to_the_ceiling(
    found: AlarmLine, limits: dict[str, Any], refused: bool
) -> None:
    comparison = Comparison(NOBODY, NOBODY, [LEVEL], alarms=[found])
    findings = check_measured(comparison, Limits(**limits))
    assert [one.rule for one in findings] == ["group-false-alarms"] * refused
    assert all(f"{found.group}: " in one.message and f"{found.n} items" in one.message for one in findings)


def test_a_slow_challenger_is_refused_by_the_ratio() -> None:
    assert broken(ratio=1.4) == []
    assert broken(ratio=1.6) == ["slower"]
    assert broken(ratio=1.6, max_slowdown=2) == []


def test_better_is_asked_for_by_name_and_needs_a_whole_interval_above_zero() -> None:
    assert broken(require="better") == ["not-better"]
    assert broken(line("auroc", 0.05, 0.01, 0.09), require="better") == []
    assert broken(line("accuracy", 0.05, 0.01, 0.09), require="better") == ["not-better"]


def test_a_comparison_on_a_handful_of_items_says_nothing() -> None:
    comparison = Comparison(NOBODY, NOBODY, [replace(LEVEL, n=49)])
    assert [finding.rule for finding in check_measured(comparison, Limits())] == ["too-few-items"]
    assert [finding.rule for finding in check_measured(Comparison(NOBODY, NOBODY), Limits())] == ["too-few-items"]


def test_a_bundle_that_answers_alike_is_compatible(tiny: "TinyBundle") -> None:
    manifest = tiny.bundle.manifest
    assert check_answers(manifest, manifest) == []
    more = manifest_with(manifest, tasks=[*manifest.tasks, TaskSpec(name="offensive", classes=["a", "b"])])
    assert check_answers(manifest, more) == []


def test_a_missing_task_other_classes_and_lost_thresholds_are_named(tiny: "TinyBundle") -> None:
    manifest = tiny.bundle.manifest
    hateful, *rest = manifest.tasks
    swapped = TaskSpec(name=hateful.name, classes=hateful.classes[::-1])
    never = {"hateful": ThresholdsByModality.alike(Thresholds(review=0.5, block=None))}
    cases = {
        "missing-task": manifest_with(manifest, tasks=rest, thresholds=manifest.thresholds),
        "other-classes": manifest_with(manifest, tasks=[swapped, *rest]),
        "missing-thresholds": manifest_with(manifest, thresholds={}),
    }
    found = {name: [finding.rule for finding in check_answers(manifest, one)] for name, one in cases.items()}
    assert found == {name: [name] for name in cases}
    assert [f.rule for f in check_answers(manifest, manifest_with(manifest, thresholds=never))] == [
        "missing-thresholds"
    ]


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_challenger_that_never_blocks_what_the_champion_blocks_is_named(
    tiny: "TinyBundle", modality: Modality
) -> None:
    manifest = tiny.bundle.manifest
    own = manifest.thresholds["hateful"].model_copy(update={modality: Thresholds(review=0.5, block=None)})
    (found,) = check_answers(manifest, manifest_with(manifest, thresholds={"hateful": own}))
    assert (found.rule, found.message) == (
        "missing-thresholds",
        f"'hateful' never blocks {modality_title(modality)}, as the champion does",
    )


def test_every_rule_has_a_meaning_and_an_unknown_one_is_refused_with_the_list() -> None:
    assert tuple(MEANINGS) == RULES
    assert check_names(["slower", "worse-auroc"]) == ("worse-auroc", "slower")
    with pytest.raises(PromotionError, match="no such rule; the rules are missing-task"):
        check_names(["slow"])


def test_mcnemar_is_the_exact_binomial_test_of_the_items_that_differ() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 5) == pytest.approx(2 / 32)
    assert mcnemar(1, 5) == pytest.approx(2 * (1 + 6) / 64)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 2000) == 0.0


def test_holms_correction_is_the_one_computed_by_hand() -> None:
    lines = [replace(LEVEL, p_value=p) for p in (0.01, 0.04, 0.03, 0.5)]
    assert [one.p_value for one in holm(lines)] == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([]) == []


def test_a_group_is_compared_on_its_own_negatives_and_positives() -> None:
    n = 2 * MIN_GROUP_ITEMS
    texts = ["a jewish friend"] * n + ["a quiet day in the park"] * n
    labels = np.array(([0] * MIN_GROUP_ITEMS + [1] * MIN_GROUP_ITEMS) * 2)
    samples = [Sample(str(i), "made", "dev", text, {"hateful": int(y)}) for i, (text, y) in enumerate(zip(texts, labels, strict=True))]  # fmt: skip  # noqa: E501
    champion = np.where(labels == 1, 0.9, 0.1)
    challenger = champion.copy()
    challenger[:10] = 0.8  # harmless memes that name a group, now held against it
    pair = Pair("made, dev", TASKS["hateful"], samples, labels, champion, challenger, None)
    found = {(one.group, one.metric): one for one in group_lines(pair, n_resamples=200, seed=0)}
    named = found["identity terms: any identity term", "false_positive_rate"]
    assert (named.n, named.champion, named.challenger) == (MIN_GROUP_ITEMS, 0.0, 0.5)
    assert named.p_value == pytest.approx(2 / 2**10)
    assert named.low > 0
    assert found["identity terms: no identity term", "false_positive_rate"].difference == 0
    assert found["identity terms: any identity term", "false_negative_rate"].p_value == 1.0

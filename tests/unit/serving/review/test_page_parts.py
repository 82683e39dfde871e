"""Parts of the review pages that need no server: what is hidden, filters, plots, the policy's text."""

from datetime import UTC, datetime
from typing import Any

import pytest

from model.bundle import Thresholds, ThresholdsByModality
from model.policy.policy import Band, BankRule, Policy
from serving.review.pages.filters import filters_of, query_of
from serving.review.pages.item_view import item_view
from serving.review.pages.plots import WIDTH, Calibrated, Measured, bar_plot, calibration_plot, interval_plot
from serving.review.pages.policy_text import policy_text
from serving.review.pages.questions import label_text, labels_of, questions
from serving.review.queue import Filters
from serving.review.shown import EarlierDecision, Said, ShownItem

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
TASKS = ("hateful", "offensive", "target")


def shown(**values: Any) -> ShownItem:
    row = {
        "kind": "picture",
        "created_at": NOW,
        "text": "tea is ready",
        "tags": ["tea"],
        "scores": {"hateful": 0.8125, "target": {"religion": 0.7, "none": 0.1}},
        "severity": {"hateful": "high"},
        "decision": "block",
        "reasons": [
            "hateful 0.812 >= block threshold 0.800 of pictures with words",
            "target.religion 0.700 >= review threshold 0.500",
            "word list to_look_at: 1 match, which asks for review",
        ],
        "policy_name": "strict",
        "policy_version": "1",
        "policy_digest": "d",
    }
    earlier = EarlierDecision("e" * 32, NOW, "block", "strict", True, {"hateful": "hateful"})
    fields: dict[str, Any] = {
        "decision_id": "a" * 32,
        "decision": row,
        "bank": None,
        "has_picture": True,
        "is_held": True,
        "held_until": NOW,
        "said": None,
        "remarks": (),
        "earlier": (earlier,),
    }
    return ShownItem(**fields | values)


def test_nothing_of_a_hidden_item_tells_a_score() -> None:
    view = item_view(shown(), (), TASKS, {}, hides_scores=True)
    told = repr(view)
    assert view.is_hidden
    assert not any(number in told for number in ("0.8", "0.7", "0.1", "'high'", "block"))
    assert "word list to_look_at: 1 match, which asks for review" in view.reasons
    assert len(view.reasons) == 2  # two reasons that are scores are told as one


@pytest.mark.parametrize("values", [{"said": Said("labelled", {"hateful": "hateful"}, None, NOW)}, {}])
def test_scores_are_told_after_the_first_decision_and_where_none_are_hidden(values: dict[str, Any]) -> None:
    view = item_view(shown(**values), (), TASKS, {}, hides_scores=bool(values))
    assert [(score.title, score.value) for score in view.scores] == [("Hateful", 0.8125), ("Target: religion", 0.7)]
    assert (view.decision, view.severity, view.earlier[0].decision) == ("block", (("Hateful", "high"),), "block")
    assert len(view.reasons) == 3


def test_the_first_task_must_be_answered_and_several_classes_hold_of_a_multilabel_one() -> None:
    first, second, target = questions(TASKS, {"hateful": "hateful", "target": ["religion"]})
    assert (first.needed, second.needed, target.needed) == (True, False, False)
    assert [(one.key, one.value, one.chosen) for one in first.answers] == [
        ("1", "not_hateful", False),
        ("2", "hateful", True),
    ]
    assert target.several
    assert [one.value for one in target.answers if one.chosen] == ["religion"]


def test_answers_of_a_form_are_labels_and_tasks_without_one_are_left_out() -> None:
    form = {"label.hateful": ["hateful"], "label.target": ["religion", "disability"], "label.attack": ["slurs"]}
    labels = labels_of(form, TASKS)
    assert labels == {"hateful": "hateful", "target": ["religion", "disability"]}
    assert label_text(labels) == "hateful; target: religion, disability"


def test_filters_that_tell_a_score_are_left_out_where_scores_are_hidden() -> None:
    query = {"policy": "strict", "band": "9", "order": "highest", "decision": "block", "bank": "*"}
    assert filters_of(query, tells_scores=False) == Filters(policy="strict", bank="*")
    assert filters_of(query, tells_scores=True) == Filters(
        decision="block", policy="strict", band=9, bank="*", order="highest"
    )


@pytest.mark.parametrize("query", [{"band": "10"}, {"band": "x"}, {"order": "x"}, {"source": "golden"}, {"age": "x"}])
def test_a_filter_that_is_not_understood_is_left_out(query: dict[str, str]) -> None:
    assert filters_of(query, tells_scores=True) == Filters()


def test_filters_are_carried_on_and_nothing_else_is() -> None:
    assert query_of({"policy": "a b", "csrf": "x", "order": ""}) == "?policy=a+b"
    assert query_of({"csrf": "x"}) == ""


def policy(version: str = "1") -> Policy:
    alike = ThresholdsByModality.alike(Thresholds(review=0.2, block=None))
    bands = {"hateful": (Band("low", 0), Band("high", 0.6))}
    return Policy("strict", version, {"target.religion": alike}, bands, banks=(BankRule("removed"),))


def test_a_policy_is_told_in_sentences() -> None:
    row = {"policy_name": "strict", "policy_version": "1", "policy_digest": policy().digest}
    told = policy_text(row, {"strict": policy()})
    assert told.in_force is None
    assert told.rules[:3] == (
        "Target, religion: reviewed from a score of 0.20, never blocked by its score.",
        "Hateful: severity is low from 0, high from 0.6.",
        "Known memes of the bank removed: what the bank asks for.",
    )


def test_that_another_policy_is_in_force_is_told() -> None:
    row = {"policy_name": "strict", "policy_version": "1", "policy_digest": policy().digest}
    assert policy_text(row, {"strict": policy("2")}).in_force == "2"
    assert policy_text(row, {}).rules == ()


def test_bars_stand_on_their_foot_and_the_highest_reaches_the_top() -> None:
    plot = bar_plot([("Mon", 2), ("Tue", 4), ("Wed", 0)])
    assert [bar.y + bar.height for bar in plot.bars] == pytest.approx([plot.foot] * 3)
    assert plot.bars[1].y == pytest.approx(plot.top)
    assert plot.bars[0].height == pytest.approx(plot.bars[1].height / 2)
    assert plot.bars[2].height == 0
    assert all(bar.x > 0 and bar.x + bar.width < WIDTH for bar in plot.bars)


def test_an_empty_plot_has_no_bars_and_many_bars_have_few_labels() -> None:
    assert bar_plot([]).bars == ()
    labels = [bar.label for bar in bar_plot([(str(day), 1) for day in range(30)]).bars if bar.label]
    assert len(labels) <= 8
    assert labels[-1] == ("29",)


def test_rows_lie_on_their_scale_and_one_without_a_value_has_no_point() -> None:
    plot = interval_plot([Measured("a", 0.0, 3, 0.0, 1.0), Measured("b", -0.9, 2), Measured("c", None, 0)], -0.2)
    left, right = plot.ticks[0][0], plot.ticks[-1][0]
    assert [label for _, label in plot.ticks] == ["-0.2", "0", "0.5", "1"]
    assert plot.rows[0].x == plot.ticks[1][0]
    assert (plot.rows[0].x_low, plot.rows[0].x_high) == (plot.ticks[1][0], right)
    assert plot.rows[1].x == left  # worse than the scale is drawn at its edge
    assert plot.rows[2].x is None


def test_a_calibrated_model_lies_on_the_diagonal() -> None:
    plot = calibration_plot([Calibrated(0.5, 0.5, 10, 0.2, 0.8)])
    (point,) = plot.points
    assert (point.x - plot.left, plot.foot - point.y) == pytest.approx((plot.size / 2, plot.size / 2))
    assert point.y_high < point.y < point.y_low

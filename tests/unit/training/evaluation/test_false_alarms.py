"""False alarms: what counts as harmless, and the threshold of a fixed recall."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.bundle import Thresholds, ThresholdsByModality
from model.policy.policy import Policy
from model.taxonomy import TASKS
from training.datasets import Sample
from training.evaluation.decisions import decisions
from training.evaluation.false_alarms import at_recall, harmless_items, stops, threshold_at_recall
from training.evaluation.labels import Question

if TYPE_CHECKING:
    from support.tiny import TinyBundle

HATEFUL = Question(TASKS["hateful"], "hateful")


def sample(**labels: Any) -> Sample:
    return Sample("1", "made", "test", "sun", labels)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])), min_size=1, max_size=40),
    st.sampled_from([0.1, 0.5, 0.8, 1.0]),
)
def test_the_threshold_of_a_recall_is_the_highest_that_reaches_it(
    items: list[tuple[int, float]], recall: float
) -> None:
    labels, scores = np.array([label for label, _ in items]), np.array([score for _, score in items])
    threshold = threshold_at_recall(labels, scores, recall)
    positives = scores[labels == 1]
    reaching = [
        bound for bound in set(positives.tolist()) if (positives >= bound).sum() >= recall * len(positives) - 1e-9
    ]
    assert threshold == max(reaching, default=None)


def test_what_a_recall_costs_is_counted_on_harmless_items() -> None:
    labels = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.1, 0.95, 0.65, 0.5, 0.2])
    found = at_recall(labels, scores, labels == 0)
    assert found is not None
    assert (found.threshold, found.caught.value, found.false_alarms.value) == (0.6, 0.8, 0.5)
    assert at_recall(labels[5:], scores[5:], labels[5:] == 0) is None


def policy(*tasks: str) -> Policy:
    return Policy("made", "1", dict.fromkeys(tasks, ThresholdsByModality.alike(Thresholds(review=0.5, block=None))))


def test_an_item_that_another_task_of_the_policy_is_to_stop_is_not_harmless() -> None:
    one, both = policy("hateful"), policy("hateful", "memotion_offensive")
    mine = [sample(hateful=0), sample(hateful=0, memotion_offensive=1), sample(hateful=0, memotion_sarcasm=1)]
    labels = np.array([0, 0, 0])
    assert harmless_items([both], HATEFUL, mine, labels).tolist() == [True, False, True]
    assert harmless_items([one], HATEFUL, mine, labels).tolist() == [True, True, True]
    assert harmless_items([one, both], HATEFUL, mine, labels).tolist() == [True, False, True]


def test_a_set_of_harmless_items_alone_has_a_share_that_is_stopped(tiny: "TinyBundle") -> None:
    labels, chosen = np.zeros(4, dtype=np.int64), ["allow", "review", "block", "allow"]
    found = stops(policy("hateful"), HATEFUL, [sample(hateful=0)] * 4, labels, np.array([0.1, 0.6, 0.9, 0.2]), chosen)
    assert found.by_policy is not None
    assert (found.by_policy.tolist(), found.at_recall) == ([False, True, True, False], None)
    limits = tiny.bundle.manifest.thresholds["hateful"]
    decided = decisions(limits, TASKS["hateful"].classes, chosen, labels, found.harmless, ["text"] * 4)
    assert (decided.stopped.value, decided.false_alarms.value) == (0.5, 0.5)
    assert (decided.recall.value, decided.recall.reason) == (None, "no such items")


@pytest.mark.parametrize("task", ["memotion_offensive", "memotion_sarcasm"])
def test_a_task_that_the_policy_does_not_act_on_stops_nothing(task: str) -> None:
    labels = np.array([0, 1])
    question = Question(TASKS[task], task)
    found = stops(policy("hateful"), question, [sample(), sample()], labels, np.array([0.1, 0.9]), ["review", "review"])
    assert found.by_policy is None
    assert found.at_recall is not None

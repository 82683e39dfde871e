"""False alarms: harmless items that the policy sends to review or blocks, and those that a fixed recall would cost.

The policy's own thresholds say what people see of a bundle today. The fixed recall says what bundles are worth beside
each other: each at the threshold that catches the same share of a set's positives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.policy.policy import Policy
from training.datasets import Sample
from training.evaluation.labels import Question
from training.evaluation.metrics.bootstrap import Estimate, wilson
from training.evaluation.metrics.measures import Floats, Ints, Mask
from training.evaluation.thresholds import highest_catching

#: The share of a set's positives that all bundles are to catch where they stand beside each other.
FIXED_RECALL = 0.8


@dataclass(frozen=True)
class AtRecall:
    """The highest ``threshold`` that catches ``recall`` of a set's positives, and what it does.

    The interval of ``false_alarms`` takes the threshold as given: other positives would move it.
    """

    recall: float
    threshold: float
    caught: Estimate
    false_alarms: Estimate


@dataclass(frozen=True)
class Stops:
    """Which of K items are stopped, as masks [K].

    - ``harmless``: labelled negative, and positive for no other task that the policy acts on.
    - ``by_policy``: sent to review or blocked; None where the policy does not act on the task.
    - ``at_recall``: at or above the threshold of the fixed recall; None for a set without positives.
    """

    harmless: Mask
    by_policy: Mask | None
    at_recall: Mask | None


def harmless_items(policies: Sequence[Policy], question: Question, samples: Sequence[Sample], labels: Ints) -> Mask:
    """Items [K] with ``labels`` [K] that none of the policies has a reason to stop."""
    tasks = {task for policy in policies for task in policy.thresholds}
    others = tasks - {question.task.name, question.labels_of}
    innocent = [all(sample.labels.get(task) != 1 for task in others) for sample in samples]
    return np.asarray((labels == 0) & np.array(innocent, dtype=bool))


def stops(
    policy: Policy, question: Question, samples: Sequence[Sample], labels: Ints, scores: Floats, chosen: Sequence[str]
) -> Stops:
    """What is stopped of a binary task's ``samples``, all [K]; ``chosen`` are the policy's decisions."""
    threshold = threshold_at_recall(labels, scores)
    return Stops(
        harmless=harmless_items([policy], question, samples, labels),
        by_policy=stopped(chosen) if question.task.name in policy.thresholds else None,
        at_recall=None if threshold is None else np.asarray(scores >= threshold),
    )


def stopped(chosen: Sequence[str]) -> Mask:
    """Which decisions are review or block."""
    return np.array([decision != "allow" for decision in chosen], dtype=bool)


def at_recall(labels: Ints, scores: Floats, harmless: Mask, recall: float = FIXED_RECALL) -> AtRecall | None:
    """What catching ``recall`` of the positives costs; None for a set without positives."""
    threshold = threshold_at_recall(labels, scores, recall)
    if threshold is None:
        return None
    over = np.asarray(scores >= threshold)
    return AtRecall(recall, threshold, share(over, labels == 1), share(over, harmless))


def threshold_at_recall(labels: Ints, scores: Floats, recall: float = FIXED_RECALL) -> float | None:
    """The highest score at and above which ``recall`` of the positives lie; None without positives."""
    positives = scores[labels == 1]
    return highest_catching(positives, recall) if len(positives) else None


def share(chosen: Mask, of: Mask) -> Estimate:
    """Share of the items ``of`` that are ``chosen``."""
    return wilson(int((chosen & of).sum()), int(of.sum()))


def stop_rates(mask: Mask, labels: Ints, stops: Stops) -> dict[str, Estimate]:
    """Shares of the items ``mask`` [K] that are stopped, by the name of the metric, as far as something stops them."""
    rates = {}
    if stops.by_policy is not None:
        rates["reviewed"] = share(stops.by_policy, mask)
        rates["reviewed_negatives"] = share(stops.by_policy, mask & stops.harmless)
        rates["reviewed_positives"] = share(stops.by_policy, mask & (labels == 1))
    if stops.at_recall is not None:
        rates["stopped_at_recall"] = share(stops.at_recall, mask)
        rates["negatives_at_recall"] = share(stops.at_recall, mask & stops.harmless)
    return rates

"""Decisions that the bundle's policy would have taken, made by the function that decides in the service."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.bundle import Bundle, Thresholds
from model.policy.decide import decide
from model.policy.policy import default_policy
from model.verdict import DECISIONS, Score, TextEvidence
from training.evaluation.metrics.bootstrap import Estimate, wilson
from training.evaluation.metrics.measures import Ints
from training.evaluation.scoring import Scored


@dataclass(frozen=True)
class Decisions:
    """The policy against one task's labels.

    ``counts`` of allow, review and block; by label in ``counts_by_class``. ``precision`` and ``recall`` are of
    everything that is not allowed (review or block), ``blocked_precision`` of what is blocked without a look.
    """

    policy: str
    thresholds: Thresholds | None
    counts: dict[str, int]
    counts_by_class: dict[str, dict[str, int]]
    precision: Estimate
    recall: Estimate
    blocked_precision: Estimate


def decide_all(bundle: Bundle, scored: Scored) -> list[str]:
    """The decision [N] for every sample, with the bundle's own policy and with the words taken as read."""
    policy = default_policy(bundle.manifest)
    return [
        decide(_scores(bundle, scored, row), TextEvidence.from_caller(sample.text), policy).decision
        for row, sample in enumerate(scored.samples)
    ]


def decisions(bundle: Bundle, task: str, classes: Sequence[str], chosen: Sequence[str], labels: Ints) -> Decisions:
    """Hold the decisions [K] against a binary task's labels [K]."""
    stopped = np.array([decision != "allow" for decision in chosen])
    blocked = np.array([decision == "block" for decision in chosen])
    positive = labels == 1
    by_class = {
        name: _counted([decision for decision, label in zip(chosen, labels, strict=True) if label == index])
        for index, name in enumerate(classes)
    }
    return Decisions(
        policy="default",
        thresholds=bundle.manifest.thresholds.get(task),
        counts=_counted(chosen),
        counts_by_class=by_class,
        precision=wilson(int((stopped & positive).sum()), int(stopped.sum())),
        recall=wilson(int((stopped & positive).sum()), int(positive.sum())),
        blocked_precision=wilson(int((blocked & positive).sum()), int(blocked.sum())),
    )


def _scores(bundle: Bundle, scored: Scored, row: int) -> dict[str, Score]:
    """Scores of the tasks that a threshold can stand on."""
    return {task.name: float(scored.probabilities[task.name][row]) for task in bundle.tasks if task.kind == "binary"}


def _counted(chosen: Sequence[str]) -> dict[str, int]:
    counts = Counter(chosen)
    return {name: counts[name] for name in DECISIONS}

"""Decisions that the bundle's policy would have taken, made by the function that decides in the service."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.bundle import Bundle, Thresholds, ThresholdsByModality
from model.modality import MODALITIES, Modality
from model.policy.decide import decide
from model.policy.policy import default_policy
from model.verdict import DECISIONS, Score, TextEvidence
from training.evaluation.false_alarms import share, stopped
from training.evaluation.metrics.bootstrap import Estimate
from training.evaluation.metrics.measures import Floats, Ints, Mask
from training.evaluation.scoring import Scored


@dataclass(frozen=True)
class Decisions:
    """The policy against one task's labels.

    ``thresholds`` are those of pictures with words, ``by_modality`` those of what there is in the set. ``counts`` of
    allow, review and block; by label in ``counts_by_class``. ``stopped`` is the share of all items that is not allowed
    (review or block), ``false_alarms`` that of the harmless ones; ``precision`` and ``recall`` are of everything that
    is stopped, ``blocked_precision`` of what is blocked without a look.
    """

    policy: str
    thresholds: Thresholds
    by_modality: dict[Modality, Thresholds]
    counts: dict[str, int]
    counts_by_class: dict[str, dict[str, int]]
    stopped: Estimate
    false_alarms: Estimate
    precision: Estimate
    recall: Estimate
    blocked_precision: Estimate


def decide_all(bundle: Bundle, scored: Scored) -> list[str]:
    """The decision [N] for every sample, with the bundle's own policy and with the words taken as read."""
    policy = default_policy(bundle.manifest)
    return [
        decide(_scores(bundle, scored, row), TextEvidence.from_caller(sample.text), policy, judged_as=modality).decision
        for row, (sample, modality) in enumerate(zip(scored.samples, scored.modalities, strict=True))
    ]


def review_bounds(bundle: Bundle, task: str, modalities: Sequence[Modality]) -> Floats | None:
    """From where each of ``modalities`` [N] goes to review by the bundle's own policy; None where it has no say."""
    found = bundle.manifest.thresholds.get(task)
    return None if found is None else np.array([found.of(modality).review for modality in modalities], dtype=np.float64)


def decisions(
    limits: ThresholdsByModality,
    classes: Sequence[str],
    chosen: Sequence[str],
    labels: Ints,
    harmless: Mask,
    modalities: Sequence[Modality],
) -> Decisions:
    """Hold the decisions [K] of a policy with these ``limits`` against a binary task's labels [K].

    ``harmless`` [K] is as in ``Stops``; ``modalities`` [K] are what was shown of the items.
    """
    not_allowed = stopped(chosen)
    blocked = np.array([decision == "block" for decision in chosen], dtype=bool)
    positive = np.asarray(labels == 1)
    by_class = {
        name: _counted([decision for decision, label in zip(chosen, labels, strict=True) if label == index])
        for index, name in enumerate(classes)
    }
    return Decisions(
        policy="default",
        thresholds=limits.both,
        by_modality={modality: limits.of(modality) for modality in MODALITIES if modality in modalities},
        counts=_counted(chosen),
        counts_by_class=by_class,
        stopped=share(not_allowed, np.ones(len(labels), dtype=bool)),
        false_alarms=share(not_allowed, harmless),
        precision=share(positive, not_allowed),
        recall=share(not_allowed, positive),
        blocked_precision=share(positive, blocked),
    )


def _scores(bundle: Bundle, scored: Scored, row: int) -> dict[str, Score]:
    """Scores of the tasks that a threshold can stand on."""
    return {task.name: float(scored.probabilities[task.name][row]) for task in bundle.tasks if task.kind == "binary"}


def _counted(chosen: Sequence[str]) -> dict[str, int]:
    counts = Counter(chosen)
    return {name: counts[name] for name in DECISIONS}

"""One task on one set: metrics of every column, paired differences, decisions, plots, groups and mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.bundle import Bundle
from model.policy.policy import default_policy
from training.datasets import Sample
from training.evaluation.breakdown import GroupTable, class_table, group_table
from training.evaluation.curves import Curves, binary_curves, confusion
from training.evaluation.decisions import decisions
from training.evaluation.false_alarms import Stops, at_recall, stops
from training.evaluation.groups import groupings
from training.evaluation.labels import Question, class_counts, labelled
from training.evaluation.metrics.bootstrap import (
    Estimate,
    PairedInterval,
    UndefinedMetricError,
    bootstrap,
    paired_bootstrap,
)
from training.evaluation.metrics.measures import MEASURES, Floats, Ints
from training.evaluation.metrics.point_values import point_value
from training.evaluation.results import FULL_INPUT, Difference, Mistake, TaskResult
from training.evaluation.scoring import Scored

_N_MISTAKES = 10


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made. ``groups`` [N] numbers the samples that are drawn together."""

    n_resamples: int
    seed: int
    groups: Ints | None = None

    def estimates(self, question: Question, labels: Ints, scores: Floats, rows: Ints) -> dict[str, Estimate]:
        """Every metric of the task with its interval; ``rows`` [K] are the samples that ``labels`` stand for."""
        return {
            measure.name: bootstrap(
                measure,
                labels,
                scores,
                n_resamples=self.n_resamples,
                seed=self.seed,
                groups=None if self.groups is None else self.groups[rows],
                value=point_value(question.task.kind, measure.name, labels, scores),
            )
            for measure in MEASURES[question.task.kind]
        }

    def differences(
        self, question: Question, labels: Ints, scores: Floats, others: Floats, rows: Ints
    ) -> dict[str, PairedInterval]:
        """``scores`` against ``others`` in every metric that is defined for both."""
        found = {}
        for measure in MEASURES[question.task.kind]:
            groups = None if self.groups is None else self.groups[rows]
            try:
                found[measure.name] = paired_bootstrap(
                    measure, labels, scores, others, self.n_resamples, self.seed, groups=groups
                )
            except UndefinedMetricError:  # the table of metrics gives the reason
                continue
        return found


def task_result(
    bundle: Bundle, question: Question, columns: Mapping[str, Scored], chosen: Sequence[str], sampling: Bootstrap
) -> TaskResult:
    """Measure ``question`` on every column; all have the same samples. ``chosen`` [N] are the policy's decisions."""
    task, full = question.task, columns[FULL_INPUT]
    rows, labels = labelled(question, full.samples)
    scores = {name: scored.probabilities[task.name][rows] for name, scored in columns.items() if _has(scored, question)}
    mine = scores[FULL_INPUT]
    picked, samples = [chosen[row] for row in rows], [full.samples[row] for row in rows]
    is_binary, limits = task.kind == "binary", bundle.manifest.thresholds.get(task.name)
    modalities = [full.modalities[row] for row in rows]
    found = stops(default_policy(bundle.manifest), question, samples, labels, mine, picked) if is_binary else None
    return TaskResult(
        title=question.title,
        task=task.name,
        labels_of=question.labels_of,
        kind=task.kind,
        n=len(rows),
        class_counts=class_counts(question, labels),
        metrics={name: sampling.estimates(question, labels, values, rows) for name, values in scores.items()},
        differences=[
            Difference(name, sampling.differences(question, labels, mine, values, rows))
            for name, values in scores.items()
            if name != FULL_INPUT
        ],
        decisions=decisions(limits, task.classes, picked, labels, found.harmless, modalities)
        if limits is not None and found is not None
        else None,
        at_recall=None if found is None else at_recall(labels, mine, found.harmless),
        confusion=None if task.kind == "multilabel" else confusion(labels, mine, len(task.classes)),
        curves=_curves(labels, scores) if is_binary else {},
        groups=_classes(question, labels, mine, sampling)
        if found is None
        else _groups(samples, labels, mine, found, sampling),
        mistakes=_mistakes(question, full, rows, labels) if is_binary else {},
    )


def _has(scored: Scored, question: Question) -> bool:
    """False for another bundle that does not judge this task."""
    return question.task.name in scored.probabilities


def _curves(labels: Ints, scores: Mapping[str, Floats]) -> dict[str, Curves]:
    """The plots of every column; none when one class is missing."""
    found = {name: binary_curves(labels, values) for name, values in scores.items()}
    return {name: curves for name, curves in found.items() if curves is not None}


def _groups(
    samples: Sequence[Sample], labels: Ints, scores: Floats, found: Stops, sampling: Bootstrap
) -> list[GroupTable]:
    return [
        group_table(grouping, labels, scores, found, n_resamples=sampling.n_resamples, seed=sampling.seed)
        for grouping in groupings(samples)
    ]


def _classes(question: Question, labels: Ints, scores: Floats, sampling: Bootstrap) -> list[GroupTable]:
    """The classes of a multilabel task; of another kind a confusion matrix says more."""
    if question.task.kind != "multilabel":
        return []
    options = {"n_resamples": sampling.n_resamples, "seed": sampling.seed}
    return [class_table(question.task.classes, labels, scores, **options)]


def _mistakes(question: Question, scored: Scored, rows: Ints, labels: Ints) -> dict[str, list[Mistake]]:
    """The confident mistakes: negatives with the highest probability, positives with the lowest."""
    scores, classes = scored.probabilities[question.task.name][rows], question.task.classes

    def worst(of_class: int, order: Ints) -> list[Mistake]:
        wrong = [row for row in order if labels[row] == of_class and (scores[row] >= 0.5) != of_class]
        return [
            Mistake(scored.samples[rows[row]].id, classes[of_class], round(float(scores[row]), 4))
            for row in wrong[:_N_MISTAKES]
        ]

    ascending = np.argsort(scores, kind="stable")
    return {"false_positives": worst(0, ascending[::-1]), "false_negatives": worst(1, ascending)}

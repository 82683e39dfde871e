"""Agreement of reviewers beyond chance: Cohen's kappa of two, Krippendorff's alpha of all.

Classes are nominal: two answers are the same or they are not. Of a multilabel task the answer is the whole set.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import krippendorff
import numpy as np

from model.taxonomy import TASKS
from serving.ledger.queries import Label
from serving.review.figures.reviewed import Answer
from serving.review.figures.shares import Share, share


@dataclass(frozen=True)
class PairAgreement:
    """Two reviewers on the items that both answered. ``kappa`` None: chance alone would explain it all."""

    one: str
    other: str
    same: Share
    kappa: float | None


@dataclass(frozen=True)
class TaskAgreement:
    """One task. ``items`` were answered by two reviewers or more; ``alpha`` None: too little to say."""

    task: str
    items: int
    reviewers: int
    alpha: float | None
    pairs: tuple[PairAgreement, ...]


def agreements(answers: Sequence[Answer]) -> tuple[TaskAgreement, ...]:
    """For each task that two reviewers answered of one item, in the taxonomy's order."""
    found = (_task_agreement(task, answers) for task in TASKS)
    return tuple(one for one in found if one is not None)


def cohen_kappa(answers: Sequence[tuple[str, str]]) -> float | None:
    """Of pairs of answers (Cohen 1960); None where chance agreement is whole, as when both always say the same."""
    n = len(answers)
    if n == 0:
        return None
    ones, others = Counter(one for one, _ in answers), Counter(other for _, other in answers)
    observed = sum(one == other for one, other in answers) / n
    expected = sum(ones[value] * others[value] for value in ones) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def krippendorff_alpha(units: Iterable[Sequence[str]]) -> float | None:
    """Of the answers to each item (Krippendorff 1970); None where only one answer was ever given."""
    several = [unit for unit in units if len(unit) > 1]
    values = sorted({value for unit in several for value in unit})
    if len(values) < 2:
        return None
    counts = np.array([[unit.count(value) for value in values] for unit in map(list, several)])
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))


def answer_value(label: Label) -> str:
    """One value of an answer: the class, or the classes of a multilabel task in order."""
    return label if isinstance(label, str) else " + ".join(sorted(label))


def _task_agreement(task: str, answers: Sequence[Answer]) -> TaskAgreement | None:
    by_item: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for answer in answers:
        if task in answer.labels:
            by_item[answer.decision_id][answer.reviewer] = answer_value(answer.labels[task])
    shared = [said for said in by_item.values() if len(said) > 1]
    if not shared:
        return None
    reviewers = {name for said in shared for name in said}
    alpha = krippendorff_alpha([list(said.values()) for said in shared])
    return TaskAgreement(task, len(shared), len(reviewers), alpha, _pairs(shared))


def _pairs(shared: Sequence[dict[str, str]]) -> tuple[PairAgreement, ...]:
    both: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for said in shared:
        for one, other in combinations(sorted(said), 2):
            both[one, other].append((said[one], said[other]))
    return tuple(
        PairAgreement(*names, share(sum(a == b for a, b in values), len(values)), cohen_kappa(values))
        for names, values in sorted(both.items())
    )

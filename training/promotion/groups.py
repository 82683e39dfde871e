"""Groups that the challenger treats worse: harmless memes held against it, attacks on it missed.

Decisions are taken at 0.5. Within a group only those items count on which the two bundles differ, so the test is
McNemar's (1947), exact; with many groups it is corrected after Holm (1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binomtest

from model.taxonomy import Task
from training.datasets import Sample
from training.evaluation.groups import groupings
from training.evaluation.metrics.bootstrap import paired_bootstrap
from training.evaluation.metrics.measures import ACCURACY, Floats, Ints, Mask
from training.promotion.results import Line

#: A rate over fewer items of a group is not compared.
MIN_GROUP_ITEMS = 20


@dataclass(frozen=True)
class Pair:
    """Labels and both bundles' probabilities of one task on one set: [N], or [N, C] where there are several classes.

    ``review`` holds the two thresholds [N] of each meme, where both policies act on the task.
    """

    data: str
    task: Task
    samples: Sequence[Sample]
    labels: Ints
    champion: Floats
    challenger: Floats
    review: tuple[Floats, Floats] | None


def group_lines(pair: Pair, *, n_resamples: int, seed: int) -> list[Line]:
    """False positive and false negative rates of every group with enough items; p values not yet corrected."""
    lines = []
    for grouping in groupings(pair.samples):
        for name, mask in grouping.masks.items():
            for metric, title, value in (
                ("false_positive_rate", "false positive rate", 0),
                ("false_negative_rate", "false negative rate", 1),
            ):
                rows = np.flatnonzero(mask & (pair.labels == value))
                if len(rows) >= MIN_GROUP_ITEMS:
                    wrong = [(scores[rows] >= 0.5) != value for scores in (pair.champion, pair.challenger)]
                    line = rate_line(pair, (wrong[0], wrong[1]), metric, title, n_resamples, seed)
                    lines.append(replace(line, group=f"{grouping.name.replace('_', ' ')}: {name}"))
    return lines


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p value, of no difference, from the numbers of items that only one of the two gets wrong."""
    n = only_first + only_second
    return float(binomtest(only_first, n).pvalue) if n else 1.0


def holm(lines: Sequence[Line]) -> list[Line]:
    """The same lines with their p values corrected for there being so many."""
    order = sorted(range(len(lines)), key=lambda index: lines[index].p_value)
    corrected: dict[int, float] = {}
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, lines[index].p_value * (len(lines) - rank)))
        corrected[index] = highest
    return [replace(line, p_value=corrected[index]) for index, line in enumerate(lines)]


def rate_line(pair: Pair, wrong: tuple[Mask, Mask], metric: str, title: str, n_resamples: int, seed: int) -> Line:
    """How often the champion and the challenger are wrong about the same items, ``wrong`` [K] each."""
    n = len(wrong[0])
    # Accuracy of "is wrong" against all ones is the rate itself, and its paired interval that of the rates.
    ones = np.ones(n, dtype=np.int64)
    found = paired_bootstrap(ACCURACY, ones, wrong[1].astype(float), wrong[0].astype(float), n_resamples, seed)
    return Line(
        data=pair.data,
        task=pair.task.name,
        metric=metric,
        title=title,
        n=n,
        champion=float(wrong[0].mean()),
        challenger=float(wrong[1].mean()),
        difference=found.difference,
        low=found.low,
        high=found.high,
        p_value=mcnemar(int((wrong[0] & ~wrong[1]).sum()), int((wrong[1] & ~wrong[0]).sum())),
        higher_is_better=False,
    )

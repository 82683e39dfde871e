"""Errors by group of a binary task: rates with Wilson intervals, AUROCs with bootstrap intervals."""

from dataclasses import dataclass

import numpy as np

from training.evaluation.groups import Grouping, Mask
from training.evaluation.metrics.bootstrap import Estimate, bootstrap, wilson
from training.evaluation.metrics.measures import AUROC, Floats, Ints
from training.evaluation.metrics.point_values import point_value

#: A table marks groups with fewer items than this: their numbers move by much from one set to the next.
FEW_ITEMS = 30
_OWN = ("accuracy", "false_positive_rate", "false_negative_rate", "reviewed_negatives", "auroc")


@dataclass(frozen=True)
class GroupRow:
    """One group. ``metrics`` has

    - ``accuracy``, ``false_positive_rate``, ``false_negative_rate``: of decisions at 0.5;
    - ``reviewed_negatives``: share of its harmless items that the bundle's policy sends to review or blocks;
    - ``auroc`` within the group, and against the background (items outside the group; Borkan et al. 2019):
      ``bpsn_auroc`` (background positives, group negatives) falls when harmless items of the group score too high,
      ``bnsp_auroc`` (background negatives, group positives) when its attacks score too low.
    """

    group: str
    n: int
    n_positive: int
    is_small: bool
    metrics: dict[str, Estimate]


@dataclass(frozen=True)
class GroupTable:
    """A grouping with a row for each group; ``metrics`` are the columns."""

    name: str
    title: str
    note: str
    metrics: tuple[str, ...]
    rows: list[GroupRow]


def group_table(
    grouping: Grouping,
    labels: Ints,
    scores: Floats,
    review: float | None,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> GroupTable:
    """Rows of ``grouping`` for labels [N] of 0 and 1 and scores [N]; ``review`` is the task's threshold, if any."""
    metrics = _OWN if review is not None else tuple(name for name in _OWN if name != "reviewed_negatives")
    if grouping.name == "function":
        metrics = ("accuracy",)
    if grouping.has_background:
        metrics += ("bpsn_auroc", "bnsp_auroc")
    rows = []
    for name, mask in grouping.masks.items():
        if not mask.any():
            continue
        found = _rates(labels[mask], scores[mask], review)
        for metric, part in _auroc_parts(mask, labels).items():
            if metric in metrics:
                found[metric] = bootstrap(
                    AUROC,
                    labels[part],
                    scores[part],
                    n_resamples=n_resamples,
                    seed=seed,
                    value=point_value("binary", "auroc", labels[part], scores[part]),
                )
        n = int(mask.sum())
        n_positive = int(labels[mask].sum())
        rows.append(GroupRow(name, n, n_positive, n < FEW_ITEMS, {metric: found[metric] for metric in metrics}))
    return GroupTable(grouping.name, grouping.title, grouping.note, metrics, rows)


def _rates(labels: Ints, scores: Floats, review: float | None) -> dict[str, Estimate]:
    flagged, positive = scores >= 0.5, labels == 1
    negative = ~positive
    rates = {
        "accuracy": wilson(int((flagged == positive).sum()), len(labels)),
        "false_positive_rate": wilson(int((flagged & negative).sum()), int(negative.sum())),
        "false_negative_rate": wilson(int((~flagged & positive).sum()), int(positive.sum())),
    }
    if review is not None:
        rates["reviewed_negatives"] = wilson(int(((scores >= review) & negative).sum()), int(negative.sum()))
    return rates


def _auroc_parts(mask: Mask, labels: Ints) -> dict[str, Mask]:
    """The items of each AUROC."""
    positive = labels == 1
    return {
        "auroc": mask,
        "bpsn_auroc": np.where(mask, ~positive, positive),
        "bnsp_auroc": np.where(mask, positive, ~positive),
    }

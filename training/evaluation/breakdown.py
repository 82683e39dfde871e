"""Errors by group of a binary task, and by class of a multilabel one: rates with Wilson intervals, AUROCs with
bootstrap intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.false_alarms import Stops, share, stop_rates
from training.evaluation.groups import Grouping
from training.evaluation.metrics.bootstrap import Estimate, bootstrap, wilson
from training.evaluation.metrics.measures import AUROC, Floats, Ints, Mask
from training.evaluation.metrics.point_values import point_value

#: A table marks groups with fewer items than this: their numbers move by much from one set to the next.
FEW_ITEMS = 30
_OWN = (
    "reviewed_negatives",
    "reviewed_positives",
    "negatives_at_recall",
    "accuracy",
    "false_positive_rate",
    "false_negative_rate",
    "auroc",
)


@dataclass(frozen=True)
class GroupRow:
    """One group. ``n_harmless`` are labelled positive for nothing that the policy acts on. ``metrics`` has

    - ``reviewed_negatives``: share of its harmless items that the bundle's policy sends to review or blocks, which are
      its false alarms; ``reviewed_positives``: the same of its positives; ``reviewed``: of all its items;
    - ``negatives_at_recall``: share of its harmless items over the threshold that catches .80 of the whole set's
      positives; ``stopped_at_recall``: of all its items;
    - ``accuracy``, ``false_positive_rate``, ``false_negative_rate``: of decisions at 0.5;
    - ``auroc`` within the group, and against the background (items outside the group; Borkan et al. 2019):
      ``bpsn_auroc`` (background positives, group negatives) falls when harmless items of the group score too high,
      ``bnsp_auroc`` (background negatives, group positives) when its attacks score too low.
    """

    group: str
    n: int
    n_positive: int
    n_harmless: int
    is_small: bool
    metrics: dict[str, Estimate]

    @property
    def can_be_judged(self) -> bool:
        """Whether it has enough harmless items to say what is stopped of them."""
        return "reviewed_negatives" in self.metrics and self.n_harmless >= FEW_ITEMS


@dataclass(frozen=True)
class GroupTable:
    """A grouping with a row for each group; ``metrics`` are the columns, those of which some row has a value.

    ``reference`` is the row of the items outside all groups, where there is one.
    """

    name: str
    title: str
    note: str
    metrics: tuple[str, ...]
    rows: list[GroupRow]
    reference: str | None = None

    @property
    def is_by_class(self) -> bool:
        """Whether a row is a class of a multilabel task, and no group of items."""
        return self.name == "class"


def group_table(
    grouping: Grouping,
    labels: Ints,
    scores: Floats,
    stops: Stops,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> GroupTable:
    """Rows of ``grouping`` for labels [N] of 0 and 1 and scores [N]; ``stops`` [N] says what is stopped of them."""
    metrics: tuple[str, ...] = ("reviewed", "stopped_at_recall", "accuracy") if grouping.name == "function" else _OWN
    if grouping.has_background:
        metrics += ("bpsn_auroc", "bnsp_auroc")
    rows = []
    for name, mask in grouping.masks.items():
        if not mask.any():
            continue
        found = _rates(labels[mask], scores[mask]) | stop_rates(mask, labels, stops)
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
        n_positive, n_harmless = int(labels[mask].sum()), int(stops.harmless[mask].sum())
        own = {metric: found[metric] for metric in metrics if metric in found}
        rows.append(GroupRow(name, n, n_positive, n_harmless, n < FEW_ITEMS, own))
    shown = tuple(name for name in metrics if any(_has_value(row, name) for row in rows))
    return GroupTable(grouping.name, grouping.title, grouping.note, shown, rows, grouping.reference)


def class_table(
    classes: Sequence[str], labels: Ints, scores: Floats, *, n_resamples: int = 1000, seed: int = 0
) -> GroupTable:
    """A row for each class of a multilabel task, from labels of 0 and 1 and scores, both [N, C]."""
    rows = []
    for column, name in enumerate(classes):
        own, values = labels[:, column], scores[:, column]
        positive, decided = np.asarray(own == 1), np.asarray(values >= 0.5)
        point = point_value("binary", "auroc", own, values)
        metrics = {
            "auroc": bootstrap(AUROC, own, values, n_resamples=n_resamples, seed=seed, value=point),
            "precision": share(positive, decided),
            "recall": share(decided, positive),
        }
        n_positive = int(positive.sum())
        rows.append(GroupRow(name, len(own), n_positive, len(own) - n_positive, is_small=False, metrics=metrics))
    note = "Each class against all other items; decisions at 0.5. Of a class with few positives nothing is sure."
    return GroupTable("class", "By class", note, ("auroc", "precision", "recall"), rows)


def _has_value(row: GroupRow, metric: str) -> bool:
    return metric in row.metrics and row.metrics[metric].value is not None


def _rates(labels: Ints, scores: Floats) -> dict[str, Estimate]:
    flagged, positive = scores >= 0.5, labels == 1
    negative = ~positive
    return {
        "accuracy": wilson(int((flagged == positive).sum()), len(labels)),
        "false_positive_rate": wilson(int((flagged & negative).sum()), int(negative.sum())),
        "false_negative_rate": wilson(int((~flagged & positive).sum()), int(positive.sum())),
    }


def _auroc_parts(mask: Mask, labels: Ints) -> dict[str, Mask]:
    """The items of each AUROC."""
    positive = labels == 1
    return {
        "auroc": mask,
        "bpsn_auroc": np.where(mask, ~positive, positive),
        "bnsp_auroc": np.where(mask, positive, ~positive),
    }

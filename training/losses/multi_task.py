"""The classification loss: over several tasks, of which a sample may have labels of some only."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from model.taxonomy import Task
from training.datasets.base import ABSENT


def multi_task_loss(
    logits: tuple[Tensor, ...],
    labels: Tensor,
    tasks: tuple[Task, ...],
    *,
    label_sets: Mapping[str, Tensor] | None = None,
    label_smoothing: float = 0.0,
    soft_labels: Tensor | None = None,
    distillation_weight: float = 0.0,
    weights: Tensor | None = None,
    label_noise: Tensor | None = None,
) -> Tensor:
    """Mean over all labels that are there, of cross-entropy by the task's kind; a scalar.

    With ``weights`` [B] float, above 0, it is the weighted mean: a label weighs what its sample does.

    ``logits`` is [B, n_logits] a task, in the order of ``tasks``. ``labels`` [B, n_tasks] int64 holds class indices or
    ``ABSENT``; its column of a multilabel task is not read, but ``label_sets[task.name]`` [B, n_classes] float of 0,
    1 or ``ABSENT``. A sample's whole label set weighs as much as one label of another task: the mean over its classes.

    ``soft_labels`` [B, n_tasks] float are what a teacher says of the binary tasks, probabilities of ``classes[1]``, NaN
    where it says nothing. Where it does, the target is ``distillation_weight`` of its word and the rest of the label
    (Hinton et al. 2015); a row without a label stays without one.

    ``label_noise`` [B, n_tasks] float is how probably a label of a binary task is wrong: the target is 1 less that for
    the class of the label. Of the three that soften a target, noise comes first, smoothing moves what it gives towards
    even odds, and the teacher's word is mixed in last.

    Zero (with a gradient of zeros) when the batch has no label at all. Raises ``ValueError`` for a multilabel task
    without its label set.
    """
    sets = label_sets or {}
    weights = torch.ones(len(labels), device=labels.device) if weights is None else weights
    terms, totals = [], []
    for index, (task, task_logits) in enumerate(zip(tasks, logits, strict=True)):
        if task.kind == "multilabel":
            loss, present = _label_set_loss(task_logits, _set_of(task, sets), label_smoothing)
        else:
            known, present = labels[:, index].clamp(min=0), labels[:, index] != ABSENT
            if task.kind == "binary":
                targets = _smoothed(_expected(known.float(), _column(label_noise, index)), label_smoothing)
                targets = _distilled(targets, _column(soft_labels, index), distillation_weight)
                loss = F.binary_cross_entropy_with_logits(task_logits[:, 0], targets, reduction="none")
            else:
                loss = F.cross_entropy(task_logits, known, reduction="none", label_smoothing=label_smoothing)
        terms.append((loss * present * weights).sum())
        totals.append((present * weights).sum())
    total = torch.stack(totals).sum()
    return torch.stack(terms).sum() / total.clamp(min=torch.finfo(total.dtype).tiny)


def _column(values: Tensor | None, index: int) -> Tensor | None:
    return None if values is None else values[:, index]


def _label_set_loss(logits: Tensor, targets: Tensor, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """[B, C] twice -> the mean over each row's known classes [B], and whether the row has any [B] bool."""
    known = targets != ABSENT
    losses = _smoothed_binary(logits, targets.clamp(min=0), label_smoothing) * known
    n_known = known.sum(dim=1)
    return losses.sum(dim=1) / n_known.clamp(min=1), n_known > 0


def _smoothed_binary(logits: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, _smoothed(targets, label_smoothing), reduction="none")


def _smoothed(targets: Tensor, label_smoothing: float) -> Tensor:
    return targets * (1 - label_smoothing) + label_smoothing / 2


def _expected(labels: Tensor, noise: Tensor | None) -> Tensor:
    """[B] of 0 and 1 -> the probability [B] of 1 where a label is wrong as probably as ``noise`` says."""
    return labels if noise is None else labels + noise * (1 - 2 * labels)


def _distilled(targets: Tensor, soft: Tensor | None, weight: float) -> Tensor:
    """``targets`` [B], and where a teacher speaks ``weight`` of its word [B] in it."""
    if soft is None:
        return targets
    return torch.where(soft.isnan(), targets, (1 - weight) * targets + weight * soft.nan_to_num())


def _set_of(task: Task, label_sets: Mapping[str, Tensor]) -> Tensor:
    if task.name not in label_sets:
        raise ValueError(f"task {task.name!r} is multilabel: its labels must come in label_sets, which has none")
    return label_sets[task.name]

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
) -> Tensor:
    """Mean over all labels that are there, of cross-entropy by the task's kind; a scalar.

    ``logits`` is [B, n_logits] a task, in the order of ``tasks``. ``labels`` [B, n_tasks] int64 holds class indices or
    ``ABSENT``; its column of a multilabel task is not read, but ``label_sets[task.name]`` [B, n_classes] float of 0,
    1 or ``ABSENT``. A sample's whole label set weighs as much as one label of another task: the mean over its classes.

    ``soft_labels`` [B, n_tasks] float are what a teacher says of the binary tasks, probabilities of ``classes[1]``, NaN
    where it says nothing. Where it does, the target is ``distillation_weight`` of its word and the rest of the label
    (Hinton et al. 2015); a row without a label stays without one.

    Zero (with a gradient of zeros) when the batch has no label at all. Raises ``ValueError`` for a multilabel task
    without its label set.
    """
    sets = label_sets or {}
    terms, counts = [], []
    for index, (task, task_logits) in enumerate(zip(tasks, logits, strict=True)):
        if task.kind == "multilabel":
            loss, present = _label_set_loss(task_logits, _set_of(task, sets), label_smoothing)
        elif task.kind == "binary" and soft_labels is not None:
            targets = _distilled(labels[:, index], soft_labels[:, index], label_smoothing, distillation_weight)
            loss = F.binary_cross_entropy_with_logits(task_logits[:, 0], targets, reduction="none")
            present = labels[:, index] != ABSENT
        else:
            loss, present = _task_loss(task, task_logits, labels[:, index], label_smoothing)
        terms.append((loss * present).sum())
        counts.append(present.sum())
    return torch.stack(terms).sum() / torch.stack(counts).sum().clamp(min=1)


def _task_loss(task: Task, logits: Tensor, labels: Tensor, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """[B, n_logits] and [B] -> the loss of each row [B], and whether the row has a label [B] bool."""
    known = labels.clamp(min=0)
    if task.kind == "binary":
        loss = _smoothed_binary(logits[:, 0], known.float(), label_smoothing)
    else:
        loss = F.cross_entropy(logits, known, reduction="none", label_smoothing=label_smoothing)
    return loss, labels != ABSENT


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


def _distilled(labels: Tensor, soft: Tensor, label_smoothing: float, weight: float) -> Tensor:
    """[B] twice -> the targets [B]: the smoothed label, and where a teacher speaks ``weight`` of its word in it."""
    hard = _smoothed(labels.clamp(min=0).float(), label_smoothing)
    return torch.where(soft.isnan(), hard, (1 - weight) * hard + weight * soft.nan_to_num())


def _set_of(task: Task, label_sets: Mapping[str, Tensor]) -> Tensor:
    if task.name not in label_sets:
        raise ValueError(f"task {task.name!r} is multilabel: its labels must come in label_sets, which has none")
    return label_sets[task.name]

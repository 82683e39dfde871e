"""Losses over heads whose labels may be absent."""

import torch
import torch.nn.functional as F
from torch import Tensor

from model.taxonomy import Task

#: Stands in a label tensor where a sample has no label for the task.
ABSENT = -1


def multi_task_loss(
    logits: tuple[Tensor, ...], labels: Tensor, tasks: tuple[Task, ...], *, label_smoothing: float = 0.0
) -> Tensor:
    """Mean over all labels that are there: binary or softmax cross-entropy by the task's kind; a scalar.

    ``logits`` is [B, n_logits] a task; ``labels`` [B, n_tasks] int64 holds class indices or ``ABSENT``. Zero (with a
    gradient of zeros) when the batch has no label at all. Raises ``ValueError`` for a multilabel task.
    """
    terms = [
        _task_loss(task, task_logits, labels[:, place], label_smoothing)
        for place, (task, task_logits) in enumerate(zip(tasks, logits, strict=True))
    ]
    present = (labels != ABSENT).sum().clamp(min=1)
    return torch.stack([term.sum() for term in terms]).sum() / present


def _task_loss(task: Task, logits: Tensor, labels: Tensor, label_smoothing: float) -> Tensor:
    """[B, n_logits] and [B] -> [B], zero where the label is absent."""
    present = labels != ABSENT
    known = labels.clamp(min=0)
    if task.kind == "binary":
        target = known.float() * (1 - label_smoothing) + label_smoothing / 2
        loss = F.binary_cross_entropy_with_logits(logits[:, 0], target, reduction="none")
    elif task.kind == "multiclass":
        loss = F.cross_entropy(logits, known, reduction="none", label_smoothing=label_smoothing)
    else:
        raise ValueError(f"task {task.name!r} is multilabel, which this loss does not take yet")
    return loss * present

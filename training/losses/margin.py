"""The additive margin of AM-Softmax (Wang et al. 2018), on logits that are scaled cosines.

The paper's loss is the softmax cross-entropy over s * (cos(theta_y) - m) for the target class y and s * cos(theta_c)
for the others: the target must win by m to count as won. It is the plain loss on logits that are moved by s * m, so
any loss on logits can follow.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from model.taxonomy import Task
from training.datasets.base import ABSENT


def with_margin(
    logits: tuple[Tensor, ...],
    labels: Tensor,
    tasks: tuple[Task, ...],
    offset: float,
    label_sets: Mapping[str, Tensor] | None = None,
) -> tuple[Tensor, ...]:
    """``logits`` with ``offset`` = scale * margin against the target class; takes what ``multi_task_loss`` takes.

    - multiclass: the target's logit falls by ``offset``.
    - binary, whose logit is the difference of two cosines: it falls where the label is 1, and rises where it is 0.
    - multilabel: each class is such a yes or no.

    Where a label is absent, nothing moves.
    """
    sets = label_sets or {}
    return tuple(
        task_logits - offset * _direction(task, labels[:, index], sets).to(task_logits.dtype)
        for index, (task, task_logits) in enumerate(zip(tasks, logits, strict=True))
    )


def _direction(task: Task, labels: Tensor, label_sets: Mapping[str, Tensor]) -> Tensor:
    """[B, n_logits]: 1 where the margin lowers the logit, -1 where it raises it, else 0."""
    if task.kind == "multiclass":
        one_hot = F.one_hot(labels.clamp(min=0), len(task.classes))
        return one_hot * (labels != ABSENT)[:, None]
    targets = labels[:, None] if task.kind == "binary" else label_sets[task.name]
    return torch.where(targets == ABSENT, 0, 2 * targets - 1)

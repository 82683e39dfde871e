"""One classification head a task, in taxonomy order: linear, or cosines to a learned direction a class.

A cosine head compares directions only (MemeCLIP, Shah et al. 2024; AM-Softmax, Wang et al. 2018), so a class cannot win
by the length of its weight vector, as frequent classes do on lopsided data. With scale s and unit vectors:

- multiclass and multilabel: s * cos(theta_c), a direction for each class c.
- binary: one logit must come out, so it is s * (cos(theta_positive) - cos(theta_negative)): the softmax over two
  classes is the sigmoid of that difference.

The additive margin of AM-Softmax belongs to the training loss (``training/losses/margin.py``): what is exported has no
target to subtract it from.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import NetworkConfig
from model.taxonomy import Task


class CosineHead(nn.Module):
    """Scaled cosines between the fused vector and a learned direction for each class."""

    def __init__(self, task: Task, in_width: int, scale: float) -> None:
        super().__init__()
        self.is_binary = task.kind == "binary"
        self.scale = scale
        self.weight = nn.Parameter(torch.randn(len(task.classes), in_width) * in_width**-0.5)

    def forward(self, fused: Tensor) -> Tensor:
        """``fused`` [B, in_width] -> logits [B, n_logits]."""
        # The weights are divided by their norms after the product: the matrix in the exported graph stays the
        # parameter itself, which int8 packing needs.
        norms = self.weight.norm(dim=1).clamp(min=1e-12)
        cosines: Tensor = F.linear(F.normalize(fused, dim=-1), self.weight) / norms
        if self.is_binary:
            cosines = cosines[:, 1:] - cosines[:, :1]
        return self.scale * cosines


class TaskHeads(nn.Module):
    """Dropout and a layer for each task, of the kind that ``config.head`` names."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.head_dropout)
        self.linears = nn.ModuleDict({task.name: _head(task, config) for task in config.task_list})

    def forward(self, fused: Tensor) -> tuple[Tensor, ...]:
        """``fused`` [B, fused_width] -> a tensor of logits [B, n_logits] for each task, in the order of the config."""
        return tuple(linear(self.dropout(fused)) for linear in self.linears.values())


def _head(task: Task, config: NetworkConfig) -> nn.Module:
    if config.head == "linear":
        return nn.Linear(config.fused_width, task.n_logits)
    return CosineHead(task, config.fused_width, config.scale)

"""One classification head a task, in taxonomy order."""

from torch import Tensor, nn

from model.taxonomy import Task


class TaskHeads(nn.Module):
    """Dropout and a Linear layer for each task."""

    def __init__(self, tasks: tuple[Task, ...], in_width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linears = nn.ModuleDict({task.name: nn.Linear(in_width, task.n_logits) for task in tasks})

    def forward(self, fused: Tensor) -> tuple[Tensor, ...]:
        """``fused`` [B, in_width] -> a tensor of logits [B, n_logits] for each task, in the order of ``tasks``."""
        return tuple(linear(self.dropout(fused)) for linear in self.linears.values())

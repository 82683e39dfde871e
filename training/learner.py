"""What is optimised: the network with everything that exists for training alone beside it.

A ``Learner`` turns a ``Batch`` into a loss. What only training needs (caption decoder, contrastive projections, the
memory of RGCL, an image tower in the loop) lives here and never in ``MemeFier``, so it can never be exported.
"""

from typing import cast

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from model.network.memefier import MemeFier
from training.examples import Batch, Examples, Inputs, Modalities
from training.losses import multi_task_loss


class LossConfig(BaseModel):
    """Which losses, and how much each weighs; 0 is off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label_smoothing: float = Field(0.0, ge=0, lt=1)


class Learner(nn.Module):
    """A network and the losses it is trained with."""

    def __init__(self, network: MemeFier, losses: LossConfig, image_tower: nn.Module | None = None) -> None:
        super().__init__()
        self.network = network
        self.losses = losses
        self.image_tower = image_tower

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """``loss``, the scalar to minimise, and beside it each weighted term by name."""
        term = multi_task_loss(
            self.logits(batch),
            batch.labels,
            self.network.config.task_list,
            label_sets=batch.label_sets,
            label_smoothing=self.losses.label_smoothing,
        )
        return {"loss": term, "classification": term.detach()}

    def logits(self, batch: Batch) -> tuple[Tensor, ...]:
        """float32 [B, n_logits] a task, in taxonomy order."""
        found = self.network(*self._inputs(batch))
        return tuple(task_logits.float() for task_logits in found)

    def begin_epoch(self, train: Examples, modalities: Modalities, device: object) -> None:
        """Whatever must be renewed before each epoch."""

    def _inputs(self, batch: Batch) -> Inputs:
        if self.image_tower is None or batch.pixels is None:
            return batch.inputs
        return cast(Inputs, (*self.image_tower(batch.pixels), *batch.inputs[2:]))

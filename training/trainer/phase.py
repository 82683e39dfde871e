"""The settings of one phase of training, and what is known after each of its epochs."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["auto", "fp32", "bf16"]
Schedule = Literal["linear", "tenth_at_half"]
#: Settings that change when something is written or prepared, but nothing of what is learnt.
WITHOUT_EFFECT = frozenset({"checkpoint_every_s", "checkpoint_every_steps", "loading_threads"})


class PhaseConfig(BaseModel):
    """One phase of training. An optimiser step is over ``batch_size`` x processes x ``gradient_accumulation`` samples.

    Learning rates are peaks. A rate of 0 freezes that tower for the phase.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(gt=0)
    select_on: str = "hateful"
    """The task whose dev metric picks the epoch that is kept: AUROC, or macro-F1 of a multiclass task."""
    keep: Literal["best", "last"] = "best"
    """``last`` for a phase whose samples are not like the dev set, such as sentences before memes: its best epoch there
    is a matter of luck."""
    patience: int | None = Field(None, gt=0)
    """Stop after so many epochs in a row without a better one."""
    batch_size: int = Field(32, gt=0)
    """Samples a process takes at once."""
    gradient_accumulation: int = Field(1, gt=0)
    """Batches of each process whose gradients make one step."""
    text_tower_lr: float = Field(ge=0, allow_inf_nan=False)
    """A rate of 0 freezes the tower: it is read as it serves, without dropout and in float32, once a text."""
    image_tower_lr: float = Field(0.0, ge=0, allow_inf_nan=False)
    """For an image tower that is tuned in the loop."""
    fusion_lr: float = Field(gt=0, allow_inf_nan=False)
    """For everything that is no tower: fusion, heads and what only the losses need."""
    schedule: Schedule = "linear"
    """``linear``: up over the first tenth of the steps, then down to 0. ``tenth_at_half``: the paper's, a tenth of the
    rate from half time on."""
    weight_decay: float = Field(0.01, ge=0, allow_inf_nan=False)
    decay_vectors: bool = True
    """Whether biases and norms decay too."""
    max_grad_norm: float = Field(1.0, gt=0)
    modality_dropout: float = Field(0.0, ge=0, lt=0.5)
    """Share of rows whose picture is hidden, and as many whose words are."""
    patch_keep: float = Field(1.0, gt=0, le=1)
    """Share of the patch tokens shown at a step (PatchDropout, Liu et al. 2022): faster, and it regularises."""
    precision: Precision = "auto"
    """``bf16`` runs the forward pass in bfloat16; ``auto`` where the device is made for it."""
    checkpoint_every_s: float | None = Field(300.0, gt=0)
    """Beside the checkpoint after each epoch."""
    checkpoint_every_steps: int | None = Field(None, gt=0)
    loading_threads: int = Field(1, ge=0)
    """Threads that prepare batches ahead; 0: none ahead."""


@dataclass(frozen=True)
class EpochResult:
    """After an epoch: mean training loss, its weighted terms by name, and the dev metric of each task.

    ``dev`` holds AUROC (binary; mean over the labels of a multilabel task) or macro-F1 (multiclass), to 4 digits, for
    each task that the dev set has the labels for.
    """

    epoch: int
    loss: float
    dev: dict[str, float]
    terms: dict[str, float] = field(default_factory=dict)

"""The tensors of one training step."""

from dataclasses import dataclass, field, replace
from typing import cast

import torch
from torch import Tensor

Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
#: Fields of a batch that may be None.
_OPTIONAL = ("pixels", "soft_labels", "weights", "label_noise")


@dataclass(frozen=True)
class Batch:
    """What a training step sees of B samples.

    - ``inputs`` are what ``MemeNetwork.forward`` takes.
    - ``labels`` [B, n_tasks] int64 has class indices, ``ABSENT`` where unknown and for multilabel tasks.
    - ``label_sets``: multilabel task -> float [B, C] of 0 and 1, rows of ``ABSENT`` where unknown.
    - ``captions``: token ids and mask, int64 [B, L] each; None when no sample of the batch has a caption.
    - ``pixels`` float32 [B, 3, S, S] when the image tower is trained in the loop; else None.
    - ``soft_labels`` float [B, n_tasks]: a teacher's probabilities for the binary tasks, NaN where it says nothing.
    - ``weights`` float [B]: how much each sample weighs; None where all weigh 1.
    - ``label_noise`` float [B, n_tasks]: how probably a label of a binary task is wrong; None where all are certain.
    - ``rows`` [B] int64: which samples these are, as indices into their ``Examples``.
    """

    inputs: Inputs
    labels: Tensor
    rows: Tensor
    label_sets: dict[str, Tensor] = field(default_factory=dict)
    captions: tuple[Tensor, Tensor] | None = None
    pixels: Tensor | None = None
    soft_labels: Tensor | None = None
    weights: Tensor | None = None
    label_noise: Tensor | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch with every tensor on ``device``."""
        moved = tuple(tensor.to(device) for tensor in self.inputs)
        captions = self.captions and (self.captions[0].to(device), self.captions[1].to(device))
        return replace(
            self,
            inputs=cast(Inputs, moved),
            labels=self.labels.to(device),
            rows=self.rows.to(device),
            label_sets={task: targets.to(device) for task, targets in self.label_sets.items()},
            captions=captions,
            **{name: values.to(device) for name in _OPTIONAL if (values := getattr(self, name)) is not None},
        )

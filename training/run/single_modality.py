"""What a run's network ships as: one that is shown one modality whatever it is given, or one with a memory, or both.

A text-only or image-only run never trains the other modality's path. In a bundle, pictures and words come together, so
the graph itself must close its eyes to one of them.
"""

from dataclasses import replace
from functools import partial

import torch

from model.network.memefier import HeadInputs, MemeNetwork
from model.network.memory import KernelMemory, Remembering
from training.data.modalities import BOTH, Modalities


class Twin(MemeNetwork):
    """Shares every weight with ``network``; takes the same inputs and hides those of the other modality."""

    def __init__(self, network: MemeNetwork, modalities: Modalities) -> None:
        super().__init__(replace(network.parts, look=partial(_hide, modalities)))


def _hide(modalities: Modalities, inputs: HeadInputs) -> HeadInputs:
    zeros = torch.zeros_like
    if not modalities.image:
        inputs = inputs._replace(
            image_embeds=zeros(inputs.image_embeds),
            patch_tokens=zeros(inputs.patch_tokens),
            image_mask=zeros(inputs.image_mask),
        )
    if not modalities.text:
        inputs = inputs._replace(attention_mask=zeros(inputs.attention_mask), tag_mask=zeros(inputs.tag_mask))
    return inputs


def as_shipped(network: MemeNetwork, shown: Modalities, memory: KernelMemory | None) -> MemeNetwork:
    """``network`` for evaluation, hiding what it was never ``shown``, with its memory's votes; shares all weights."""
    seeing = network if shown == BOTH else Twin(network, shown)
    return (seeing if memory is None else Remembering(seeing, memory)).eval()

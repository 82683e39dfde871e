"""A network that is shown one modality whatever it is given: what a text-only or image-only run ships as.

Such a run never trains the other modality's path. In a bundle, pictures and words come together, so the graph itself
must close its eyes to one of them.
"""

import torch
from torch import Tensor, nn

from model.network.fusion import FusedMeme
from model.network.memefier import MemeFier
from training.batch import Modalities


class Twin(MemeFier):
    """Shares every weight with ``network``; takes the same inputs and hides those of the other modality."""

    def __init__(self, network: MemeFier, modalities: Modalities) -> None:
        # Not MemeFier's own: the parts are there already.
        nn.Module.__init__(self)
        self.config, self.widths = network.config, network.widths
        self.text_tower, self.fusion, self.heads = network.text_tower, network.fusion, network.heads
        self.modalities = modalities

    def fuse(
        self,
        image_embeds: Tensor,
        patch_tokens: Tensor,
        image_mask: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        tag_ids: Tensor,
        tag_mask: Tensor,
    ) -> FusedMeme:
        """See ``MemeFier.fuse``."""
        if not self.modalities.image:
            image_embeds, patch_tokens = torch.zeros_like(image_embeds), torch.zeros_like(patch_tokens)
            image_mask = torch.zeros_like(image_mask)
        if not self.modalities.text:
            attention_mask, tag_mask = torch.zeros_like(attention_mask), torch.zeros_like(tag_mask)
        return super().fuse(image_embeds, patch_tokens, image_mask, input_ids, attention_mask, tag_ids, tag_mask)

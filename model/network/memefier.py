"""The network that is trained, and exported as the ``head`` graph: text tower, fusion, classification.

The image tower is a graph of its own: it is frozen, shared by several heads, and its outputs can be cached.
"""

import torch
from torch import Tensor, nn

from model.network.config import NetworkConfig
from model.network.fusion import FeatureWidths, FusedMeme, Fusion, TowerFeatures
from model.network.heads import TaskHeads
from model.network.text_tower import TextTower


class MemeFier(nn.Module):
    """MemeFier (Koutlis et al. 2023), with every part switchable in ``config``.

    Symbols: B batch, P image patch tokens, T text tokens, K tags, Tt tokens of a tag, Di and Dp the widths of the image
    tower's pooled and patch features (``image_width`` and ``patch_width``).
    """

    def __init__(self, config: NetworkConfig, text_tower: TextTower, image_width: int, patch_width: int) -> None:
        super().__init__()
        self.config = config
        self.text_tower = text_tower
        self.widths = FeatureWidths(image_width, patch_width, text_tower.pooled_width, text_tower.token_width)
        self.fusion = Fusion(config, self.widths)
        self.heads = TaskHeads(config)

    def forward(
        self,
        image_embeds: Tensor,
        patch_tokens: Tensor,
        image_mask: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        tag_ids: Tensor,
        tag_mask: Tensor,
    ) -> tuple[Tensor, ...]:
        """Score a batch: one tensor of logits [B, n_logits] a task, in taxonomy order.

        - ``image_embeds`` [B, Di] and ``patch_tokens`` [B, P, Dp], float32, from the image tower.
        - ``image_mask`` [B] int64, 0 where the meme has no picture.
        - ``input_ids`` and ``attention_mask`` [B, T] int64; a row of mask zeros has no text.
        - ``tag_ids`` and ``tag_mask`` [B, K, Tt] int64, K >= 1; a tag of mask zeros is padding. Not read when the
          config has no knowledge.

        Logits do not depend on padding nor on the other rows. A row with neither picture nor text gets finite logits.
        """
        fused = self.fuse(image_embeds, patch_tokens, image_mask, input_ids, attention_mask, tag_ids, tag_mask)
        logits: tuple[Tensor, ...] = self.heads(fused.cls)
        return logits

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
        """What the heads and the caption decoder read; takes what ``forward`` takes."""
        text_embeds, text_tokens = self.text_tower(input_ids, attention_mask)
        tag_embeds = self._embed_tags(tag_ids, tag_mask) if self.config.knowledge else None
        features = TowerFeatures(
            image_embeds=image_embeds,
            patch_tokens=patch_tokens,
            image_mask=image_mask > 0,
            text_embeds=text_embeds,
            text_tokens=text_tokens,
            token_mask=attention_mask > 0,
            tag_embeds=tag_embeds,
            tag_mask=(tag_mask > 0).any(dim=2) if self.config.knowledge else None,
        )
        fused: FusedMeme = self.fusion(features)
        return fused

    def _embed_tags(self, tag_ids: Tensor, tag_mask: Tensor) -> Tensor:
        """[B, K, Tt] twice -> [B, K, Dt]: each tag is a short text of its own to the text tower."""
        embeds, _ = self.text_tower(tag_ids.flatten(0, 1), tag_mask.flatten(0, 1))
        return torch.unflatten(embeds, 0, tag_ids.shape[:2])

"""The network that is trained, and exported as the ``head`` graph: text tower, fusion, classification.

The image tower is a graph of its own: it is frozen, shared by several heads, and its outputs can be cached.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.network.config import NetworkConfig
from model.network.fusion import FeatureWidths, FusedMeme, Fusion, TowerFeatures
from model.network.heads import TaskHeads
from model.network.text_tower import TextTower


class HeadInputs(NamedTuple):
    """A batch as the head is given it.

    Symbols: B batch, P image patch tokens, T text tokens, K tags, Tt tokens of a tag, Di and Dp the widths of the image
    tower's pooled and patch features.
    """

    image_embeds: Tensor  # [B, Di] float32
    patch_tokens: Tensor  # [B, P, Dp] float32
    image_mask: Tensor  # [B] int64, 0 where the meme has no picture
    input_ids: Tensor  # [B, T] int64
    attention_mask: Tensor  # [B, T] int64; a row of zeros has no text
    tag_ids: Tensor  # [B, K, Tt] int64, K >= 1 (of the exported graph 0 too); not read when the config has no knowledge
    tag_mask: Tensor  # [B, K, Tt] int64; a tag of zeros is padding


Look = Callable[[HeadInputs], HeadInputs]


def as_given(inputs: HeadInputs) -> HeadInputs:
    """Look at all of it."""
    return inputs


@dataclass(frozen=True)
class NetworkParts:
    """What a network is made of. ``look`` is what it makes of its inputs before anything reads them."""

    config: NetworkConfig
    widths: FeatureWidths
    text_tower: TextTower
    fusion: Fusion
    heads: TaskHeads
    look: Look = as_given


class MemeNetwork(nn.Module):
    """The way of a batch through the parts of a network: what is trained, measured and exported.

    Its steps are ``look``, ``read`` (the towers) and ``judge`` (fusion and heads). To wrap a network, take its
    ``parts``, with their weights, and change a step. Networks that look and read alike can judge the same features.
    """

    def __init__(self, parts: NetworkParts) -> None:
        super().__init__()
        self.config, self.widths, self.look = parts.config, parts.widths, parts.look
        self.text_tower, self.fusion, self.heads = parts.text_tower, parts.fusion, parts.heads

    @property
    def parts(self) -> NetworkParts:
        """The parts themselves: who takes them shares their weights."""
        return NetworkParts(self.config, self.widths, self.text_tower, self.fusion, self.heads, self.look)

    def on_tower(self, text_tower: TextTower) -> "MemeNetwork":
        """A network that judges as this one does what ``text_tower`` reads; shares every other weight with it."""
        return MemeNetwork(replace(self.parts, text_tower=text_tower))

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
        """Score a batch (``HeadInputs``): one tensor of logits [B, n_logits] a task, in taxonomy order.

        Logits do not depend on padding nor on the other rows. A row with neither picture nor text gets finite logits.
        """
        inputs = self.look(
            HeadInputs(image_embeds, patch_tokens, image_mask, input_ids, attention_mask, tag_ids, tag_mask)
        )
        return self.judge(inputs, self.read(inputs))

    def fuse(self, *inputs: Tensor, **named: Tensor) -> FusedMeme:
        """What the heads and the caption decoder read; takes what ``forward`` takes."""
        fused: FusedMeme = self.fusion(self.read(self.look(HeadInputs(*inputs, **named))))
        return fused

    def judge(self, inputs: HeadInputs, features: TowerFeatures) -> tuple[Tensor, ...]:
        """Logits [B, n_logits] a task, from what was looked at and what the towers read in it."""
        # In training all is computed that ever was, so that dropout draws as it did in the runs of before.
        fused = self.fusion(features).cls if self.training else self.fusion.cls(features)
        logits: tuple[Tensor, ...] = self.heads(fused)
        return logits

    def read(self, inputs: HeadInputs) -> TowerFeatures:
        """Run the text tower over what was looked at; the image tower's features came with it."""
        text_embeds, text_tokens = self.text_tower(inputs.input_ids, inputs.attention_mask)
        knows = self.config.knowledge
        return TowerFeatures(
            image_embeds=inputs.image_embeds,
            patch_tokens=inputs.patch_tokens,
            image_mask=inputs.image_mask > 0,
            text_embeds=text_embeds,
            text_tokens=text_tokens,
            token_mask=inputs.attention_mask > 0,
            tag_embeds=self._embed_tags(inputs.tag_ids, inputs.tag_mask) if knows else None,
            tag_mask=(inputs.tag_mask > 0).any(dim=2) if knows else None,
        )

    def _embed_tags(self, tag_ids: Tensor, tag_mask: Tensor) -> Tensor:
        """[B, K, Tt] twice -> [B, K, Dt]: each tag is a short text of its own to the text tower."""
        embeds, _ = self.text_tower(tag_ids.flatten(0, 1), tag_mask.flatten(0, 1))
        return torch.unflatten(embeds, 0, tag_ids.shape[:2])


class MemeFier(MemeNetwork):
    """MemeFier (Koutlis et al. 2023), with every part switchable in ``config``, around a text tower.

    ``image_width`` and ``patch_width`` are the widths of the image tower's pooled and patch features.
    """

    def __init__(self, config: NetworkConfig, text_tower: TextTower, image_width: int, patch_width: int) -> None:
        widths = FeatureWidths(image_width, patch_width, text_tower.pooled_width, text_tower.token_width)
        super().__init__(NetworkParts(config, widths, text_tower, Fusion(config, widths), TaskHeads(config)))

"""MemeFier's two fusion stages over the features of an image tower and a text tower (Koutlis et al. 2023).

Symbols: B batch, D model width, P image patch tokens, T text tokens, K knowledge tokens (tags); Di, Dp, Dt, Dw the
widths of the towers' pooled image, patch, pooled text and text token features.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import NetworkConfig
from model.network.encoder import Encoder


@dataclass(frozen=True)
class FeatureWidths:
    """Widths of what the towers give: Di, Dp, Dt, Dw."""

    image: int
    patch: int
    text: int
    token: int


class TowerFeatures(NamedTuple):
    """What the towers saw of a batch, and which of it is there.

    The masks are bool, True for what is there. Whatever stands where a mask is False is never read, as long as it is
    finite.
    """

    image_embeds: Tensor  # [B, Di]
    patch_tokens: Tensor  # [B, P, Dp]
    image_mask: Tensor  # [B]
    text_embeds: Tensor  # [B, Dt]
    text_tokens: Tensor  # [B, T, Dw]
    token_mask: Tensor  # [B, T]
    tag_embeds: Tensor | None  # [B, K, Dt]; None when the network takes no knowledge
    tag_mask: Tensor | None  # [B, K]


class FusedMeme(NamedTuple):
    """What fusion makes of a batch.

    ``cls`` is what the heads read; ``patches`` and ``patch_mask`` are for the caption decoder, ``text_embeds`` (as the
    text tower pooled them, before any fusion) for contrastive losses.
    """

    cls: Tensor  # [B, config.fused_width]
    patches: Tensor  # [B, P, D]
    patch_mask: Tensor  # [B, P] bool
    text_embeds: Tensor  # [B, Dt]


class TokenProjection(nn.Module):
    """One token stream to width D: LayerNorm, Linear, Dropout, type embedding, L2 norm."""

    def __init__(self, in_width: int, config: NetworkConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(in_width) if config.input_norm else nn.Identity()
        self.linear = nn.Linear(in_width, config.width)
        self.dropout = nn.Dropout(config.projection_dropout)
        # As wide a scatter as a new Linear gives its outputs: neither side drowns the other under the L2 norm.
        type_embedding = nn.Parameter(torch.randn(config.width) * 0.5) if config.type_embedding else None
        self.type_embedding = type_embedding

    def forward(self, tokens: Tensor) -> Tensor:
        """``tokens`` [B, S, in_width] -> [B, S, D], each token of norm 1."""
        projected: Tensor = self.dropout(self.linear(self.norm(tokens)))
        if self.type_embedding is not None:
            projected = projected + self.type_embedding
        return F.normalize(projected, dim=-1)


class PooledProjection(nn.Module):
    """One pooled vector to width D, or a learned null vector for a modality that is absent."""

    def __init__(self, in_width: int, config: NetworkConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(in_width) if config.input_norm else nn.Identity()
        self.linear = nn.Linear(in_width, config.width)
        self.dropout = nn.Dropout(config.projection_dropout)
        # Ones: multiplied with it, the other modality's tokens keep their direction until training finds better.
        self.null = nn.Parameter(torch.ones(config.width))

    def forward(self, pooled: Tensor, present: Tensor) -> Tensor:
        """``pooled`` [B, in_width]; ``present`` [B] bool -> [B, D], each row of norm 1."""
        projected = self.dropout(self.linear(self.norm(pooled)))
        return F.normalize(torch.where(present[:, None], projected, self.null), dim=-1)


def align(tokens: Tensor, pooled: Tensor, rescale: bool) -> Tensor:
    """Stage 1: each token of one modality times the pooled vector of the other.

    ``tokens`` [B, S, D]; ``pooled`` [B, D] -> [B, S, D], of norm 1 again when ``rescale``.
    """
    product = tokens * pooled[:, None, :]
    return F.normalize(product, dim=-1) if rescale else product


def masked_mean(tokens: Tensor, token_mask: Tensor) -> Tensor:
    """Mean over the tokens that are there; zeros where none is.

    ``tokens`` [B, S, D]; ``token_mask`` [B, S] bool or integer -> [B, D].
    """
    weights = token_mask.to(tokens.dtype)
    return (tokens * weights[:, :, None]).sum(dim=1) / weights.sum(dim=1, keepdim=True).clamp(min=1.0)


class Fusion(nn.Module):
    """Projections, stage 1, stage 2 and the branches beside it; the heads read what comes out."""

    def __init__(self, config: NetworkConfig, widths: FeatureWidths) -> None:
        super().__init__()
        self.config = config
        needs_pooled = config.stage1 or config.pooled_product or config.pooled_concat
        self.pooled_image = PooledProjection(widths.image, config) if needs_pooled else None
        self.pooled_text = PooledProjection(widths.text, config) if needs_pooled else None
        self.patches = TokenProjection(widths.patch, config)
        self.tokens = TokenProjection(widths.token, config)
        self.knowledge = TokenProjection(widths.text, config) if config.knowledge else None
        self.encoder = _encoder(config) if config.stage2 else None
        self.product_mlp = _product_mlp(config) if config.pooled_product else None
        # Puts the two unit vectors on the scale of CLS, which they stand beside.
        self.concat_norm = nn.LayerNorm(2 * config.width) if config.pooled_concat else None

    def forward(self, features: TowerFeatures) -> FusedMeme:
        """Fuse a batch. Shapes are in ``TowerFeatures`` and ``FusedMeme``."""
        found = self._streams(features)
        cls, patches = self._mix(found)
        patch_mask = found.token_mask[:, : patches.shape[1]]
        return FusedMeme(torch.cat([cls, *found.branches], dim=-1), patches, patch_mask, features.text_embeds)

    def cls(self, features: TowerFeatures) -> Tensor:
        """What the heads read of a batch, [B, config.fused_width], as in evaluation; cheaper than ``forward``."""
        found = self._streams(features)
        if self.encoder is None:
            mixed = masked_mean(found.tokens, found.token_mask)
        else:
            mixed = self.encoder.cls(found.tokens, found.token_mask)
        return torch.cat([mixed, *found.branches], dim=-1)

    def _streams(self, features: TowerFeatures) -> "_Streams":
        """Both modalities and the tags, projected, aligned and laid side by side."""
        patches, tokens = self.patches(features.patch_tokens), self.tokens(features.text_tokens)
        patch_mask = features.image_mask[:, None].expand(-1, patches.shape[1])
        branches: list[Tensor] = []
        if self.pooled_image is not None and self.pooled_text is not None:
            image = self.pooled_image(features.image_embeds, features.image_mask)
            text = self.pooled_text(features.text_embeds, features.token_mask.any(dim=1))
            branches = self._pooled_branches(image, text)
            if self.config.stage1:
                patches = align(patches, text, self.config.stage1_rescale)
                tokens = align(tokens, image, self.config.stage1_rescale)
        streams, masks = [patches, tokens], [patch_mask, features.token_mask]
        if self.knowledge is not None:
            if features.tag_embeds is None or features.tag_mask is None:
                raise ValueError("this network takes knowledge tokens: tag_embeds and tag_mask are needed")
            streams.append(self.knowledge(features.tag_embeds))
            masks.append(features.tag_mask)
        return _Streams(torch.cat(streams, dim=1), torch.cat(masks, dim=1), patches, branches)

    def _pooled_branches(self, image: Tensor, text: Tensor) -> list[Tensor]:
        """What stands beside CLS: ``image`` and ``text`` [B, D], pooled, to [B, D] and [B, 2D] as the config has it."""
        branches = []
        if self.product_mlp is not None:
            branches.append(self.product_mlp(F.normalize(image * text, dim=-1)))
        if self.concat_norm is not None:
            branches.append(self.concat_norm(torch.cat([image, text], dim=-1)))
        return branches

    def _mix(self, found: "_Streams") -> tuple[Tensor, Tensor]:
        """Stage 2, or the mean in its place: the fused vector [B, D] and the patches [B, P, D]."""
        if self.encoder is None:
            return masked_mean(found.tokens, found.token_mask), found.patches
        cls, states = self.encoder(found.tokens, found.token_mask)
        return cls, states[:, : found.patches.shape[1]]


class _Streams(NamedTuple):
    """What stage 2 is given: all ``tokens`` [B, S, D], of which ``patches`` [B, P, D] are the first, and branches."""

    tokens: Tensor
    token_mask: Tensor  # [B, S] bool
    patches: Tensor
    branches: list[Tensor]  # each [B, D] or [B, 2D], beside CLS


def _encoder(config: NetworkConfig) -> Encoder:
    return Encoder(
        config.width,
        config.encoder_layers,
        config.encoder_heads,
        config.encoder_ff,
        config.encoder_dropout,
        config.norm_first,
    )


def _product_mlp(config: NetworkConfig) -> nn.Sequential:
    """[B, D] -> [B, D]. The last LayerNorm puts the branch on the scale of CLS, which it stands beside."""
    return nn.Sequential(
        nn.Linear(config.width, config.width),
        nn.ReLU(),
        nn.Dropout(config.projection_dropout),
        nn.Linear(config.width, config.width),
        nn.LayerNorm(config.width),
    )

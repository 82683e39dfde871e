"""Caption supervision: a decoder that must write the caption of a picture from what fusion made of its patches.

Training only. It is a module of its own, so it can never be in the exported graph: the trainer holds it beside the
network and adds ``alpha * caption_loss`` to the classification loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.network.config import DecoderSize


@dataclass(frozen=True)
class _Size:
    width: int
    heads: int
    ff_width: int
    layers: int


# The paper's two decoders.
_SIZES: Mapping[str, _Size] = MappingProxyType(
    {"small": _Size(width=64, heads=4, ff_width=64, layers=1), "large": _Size(256, heads=16, ff_width=256, layers=3)}
)


class CaptionDecoder(nn.Module):
    """A causal Transformer decoder over the caption, with cross-attention to the patches.

    Symbols: B batch, L caption tokens, P patches, D the fusion's width (``patch_width``), V ``vocab_size``.
    A caption has at most ``max_tokens`` tokens. Raises ``ValueError`` for an unknown ``size``.
    """

    def __init__(
        self, size: DecoderSize, patch_width: int, vocab_size: int, max_tokens: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        if size not in _SIZES:
            raise ValueError(f"unknown caption decoder size {size!r}; known sizes: {', '.join(_SIZES)}")
        sizes = _SIZES[size]
        self.patch_projection = nn.Linear(patch_width, sizes.width)
        self.token_embedding = nn.Embedding(vocab_size, sizes.width)
        self.position_embedding = nn.Parameter(torch.randn(max_tokens, sizes.width) * 0.02)
        layer = nn.TransformerDecoderLayer(sizes.width, sizes.heads, sizes.ff_width, dropout, batch_first=True)
        self.decoder = nn.TransformerDecoder(layer, sizes.layers)
        # The embedding is the output layer too: small enough that untrained logits are near zero.
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    def forward(self, patches: Tensor, patch_mask: Tensor, caption_ids: Tensor) -> Tensor:
        """Logits of the token after each caption token.

        ``patches`` [B, P, D] and ``patch_mask`` [B, P] bool, from ``MemeNetwork.fuse``; ``caption_ids`` [B, L] int64
        -> [B, L, V]. The logits at a place depend on the tokens up to it alone, so padding at the end needs no mask.
        A row without a picture gives finite numbers without meaning: leave it out of the loss.
        """
        length = caption_ids.shape[1]
        causal = torch.ones((length, length), dtype=torch.bool, device=caption_ids.device).triu(1)
        # Attention over no key at all is NaN: a row without patches attends to everything.
        absent = ~patch_mask & patch_mask.any(dim=1, keepdim=True)
        states = self.decoder(
            self.token_embedding(caption_ids) + self.position_embedding[:length],
            self.patch_projection(patches),
            tgt_mask=causal,
            memory_key_padding_mask=absent,
        )
        return F.linear(states, self.token_embedding.weight)


def caption_loss(logits: Tensor, caption_ids: Tensor, caption_mask: Tensor) -> Tensor:
    """Mean cross-entropy in nats of each caption token after the first, given those before it.

    ``logits`` [B, L, V] from the decoder for ``caption_ids`` [B, L]; ``caption_mask`` [B, L] int64, 0 at padding and
    in the whole row of a meme without caption or picture -> a scalar, zero when there is nothing to write.
    """
    targets, weights = caption_ids[:, 1:], caption_mask[:, 1:].to(logits.dtype)
    token_losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="none")
    return (token_losses * weights).sum() / weights.sum().clamp(min=1.0)

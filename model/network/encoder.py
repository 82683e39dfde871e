"""A plain Transformer encoder.

It computes what ``nn.TransformerEncoderLayer`` computes (Vaswani et al. 2017), written out because that class leaves
for a fused kernel with nested tensors in evaluation, which neither exports to ONNX nor gives equal numbers to training.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class EncoderLayer(nn.Module):
    """Self-attention and a ReLU feed-forward net, each with a residual and a LayerNorm (after it, or before)."""

    def __init__(self, width: int, heads: int, ff_width: int, dropout: float, norm_first: bool) -> None:
        super().__init__()
        self.heads = heads
        self.dropout_p = dropout
        self.norm_first = norm_first
        self.qkv = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width)
        self.ff_in = nn.Linear(width, ff_width)
        self.ff_out = nn.Linear(ff_width, width)
        self.ff_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.attention_out.bias)

    def forward(self, tokens: Tensor, token_mask: Tensor) -> Tensor:
        """``tokens`` [B, S, D]; ``token_mask`` [B, S] bool, False where a token is padding -> [B, S, D].

        Each row needs at least one True. What comes out at padding places has no meaning.
        """
        return self._layer(tokens, tokens, partial(self._attend, token_mask=token_mask))

    def first(self, tokens: Tensor, token_mask: Tensor) -> Tensor:
        """What ``forward`` gives for the first token in evaluation, [B, D], at a fraction of its cost."""
        return self._layer(tokens, tokens[:, 0], partial(self._attend_first, token_mask=token_mask))

    def _layer(self, tokens: Tensor, kept: Tensor, attend: Callable[[Tensor], Tensor]) -> Tensor:
        """``kept`` are the tokens that the layer is asked about: what they ``attend`` to is among all ``tokens``."""
        if self.norm_first:
            kept = kept + attend(self.attention_norm(tokens))
            return kept + self._feed_forward(self.ff_norm(kept))
        kept = self.attention_norm(kept + attend(tokens))
        normed: Tensor = self.ff_norm(kept + self._feed_forward(kept))
        return normed

    def _attend_first(self, tokens: Tensor, token_mask: Tensor) -> Tensor:
        """[B, S, D] -> [B, D]. One query meets tokens through matrices that it is multiplied with first: no token is
        projected to a key or a value.
        """
        # The exporter keeps what is split, so that who trains on from a bundle finds the weight by its name.
        maps = (part.unflatten(0, (self.heads, -1)) for part in self.qkv.weight.chunk(3))
        query_map, key_map, value_map = maps  # each [H, D/H, D]
        query_bias, _, value_bias = self.qkv.bias.chunk(3)
        query = F.linear(tokens[:, 0], query_map.flatten(0, 1), query_bias).unflatten(-1, (self.heads, -1))
        # The keys' bias adds the same to every token's score, which softmax does not see.
        asked = (query.transpose(0, 1) @ key_map).transpose(0, 1)  # [H, B, D/H] @ [H, D/H, D] -> [B, H, D]
        scores = asked @ tokens.transpose(1, 2) * query.shape[-1] ** -0.5
        weights = scores.masked_fill(~token_mask[:, None, :], -torch.inf).softmax(dim=-1)
        seen = (weights @ tokens).transpose(0, 1) @ value_map.transpose(1, 2)  # [H, B, D] @ [H, D, D/H]
        mixed: Tensor = self.attention_out(seen.transpose(0, 1).flatten(1) + value_bias)
        return mixed

    def _attend(self, tokens: Tensor, token_mask: Tensor) -> Tensor:
        # [B, S, 3D] -> [B, S, 3H, D/H] -> three of [B, H, S, D/H]
        query, key, value = self.qkv(tokens).unflatten(-1, (3 * self.heads, -1)).transpose(1, 2).chunk(3, dim=1)
        attended = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=token_mask[:, None, None, :],
            dropout_p=self.dropout_p if self.training else 0.0,
        )
        mixed: Tensor = self.dropout(self.attention_out(attended.transpose(1, 2).flatten(2)))
        return mixed

    def _feed_forward(self, tokens: Tensor) -> Tensor:
        fed: Tensor = self.dropout(self.ff_out(self.dropout(F.relu(self.ff_in(tokens)))))
        return fed


class Encoder(nn.Module):
    """Encoder layers, led by a learned CLS token."""

    def __init__(self, width: int, layers: int, heads: int, ff_width: int, dropout: float, norm_first: bool) -> None:
        super().__init__()
        # Norm about 1, as the L2-normalised tokens that follow it.
        self.cls_token = nn.Parameter(torch.randn(width) * width**-0.5)
        self.layers = nn.ModuleList(EncoderLayer(width, heads, ff_width, dropout, norm_first) for _ in range(layers))
        # Pre-norm layers leave their sum unnormalised.
        self.final_norm = nn.LayerNorm(width) if norm_first else nn.Identity()

    def forward(self, tokens: Tensor, token_mask: Tensor) -> tuple[Tensor, Tensor]:
        """``tokens`` [B, S, D]; ``token_mask`` [B, S] bool -> the CLS vector [B, D] and the tokens [B, S, D].

        A row without a single True is fine: CLS attends to itself.
        """
        states, mask = self._led(tokens, token_mask)
        for layer in self.layers:
            states = layer(states, mask)
        states = self.final_norm(states)
        return states[:, 0], states[:, 1:]

    def cls(self, tokens: Tensor, token_mask: Tensor) -> Tensor:
        """The CLS vector alone, as in evaluation: what the last layer makes of the other tokens is not computed."""
        states, mask = self._led(tokens, token_mask)
        layers = cast(Sequence[EncoderLayer], self.layers)
        for layer in layers[:-1]:
            states = layer(states, mask)
        normed: Tensor = self.final_norm(layers[-1].first(states, mask))
        return normed

    def _led(self, tokens: Tensor, token_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and mask behind the CLS token."""
        batch_size = tokens.shape[0]
        states = torch.cat([self.cls_token.expand(batch_size, 1, -1), tokens], dim=1)
        cls_mask = torch.ones((batch_size, 1), dtype=torch.bool, device=token_mask.device)
        return states, torch.cat([cls_mask, token_mask], dim=1)

"""A plain Transformer encoder.

It computes what ``nn.TransformerEncoderLayer`` computes (Vaswani et al. 2017), written out because that class leaves
for a fused kernel with nested tensors in evaluation, which neither exports to ONNX nor gives equal numbers to training.
"""

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
        if self.norm_first:
            tokens = tokens + self._attend(self.attention_norm(tokens), token_mask)
            return tokens + self._feed_forward(self.ff_norm(tokens))
        tokens = self.attention_norm(tokens + self._attend(tokens, token_mask))
        normed: Tensor = self.ff_norm(tokens + self._feed_forward(tokens))
        return normed

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
        batch_size = tokens.shape[0]
        states = torch.cat([self.cls_token.expand(batch_size, 1, -1), tokens], dim=1)
        cls_mask = torch.ones((batch_size, 1), dtype=torch.bool, device=token_mask.device)
        mask = torch.cat([cls_mask, token_mask], dim=1)
        for layer in self.layers:
            states = layer(states, mask)
        states = self.final_norm(states)
        return states[:, 0], states[:, 1:]

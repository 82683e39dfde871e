"""Small networks and inputs that the network's tests share."""

from typing import Any

import torch
from torch import Tensor

from model.network.config import NetworkConfig
from model.network.memefier import MemeFier
from model.network.text_tower import BertTextTower

IMAGE_WIDTH, PATCH_WIDTH, VOCABULARY_SIZE = 6, 10, 40


def tiny_bert() -> BertTextTower:
    return BertTextTower.from_config(
        vocab_size=VOCABULARY_SIZE,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )


def tiny_config(**overrides: Any) -> NetworkConfig:
    sizes = {"width": 12, "encoder_layers": 2, "encoder_heads": 3, "encoder_ff": 16}
    return NetworkConfig.from_dict({"tasks": ("hateful", "memotion_sentiment"), **sizes, **overrides})


def tiny_network(seed: int = 0, **overrides: Any) -> MemeFier:
    torch.manual_seed(seed)
    return MemeFier(tiny_config(**overrides), tiny_bert(), IMAGE_WIDTH, PATCH_WIDTH).eval()


def batch(n_rows: int = 3, patches: int = 5, tokens: int = 6, tags: int = 2, tag_tokens: int = 3) -> dict[str, Tensor]:
    """Random inputs of ``MemeNetwork.forward``, with everything present."""
    generator = torch.Generator().manual_seed(n_rows * 100 + tokens)

    def ids(*shape: int) -> Tensor:
        return torch.randint(1, VOCABULARY_SIZE, shape, generator=generator)

    return {
        "image_embeds": torch.randn(n_rows, IMAGE_WIDTH, generator=generator),
        "patch_tokens": torch.randn(n_rows, patches, PATCH_WIDTH, generator=generator) * 5,
        "image_mask": torch.ones(n_rows, dtype=torch.int64),
        "input_ids": ids(n_rows, tokens),
        "attention_mask": torch.ones(n_rows, tokens, dtype=torch.int64),
        "tag_ids": ids(n_rows, tags, tag_tokens),
        "tag_mask": torch.ones(n_rows, tags, tag_tokens, dtype=torch.int64),
    }


def logits(network: MemeFier, inputs: dict[str, Tensor]) -> Tensor:
    """The logits of all tasks side by side, [B, sum of n_logits]."""
    with torch.no_grad():
        return torch.cat(network(**inputs), dim=1)

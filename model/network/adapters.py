"""Residual adapters: small trainable nets behind a frozen tower, which ship and export with it."""

from torch import Tensor, nn

#: The bottleneck is this much narrower than what it reads, as in CLIP-Adapter and MemeCLIP.
_REDUCTION = 4


class ResidualAdapter(nn.Module):
    """``ratio`` of a bottleneck net's output and ``1 - ratio`` of its input (MemeCLIP, Shah et al. 2024).

    The net is theirs: two linear maps without bias, a ReLU behind each. With ratio 0 it is the identity.
    """

    def __init__(self, width: int, ratio: float) -> None:
        super().__init__()
        self.ratio = ratio
        self.down = nn.Linear(width, max(1, width // _REDUCTION), bias=False)
        self.up = nn.Linear(max(1, width // _REDUCTION), width, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """[..., D] -> [..., D]."""
        learned: Tensor = self.up(self.down(features).relu()).relu()
        return self.ratio * learned + (1 - self.ratio) * features


class TowerAdapters(nn.Module):
    """One adapter for what a tower pools and one for its tokens or patches, which may differ in width."""

    def __init__(self, pooled_width: int, token_width: int, ratio: float) -> None:
        super().__init__()
        self.pooled = ResidualAdapter(pooled_width, ratio)
        self.tokens = ResidualAdapter(token_width, ratio)

    def forward(self, pooled: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """``pooled`` [B, Di], ``tokens`` [B, T, Dp] -> the same shapes."""
        return self.pooled(pooled), self.tokens(tokens)


class AdaptableTower(nn.Module):
    """A tower that may end in adapters; without them (the default) it gives what its weights give."""

    def __init__(self) -> None:
        super().__init__()
        self.adapters: TowerAdapters | None = None

    def adapted(self, pooled: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The tower's outputs through its adapters, where it has any."""
        if self.adapters is None:
            return pooled, tokens
        outputs: tuple[Tensor, Tensor] = self.adapters(pooled, tokens)
        return outputs

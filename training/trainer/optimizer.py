"""What a phase optimises, in groups with learning rates of their own, and how the rates run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from training.errors import ConfigError
from training.trainer.learner import Learner
from training.trainer.phase import PhaseConfig


@contextmanager
def frozen_by_rate(learner: Learner, config: PhaseConfig) -> Iterator[None]:
    """Freeze the towers whose rate is 0 while the phase lasts; what was trainable before is so again afterwards."""
    flags = [(parameter, parameter.requires_grad) for parameter in learner.parameters()]
    try:
        for name, tower in _towers(learner).items():
            if not _rate(config, name):
                tower.requires_grad_(False)
        yield
    finally:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)


def make_optimiser(learner: Learner, config: PhaseConfig) -> torch.optim.AdamW:
    """AdamW over what is trainable: fusion and losses, text tower, image tower.

    Raises ``ConfigError`` when a tower has a rate but nothing in it may be trained.
    """
    towers = _towers(learner)
    in_towers = {id(parameter) for tower in towers.values() for parameter in tower.parameters()}
    rest = [parameter for parameter in learner.parameters() if id(parameter) not in in_towers]
    groups = _groups("fusion", rest, config.fusion_lr, config)
    for name, tower in towers.items():
        rate = _rate(config, name)
        if rate and not any(parameter.requires_grad for parameter in tower.parameters()):
            raise ConfigError(
                f"{name}_tower_lr is {rate:g}, but nothing of the {name} tower may be trained: "
                f"set it to 0, or towers.{name}.mode to what is to be tuned"
            )
        if rate:
            groups += _groups(f"{name}_tower", list(tower.parameters()), rate, config)
    # On a CPU the fused step takes a good part less time; on a GPU torch's own choice is fast.
    fused = all(parameter.device.type == "cpu" for group in groups for parameter in group["params"])
    return torch.optim.AdamW(groups, fused=fused or None)


def set_rates(optimiser: torch.optim.Optimizer, config: PhaseConfig, step: int, n_steps: int) -> float:
    """Set every group's rate for step ``step`` of ``n_steps``, counted from 0; returns the share of the peak."""
    share = rate_share(config, step, n_steps)
    for group in optimiser.param_groups:
        group["lr"] = group["peak_lr"] * share
    return share


def rate_share(config: PhaseConfig, step: int, n_steps: int) -> float:
    """Share of the peak learning rate at ``step`` (from 0) of ``n_steps``; see ``PhaseConfig.schedule``."""
    if config.schedule == "tenth_at_half":
        return 1.0 if 2 * step < n_steps else 0.1
    warm_up = max(1, n_steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return max(0.0, (n_steps - step) / max(1, n_steps - warm_up))


def _groups(name: str, parameters: list[nn.Parameter], rate: float, config: PhaseConfig) -> list[dict[str, Any]]:
    """One group, or two when biases and norms (parameters of one dimension) do not decay."""
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    common = {"name": name, "lr": rate, "peak_lr": rate}
    if config.decay_vectors:
        return [{**common, "params": parameters, "weight_decay": config.weight_decay}]
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.ndim <= 1]
    parts = [(matrices, config.weight_decay), (vectors, 0.0)]
    return [{**common, "params": part, "weight_decay": decay} for part, decay in parts if part]


def _towers(learner: Learner) -> dict[str, nn.Module]:
    """An image tower that is an ONNX file has no parameters here."""
    return {"text": learner.network.text_tower, "image": learner.image_tower or nn.Module()}


def _rate(config: PhaseConfig, tower: str) -> float:
    return config.text_tower_lr if tower == "text" else config.image_tower_lr

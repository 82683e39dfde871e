"""Which number format the forward pass of a phase runs in, decided once by what the device is made for."""

from contextlib import AbstractContextManager
from typing import Literal

import torch

from training.errors import ConfigError
from training.trainer.phase import Precision

DecidedPrecision = Literal["fp32", "bf16"]


def decide_precision(wanted: Precision, device: torch.device) -> DecidedPrecision:
    """``auto`` is bf16 on GPUs and processors with bfloat16 arithmetic of their own, and fp32 elsewhere.

    Raises ``ConfigError`` for bf16 on a GPU that could only emulate it.
    """
    if wanted == "auto":
        return "bf16" if _has_bf16(device) else "fp32"
    if wanted == "bf16" and device.type == "cuda" and not _has_bf16(device):
        raise ConfigError(
            f"precision is 'bf16', but {torch.cuda.get_device_name(device)} has no bfloat16 arithmetic: "
            "set precision to 'auto' or 'fp32'"
        )
    return wanted


def autocast(precision: DecidedPrecision, device: torch.device) -> AbstractContextManager[None]:
    """The context that the forward pass runs in; weights and optimiser stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16") or found.get("bf16"))
    return False

"""What the processor can do that decides which engine is the fastest on it."""

import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Processor:
    """Who made it, as "GenuineIntel", and what it can, as Linux says; empty where that is not told."""

    vendor: str = ""
    flags: frozenset[str] = frozenset()

    @property
    def is_openvino_faster(self) -> bool:
        """Whether OpenVINO reads words faster in float32 than onnxruntime: on Intel's with AVX-512.

        onnxruntime is as fast on AMD's with AVX-512, and faster on those without it (docs/results.md).
        """
        return self.vendor == "GenuineIntel" and "avx512f" in self.flags

    @property
    def multiplies_bf16(self) -> bool:
        """Whether it has instructions for products of bfloat16, by tiles or by vectors (AMX, AVX-512 BF16)."""
        return "avx512_bf16" in self.flags or self.has_bf16_tiles

    @property
    def has_bf16_tiles(self) -> bool:
        """Whether it multiplies bfloat16 by tiles (AMX)."""
        return {"amx_bf16", "amx_tile"} <= self.flags

    @property
    def multiplies_int8(self) -> bool:
        """Whether it adds products of 8-bit integers in 32 bits (AVX-512 VNNI), so that no sum of them overflows."""
        return "avx512_vnni" in self.flags


@cache
def this_processor() -> Processor:
    """That of this machine."""
    return read_processor(_CPUINFO) if platform.machine() == "x86_64" else Processor()


def read_processor(cpuinfo: Path) -> Processor:
    """The first core of Linux's ``/proc/cpuinfo``; nothing is known where the file is not there."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return Processor()
    vendor, flags = (_value(lines, name) for name in ("vendor_id", "flags"))
    return Processor(vendor, frozenset(flags.split()))


def _value(lines: list[str], name: str) -> str:
    line = next((line for line in lines if line.startswith(name)), "")
    return line.partition(":")[2].strip()

"""What the processor can do that decides which engine is the fastest on it."""

import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def has_avx512() -> bool:
    """Whether this is an x86-64 processor that computes with 512 bits at once, as Linux says."""
    return platform.machine() == "x86_64" and "avx512f" in features(_CPUINFO)


def features(cpuinfo: Path) -> frozenset[str]:
    """Flags of the first core; none where the file is not there."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())

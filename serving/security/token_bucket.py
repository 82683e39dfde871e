"""Token buckets that all workers of one server share, for the rates of a key.

A bucket holds ``burst`` tokens and fills up with ``count`` tokens in every window. Taking more than a bucket holds puts
it into debt, so that one large request cannot be refused for ever and still pays in full.
"""

import os
import re
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from model.atomic import lock_file

#: BentoML's supervisor gives every worker of a server this folder and empties it at start.
SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_WINDOWS_S = {"s": 1, "min": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"(?P<count>[1-9]\d{0,8})/(?P<unit>s|min|hour|day)(:(?P<burst>[1-9]\d{0,8}))?")
_STATE = struct.Struct("dd")


@dataclass(frozen=True)
class Rate:
    """``count`` tokens in ``window_s`` seconds, at most ``burst`` at once."""

    count: int
    window_s: int
    burst: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read "600/min" or "600/min:50" (at most 50 at once; without it, all 600). Raises ``ValueError``."""
        found = _RATE.fullmatch(text)
        if found is None:
            units = ", ".join(_WINDOWS_S)
            raise ValueError(f"{text!r} is no rate; write COUNT/UNIT or COUNT/UNIT:BURST, UNIT one of {units}")
        count = int(found["count"])
        return cls(count, _WINDOWS_S[found["unit"]], int(found["burst"] or count))

    @property
    def per_second(self) -> float:
        """Tokens that come back in a second."""
        return self.count / self.window_s


@dataclass(frozen=True)
class BucketLevel:
    """A bucket after it was asked: ``wait_s`` is 0 when the tokens were given."""

    tokens: float
    wait_s: float


class TokenBuckets:
    """Buckets by name, of one worker, or of all that share ``folder``: a file of 16 bytes for each bucket there."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._own: dict[str, tuple[float, float]] = {}

    @classmethod
    def of_this_server(cls) -> "TokenBuckets":
        """Shared between the workers where BentoML started several; else this process's own."""
        folder = os.environ.get(SHARED_FOLDER_VARIABLE)
        return cls(Path(folder) if folder else None)

    def take(self, name: str, rate: Rate, tokens: int, *, need: int | None = None) -> BucketLevel:
        """Take ``tokens`` if the bucket holds ``need`` (default: as many, at most a full bucket)."""
        wanted = min(tokens if need is None else need, rate.burst)
        if self._folder is None:
            state, level = _taken(self._own.get(name), rate, tokens, wanted)
            self._own[name] = state
            return level
        return self._take_shared(self._folder / f"rate_{name}.bin", rate, tokens, wanted)

    @staticmethod
    def _take_shared(path: Path, rate: Rate, tokens: int, wanted: int) -> BucketLevel:
        with lock_file(path, mode=0o600) as descriptor:  # held for microseconds, and freed when a worker dies
            stored = os.pread(descriptor, _STATE.size, 0)
            before = _STATE.unpack(stored) if len(stored) == _STATE.size else None
            state, level = _taken(before, rate, tokens, wanted)
            os.pwrite(descriptor, _STATE.pack(*state), 0)
            return level


def _taken(
    before: tuple[float, float] | None, rate: Rate, tokens: int, wanted: int
) -> tuple[tuple[float, float], BucketLevel]:
    """The bucket's next state (tokens, time in seconds since boot, which every process counts alike) and the answer."""
    now = time.monotonic()
    held, at = before or (float(rate.burst), now)
    held = min(rate.burst, held + max(0.0, now - at) * rate.per_second)
    if held < wanted:
        return (held, now), BucketLevel(held, (wanted - held) / rate.per_second)
    return (held - tokens, now), BucketLevel(held - tokens, 0.0)

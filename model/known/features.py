"""Features of a meme: what the towers of a bundle see in it, for whoever asks how like two memes are.

They mean something beside features of the same bundle alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LARGEST_HALF = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class MemeFeatures:
    """What each tower pools of a meme, float32, of no particular length.

    ``image`` [Di] is of the first view of its picture, ``text`` [Dt] the mean over the windows of its words. None where
    the meme has no picture, or no words, or where the head of its bundle keeps what it read to itself.
    """

    image: NDArray[np.float32] | None
    text: NDArray[np.float32] | None


def to_half_bytes(values: NDArray[np.float32] | None) -> bytes | None:
    """A feature as it is kept: little-endian float16."""
    return None if values is None else values.clip(-_LARGEST_HALF, _LARGEST_HALF).astype("<f2").tobytes()


def from_half_bytes(kept: bytes | None) -> NDArray[np.float32] | None:
    """A feature that ``to_half_bytes`` wrote."""
    return None if kept is None else np.frombuffer(kept, dtype="<f2").astype(np.float32)

"""Description of a picture in words: features of words in the space of pictures, so that the two can be compared.

Towers of one open_clip model share that space. For others it takes a projection, which ``python -m
benchmarks.description_search`` trains and measures; that of the bundle that ships lies beside this. A
projection is of one pair of towers, and named by them: a bundle that is trained anew has none until one is made for it.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, shares_space

_PROJECTIONS = Path(__file__).parent
_DIGITS = 12
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Projection:
    """From features of words [Dt] into the space of pictures [Di]: ``weights`` [Dt, Di] and ``bias`` [Di]."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, text: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features [..., Dt] of any length as descriptions [..., Di] of length one."""
        return _unit(_unit(text) @ self.weights + self.bias)

    def write(self, path: Path) -> None:
        """In half precision, which moves a cosine by less than a thousandth."""
        np.savez_compressed(path, weights=self.weights.astype("<f2"), bias=self.bias.astype("<f2"))

    @classmethod
    def read(cls, path: Path) -> "Projection":
        """What ``write`` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["weights"].astype(np.float32), stored["bias"].astype(np.float32))


def projection_path(bundle: Bundle) -> Path:
    """Where the projection of a bundle's towers lies, if there is one."""
    manifest = bundle.manifest
    towers = (manifest.files[name][:_DIGITS] for name in (manifest.image_tower.file, manifest.head.file))
    return _PROJECTIONS / f"{'-'.join(towers)}.npz"


def can_describe(bundle: Bundle) -> bool:
    """Whether a description can be held against pictures."""
    return shares_space(bundle) or (bundle.manifest.head.text_output is not None and projection_path(bundle).is_file())


def description_of(bundle: Bundle, text: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    """Features of words [Dt] in the space of pictures [Di], of length one; None where there is no way there."""
    if text is None or not can_describe(bundle):
        return None
    return _unit(text) if shares_space(bundle) else _read(projection_path(bundle))(text)


@lru_cache(maxsize=2)
def _read(path: Path) -> Projection:
    return Projection.read(path)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(_TINY), dtype=np.float32)

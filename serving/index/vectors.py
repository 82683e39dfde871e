"""Features as an index keeps them: of length one, in float16, so that a product of two is their cosine."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-12


def unit(vector: NDArray[np.floating]) -> NDArray[np.float32]:
    """The vector in its direction with length one; zeros where it has no direction or is not finite."""
    values = np.asarray(vector, dtype=np.float32)
    length = float(np.linalg.norm(values.astype(np.float64)))
    if not np.isfinite(length) or length < _TINY:
        return np.zeros_like(values)
    return (values / np.float32(length)).astype(np.float32)


def to_kept(vector: NDArray[np.floating] | None) -> bytes | None:
    """Little-endian float16 of length one; None for None."""
    return None if vector is None else unit(vector).astype("<f2").tobytes()


def blocks(n_rows: int, rows_at_once: int) -> Iterator[slice]:
    """All rows, some at a time."""
    for start in range(0, n_rows, rows_at_once):
        yield slice(start, min(start + rows_at_once, n_rows))

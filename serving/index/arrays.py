"""Arrays of an index: features and PDQ hashes in .npy files, a row for each item of the input, memory-mapped."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.index.errors import MemeIndexError

IMAGE, TEXT, PDQ, FLAGS = "image_features.npy", "text_features.npy", "pdq.npy", "flags.npy"
PDQ_BYTES = 32
#: Bits of a row's flags: which of its arrays say something.
HAS_IMAGE, HAS_TEXT, HAS_PDQ, HAS_MEME = 1, 2, 4, 8


@dataclass(frozen=True)
class Arrays:
    """``image`` float16 [N, Di], ``text`` float16 [N, Dt], ``pdq`` uint8 [N, 32], ``flags`` uint8 [N].

    None: no such features. Vectors have length one; rows without are zeros, which ``flags`` tell from others.
    """

    image: NDArray[np.float16] | None
    text: NDArray[np.float16] | None
    pdq: NDArray[np.uint8]
    flags: NDArray[np.uint8]

    def flush(self) -> None:
        """Have what was written reach the disk."""
        for array in vars(self).values():
            if isinstance(array, np.memmap):
                array.flush()

    def rows_with(self, flag: int) -> NDArray[np.int64]:
        """Rows that have what ``flag`` stands for, in order."""
        return np.flatnonzero(np.asarray(self.flags) & flag).astype(np.int64)


def create_arrays(folder: Path, n_rows: int, image_width: int | None, text_width: int | None) -> Arrays:
    """Arrays of zeros; what an interrupted run has written stays where the shape is the same."""
    return Arrays(
        _open_or_create(folder / IMAGE, (n_rows, image_width), "<f2") if image_width else None,
        _open_or_create(folder / TEXT, (n_rows, text_width), "<f2") if text_width else None,
        _open_or_create(folder / PDQ, (n_rows, PDQ_BYTES), "u1"),
        _open_or_create(folder / FLAGS, (n_rows,), "u1"),
    )


def open_arrays(folder: Path, n_rows: int, image_width: int | None, text_width: int | None) -> Arrays:
    """Arrays to read; raises ``MemeIndexError`` where a file is gone or is not of this shape."""
    return Arrays(
        _open(folder / IMAGE, (n_rows, image_width), "<f2") if image_width else None,
        _open(folder / TEXT, (n_rows, text_width), "<f2") if text_width else None,
        _open(folder / PDQ, (n_rows, PDQ_BYTES), "u1"),
        _open(folder / FLAGS, (n_rows,), "u1"),
    )


def _open_or_create(path: Path, shape: tuple[int, ...], kind: str) -> Any:
    try:
        found = np.load(path, mmap_mode="r+", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # not there, or its head was not written yet
        found = None
    if found is not None and found.shape == shape and found.dtype == np.dtype(kind):
        return found
    path.unlink(missing_ok=True)
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(kind), shape=shape)


def _open(path: Path, shape: tuple[int, ...], kind: str) -> Any:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise MemeIndexError(f"{path} is gone or damaged: make the index anew") from error
    if found.shape != shape or found.dtype != np.dtype(kind):
        raise MemeIndexError(f"{path} is not of this index: make the index anew")
    return found

"""Hashes packed into 64-bit words, a table of many with their keys, and in how many bits they differ.

Who looks for those near to one looks at each: XOR and ``np.bitwise_count``, in blocks that stay in the processor's
cache. That is exact, and as quick whatever the hashes are like; a key takes 8 bytes beside its hash.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.known.pdq import N_BYTES

_WORD_BYTES = 8
#: Hashes of one step of a scan: what is computed of them stays within a cache.
BLOCK = 1 << 14
_LEAST_ROOM = 1024

Words = NDArray[np.uint64]


class Table(NamedTuple):
    """The first ``n`` columns of ``words`` [W, room] are hashes, and of ``keys`` [room] their keys. Never changed in
    what a reader sees of it: what is added or removed makes another table."""

    words: Words
    keys: NDArray[np.int64]
    n: int

    @classmethod
    def empty(cls, n_bytes: int) -> "Table":
        """For columns of ``n_bytes``."""
        return cls(np.empty((n_bytes // _WORD_BYTES, 0), np.uint64), np.empty(0, np.int64), 0)

    def but(self, keys: NDArray[np.int64]) -> "Table":
        """A copy without those keys; the table itself where none is in it."""
        kept = ~np.isin(self.keys[: self.n], keys)
        n_kept = int(kept.sum())
        if n_kept == self.n:
            return self
        return Table(self.words[:, : self.n][:, kept], self.keys[: self.n][kept], n_kept)

    def and_also(self, words: Words, keys: NDArray[np.int64]) -> "Table":
        """With more hashes behind its own; a reader of the table as it was sees none of them."""
        n = self.n + len(keys)
        table = self if n <= len(self.keys) else self._with_room(max(_LEAST_ROOM, n + n // 8))
        table.words[:, self.n : n], table.keys[self.n : n] = words, keys
        return table._replace(n=n)

    def _with_room(self, room: int) -> "Table":
        words, keys = np.empty((len(self.words), room), np.uint64), np.empty(room, np.int64)
        words[:, : self.n], keys[: self.n] = self.words[:, : self.n], self.keys[: self.n]
        return Table(words, keys, self.n)


def packed(hashes: Sequence[bytes] | NDArray[np.uint8], n_bytes: int = N_BYTES) -> Words:
    """``hashes`` (bytes each, or [N, n_bytes]) as 64-bit words [n_bytes / 8, N]. ``ValueError``: one is of no such
    length."""
    if not isinstance(hashes, np.ndarray):
        wrong = next((one for one in hashes if len(one) != n_bytes), None)
        if wrong is not None:
            raise ValueError(f"a hash has {len(wrong)} bytes; it must have {n_bytes}")
        hashes = np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, n_bytes)
    if hashes.dtype != np.uint8 or hashes.ndim != 2 or hashes.shape[1] != n_bytes:
        raise ValueError(f"hashes are {hashes.dtype} {hashes.shape}; they must be uint8 [N, {n_bytes}]")
    return np.ascontiguousarray(np.ascontiguousarray(hashes).view(np.uint64).T)


def bits_apart(hashes: Sequence[bytes] | NDArray[np.uint8], value: bytes) -> NDArray[np.uint16]:
    """In how many bits each of ``hashes`` (see ``packed``) differs from ``value``, which is as long as each of them."""
    return distances_to(packed(hashes, len(value)), packed([value], len(value))[:, 0])


def distances_to(words: Words, value: Words) -> NDArray[np.uint16]:
    """In how many bits each column of ``words`` [W, N] differs from ``value`` [W]."""
    total: NDArray[np.uint16] = np.bitwise_count(words[0] ^ value[0]).astype(np.uint16)
    for row, own in zip(words[1:], value[1:], strict=True):
        total += np.bitwise_count(row ^ own)
    return total

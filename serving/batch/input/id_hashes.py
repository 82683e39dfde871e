"""Hashes of ids, 16 bytes each: they tell which ids are there twice or missing, without holding a single string."""

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_BYTES = 16
#: Hashes that are compared at once.
_STEP = 1 << 20


def hash_id(id: str) -> bytes:
    """128 bits of an id: among ten million, two would meet once in 10^24 runs."""
    return hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()


class IdHashes:
    """Hashes of ids in the order of the input, until ``sort``."""

    def __init__(self) -> None:
        self._packed = bytearray()

    def __len__(self) -> int:
        return len(self._packed) // _BYTES

    def add(self, id: str) -> None:
        """One more; not after ``sort``."""
        self._packed += hash_id(id)

    def sort(self) -> NDArray[np.bytes_]:
        """All of them in order, in the memory in which they already are."""
        # Text of fixed length is sorted many times faster than pairs of numbers.
        hashes = np.frombuffer(self._packed, dtype=f"S{_BYTES}")
        hashes.sort()
        return hashes


def repeated(ordered: NDArray[np.bytes_]) -> Iterator[bytes]:
    """The hashes that are equal to the one before them."""
    for at in range(1, len(ordered), _STEP):
        part = ordered[at : at + _STEP]
        same = part[part == ordered[at - 1 : at - 1 + len(part)]]
        yield from _split(same)


def positions(ordered: NDArray[np.bytes_], ids: list[str]) -> NDArray[np.int64]:
    """Where some ids are in ``ordered``; -1 for those that are not."""
    wanted = np.array([hash_id(id) for id in ids], dtype=f"S{_BYTES}")
    found = np.searchsorted(ordered, wanted)
    there = found < len(ordered)
    there[there] = ordered[found[there]] == wanted[there]
    return np.where(there, found, -1)


def _split(hashes: NDArray[np.bytes_]) -> Iterator[bytes]:
    packed = hashes.tobytes()
    for at in range(0, len(packed), _BYTES):
        yield packed[at : at + _BYTES]

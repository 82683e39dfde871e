"""PDQ, facebook's perceptual hash of a picture: 256 bits that stay nearly the same when it is altered a little.

Equal bit by bit to the ``pdqhash`` package on x86-64, without a compiler: luminance, a blur of two passes of box
filters along rows and columns ("Jarosz"), 64 x 64 of its pixels, their discrete cosine transform, and for each of its
256 lowest frequencies whether there is more of it than of the median. The method is described in
https://github.com/facebook/ThreatExchange/blob/main/hashing/hashing.pdf.

Float32 sums depend on their order, and each bit on whether a sum is above another. So every sum is added up in the
order of the C++: a box's running sums pixel by pixel (one comes in, one goes out), for many lines at once, and the
products with a cosine by ``add.accumulate``, which adds one after the other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

N_BITS = 256
N_BYTES = N_BITS // 8
#: Below this, facebook advises, a hash says too little of its picture: it is nearly of one colour.
MIN_QUALITY = 50

_SMALLEST_SIDE_PX = 5
_SIDE = 64
_N_FREQUENCIES = 16
_LUMA_THOUSANDTHS = np.array([299, 587, 114], np.float32)
#: Rows or columns that are filtered at once: what bounds the memory beyond one float32 a pixel.
_CHUNK_LINES = 1 << 10


@dataclass(frozen=True)
class Pdq:
    """Hash of a picture. ``hash`` [32 bytes] as ThreatExchange writes it; ``mirrored`` is that of the picture mirrored
    left to right, from the same transform.

    ``quality`` 0 to 100 says how much there is to tell in the picture; see ``MIN_QUALITY``.
    """

    hash: bytes
    quality: int
    mirrored: bytes


def pdq_of(image: Image.Image) -> Pdq:
    """PDQ of the pixels of ``image`` as RGB. Pictures of less than 5 pixels a side have quality 0 and only zeros."""
    pixels = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    if min(pixels.shape[:2]) < _SMALLEST_SIDE_PX:
        return Pdq(bytes(N_BYTES), 0, bytes(N_BYTES))
    small = _luma(pixels) if pixels.shape[:2] == (_SIDE, _SIDE) else _blurred(pixels)
    frequencies = _transformed(small)
    mirrored = frequencies * _MIRROR
    return Pdq(_bits(frequencies), _quality(small), _bits(mirrored))


def mirrored_hash(pdq: bytes) -> bytes:
    """About the hash of the mirrored picture, from the hash alone: every second column of bits turned over.

    It would be exact if the median were 0; ``Pdq.mirrored`` is.
    """
    return bytes(a ^ b for a, b in zip(pdq, _MIRROR_MASK, strict=True))


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luminance [H, W]: thousandths are whole numbers, so that one rounding is all there is, as in ``pdqhash``."""
    thousandths = pixels.reshape(-1, 3).astype(np.float32) @ _LUMA_THOUSANDTHS
    return (thousandths / np.float32(1000)).reshape(pixels.shape[:2])


def _blurred(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luminance at the centres [64, 64] of a grid, after two passes of the box filters along rows, then columns."""
    height, width = pixels.shape[:2]
    blurred = np.empty((height, width), np.float32)
    for rows in _chunks(height):
        blurred[rows] = _box(np.ascontiguousarray(_luma(pixels[rows]).T)).T
    for columns in _chunks(width):
        blurred[:, columns] = _box(blurred[:, columns])
    at = _centres(width)
    narrow = [_box(np.ascontiguousarray(blurred[rows].T), at) for rows in _chunks(height)]
    return _box(np.ascontiguousarray(np.concatenate(narrow, axis=1).T), _centres(height))


def _chunks(n_lines: int) -> list[slice]:
    return [slice(start, start + _CHUNK_LINES) for start in range(0, n_lines, _CHUNK_LINES)]


def _centres(n: int) -> list[int]:
    """Which of ``n`` pixels lie in the middle of each 64th."""
    return [int((at + 0.5) * n / _SIDE) for at in range(_SIDE)]


def _box(lines: NDArray[np.float32], at: Sequence[int] | None = None) -> NDArray[np.float32]:
    """Means of a window that moves along axis 0 of ``lines`` [n, L], narrower at its ends: all of them, or those ``at``
    some places. What enters the window is added before what leaves it is subtracted."""
    n = len(lines)
    window = (n + 2 * _SIDE - 1) // (2 * _SIDE)
    ahead = (window + 2) // 2 - 1  # how many of the window lie after its place
    behind = window - ahead
    places = range(n) if at is None else at
    row_of = {place: row for row, place in enumerate(places)}
    means = np.empty((len(places), lines.shape[1]), np.float32)
    total = np.add.accumulate(lines[:ahead], axis=0)[-1] if ahead else np.zeros(lines.shape[1], np.float32)
    for place in range(places[-1] + 1):
        if place + ahead < n:
            total += lines[place + ahead]
        if place >= behind:
            total -= lines[place - behind]
        if place in row_of:
            size = min(n, place + ahead + 1) - max(0, place - behind + 1)
            np.divide(total, np.float32(size), out=means[row_of[place]])
    return means[[row_of[place] for place in places]] if len(row_of) < len(places) else means


def _quality(small: NDArray[np.float32]) -> int:
    """How many steps of luminance there are between neighbours, at most 100."""
    steps = [np.abs((np.diff(small, axis=axis) * np.float32(100) / np.float32(255)).astype(int)) for axis in (0, 1)]
    return min(100, int(steps[0].sum() + steps[1].sum()) // 90)


def _transformed(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frequencies [16, 16] of rows and columns, without the first, which is the mean."""
    half = np.add.accumulate(_COSINES.T[:, :, None] * small[:, None, :], axis=0)[-1]
    products = half.T[:, :, None] * _COSINES.T[:, None, :]
    result: NDArray[np.float32] = np.add.accumulate(products, axis=0)[-1]
    return result


def _cosines() -> NDArray[np.float32]:
    """Rows 1 to 16 of the matrix [16, 64] of the transform. By ``math``: numpy's own cosine may differ in a bit."""
    scale = float(np.float32(math.sqrt(2 / _SIDE)))
    step = math.pi / 2 / _SIDE
    rows = range(1, _N_FREQUENCIES + 1)
    return np.array([[scale * math.cos(step * i * (2 * j + 1)) for j in range(_SIDE)] for i in rows], np.float32)


def _bits(frequencies: NDArray[np.float32]) -> bytes:
    """A bit for each frequency: whether there is more of it than of the lower median. The last comes first."""
    flat = frequencies.ravel()
    median = np.partition(flat, N_BITS // 2 - 1)[N_BITS // 2 - 1]
    return np.packbits((flat > median)[::-1]).tobytes()


_COSINES = _cosines()
#: Mirrored, cosines of odd order change their sign: they stand in even columns, since the first is left out.
_MIRROR = np.where(np.arange(_N_FREQUENCIES) % 2 == 0, np.float32(-1), np.float32(1))
_MIRROR_MASK = np.packbits(np.tile(_MIRROR < 0, _N_FREQUENCIES)[::-1]).tobytes()

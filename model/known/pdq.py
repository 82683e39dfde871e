"""PDQ, facebook's perceptual hash of a picture: 256 bits that stay nearly the same when it is altered a little.

Equal bit by bit to the ``pdqhash`` package on x86-64, without a compiler: luminance, a blur of two passes of box
filters along rows and columns ("Jarosz"), 64 x 64 of its pixels, their discrete cosine transform, and for each of its
256 lowest frequencies whether there is more of it than of the median. The method is described in
https://github.com/facebook/ThreatExchange/blob/main/hashing/hashing.pdf.

Float32 sums depend on their order, and each bit on whether a sum is above another. So every sum is added up in the
order of the C++: its running sums of a box (add the pixel that comes in, subtract the one that goes out) are
``cumsum`` of both in turn, which numpy adds one after the other, and so are the products with a cosine.
"""

import math
import re
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
_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
#: Pixels that are filtered at once: what bounds the memory beyond one float32 a pixel.
_CHUNK_PIXELS = 1 << 18
_HEX = re.compile(r"[0-9A-Fa-f]{64}")


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


def to_hex(pdq: bytes) -> str:
    """The 64 hexadecimal digits that ThreatExchange writes."""
    return pdq.hex()


def from_hex(text: str) -> bytes:
    """The hash of 64 hexadecimal digits, in either case. Raises ``ValueError`` that says what is wrong with others."""
    if not _HEX.fullmatch(text):
        shown = text if len(text) <= 80 else text[:77] + "..."
        raise ValueError(
            f"{shown!r} is no PDQ hash: that is 64 hexadecimal digits, and these are {len(text)} characters"
        )
    return bytes.fromhex(text)


def mirrored_hash(pdq: bytes) -> bytes:
    """About the hash of the mirrored picture, from the hash alone: every second column of bits turned over.

    It would be exact if the median were 0; ``Pdq.mirrored`` is.
    """
    return bytes(a ^ b for a, b in zip(pdq, _MIRROR_MASK, strict=True))


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luminance [H, W], computed in float64 as ``pdqhash`` does."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    luma: NDArray[np.float32] = (red * _RED + green * _GREEN + blue * _BLUE).astype(np.float32)
    return luma


def _blurred(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luminance at the centres [64, 64] of a grid, after two passes of the box filters along rows, then columns."""
    height, width = pixels.shape[:2]
    blurred = np.empty((height, width), np.float32)
    for rows in _chunks(height, width):
        blurred[rows] = _box(_luma(pixels[rows]))
    for columns in _chunks(width, height):
        blurred[:, columns] = _box(blurred[:, columns].T).T
    at = _centres(width)
    narrow = np.concatenate([_box(blurred[rows], at) for rows in _chunks(height, width)])
    return np.ascontiguousarray(_box(narrow.T, _centres(height)).T)


def _chunks(n_lines: int, n_pixels: int) -> list[slice]:
    step = max(1, _CHUNK_PIXELS // n_pixels)
    return [slice(start, start + step) for start in range(0, n_lines, step)]


def _centres(n: int) -> NDArray[np.intp]:
    """Which of ``n`` pixels lie in the middle of each 64th."""
    return ((np.arange(_SIDE) + 0.5) * n / _SIDE).astype(np.intp)


def _box(lines: NDArray[np.float32], at: NDArray[np.intp] | slice = slice(None)) -> NDArray[np.float32]:
    """Means of a window along each of ``lines`` [L, n], narrower at its ends: all of them, or those ``at`` places."""
    n = lines.shape[1]
    window = (n + 2 * _SIDE - 1) // (2 * _SIDE)
    ahead = (window + 2) // 2 - 1  # pixels of the window that lie after its place
    behind = window - ahead
    # Adding or subtracting the 0 beyond an end changes no bit of a sum.
    turns = np.zeros((lines.shape[0], ahead + 2 * n), np.float32)
    turns[:, :ahead] = lines[:, :ahead]
    turns[:, ahead : 2 * n - ahead : 2] = lines[:, ahead:]
    np.negative(lines[:, : n - behind], out=turns[:, ahead + 1 + 2 * behind :: 2])
    sums = np.cumsum(turns, axis=1, out=turns)[:, ahead + 1 :: 2]
    places = np.arange(n)
    sizes = np.minimum(n, places + ahead + 1) - np.maximum(0, places - behind + 1)
    means: NDArray[np.float32] = sums[:, at] / sizes.astype(np.float32)[at]
    return means


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

"""Header of a BMP, and its run lengths unpacked: Pillow does that a pixel at a time, in Python."""

import struct

from model.errors import MemeError
from model.picture.colour import ColourSpace
from model.picture.containers.base import Container, Encoded, Frame
from model.picture.icc import MAX_PROFILE_BYTES
from model.picture.limits import MemeLimits

#: Sizes that the second header of a BMP has.
HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
_RLE8, _RLE4 = 1, 2
#: How many runs there may be, per limit: they are shorter than other formats' parts.
_RUNS_PER_PART = 2
_EMBEDDED_PROFILE = b"DEBM"
_HIGH, _LOW = bytes(value >> 4 for value in range(256)), bytes(value & 15 for value in range(256))


def parse(data: bytes, limits: MemeLimits) -> Container:
    """Read a BMP's header. Raises ``MemeError`` where it is none, or where pixels or runs are too many."""
    if len(data) < 26 or int.from_bytes(data[14:18], "little") not in HEADER_SIZES:
        raise MemeError("corrupt", "the bytes begin as BMP, but its header is damaged or cut short")
    header_size = data[14]
    if header_size == 12:
        width_px, height_px = struct.unpack_from("<HH", data, 18)
    else:
        width_px, height_px = struct.unpack_from("<ii", data, 18)
    limits.check_size(width_px, abs(height_px))
    size = width_px, abs(height_px)
    compression = int.from_bytes(data[30:34], "little") if header_size >= 40 else 0
    file = data
    if compression in (_RLE8, _RLE4):
        file = _unpacked(data, size, compression, limits)
    return Container("BMP", *size, [Frame(lambda: Encoded("BMP", file), *size)], colour=_colour(data, header_size))


def _colour(data: bytes, header_size: int) -> ColourSpace:
    if header_size != 124 or data[70:74] != _EMBEDDED_PROFILE or len(data) < 138:
        return ColourSpace()
    start, size = struct.unpack_from("<II", data, 126)
    profile = data[14 + start : 14 + start + size] if size <= MAX_PROFILE_BYTES else b""
    return ColourSpace(icc=profile or None)


def _unpacked(data: bytes, size: tuple[int, int], compression: int, limits: MemeLimits) -> bytes:
    """The same picture as a BMP of 8 bits a pixel, without compression."""
    start, n_colours = int.from_bytes(data[10:14], "little"), int.from_bytes(data[46:50], "little")
    n_colours = n_colours or (16 if compression == _RLE4 else 256)
    if len(data) < 54 or n_colours > 256:
        raise MemeError("corrupt", "the bytes begin as BMP, but its header is damaged or cut short")
    palette = data[14 + data[14] :][: 4 * n_colours].ljust(1024, b"\0")
    rows = _rows(data, start, size, compression == _RLE4, limits)
    header = struct.pack("<IiiHHIIIIII", 40, *size, 1, 8, 0, 0, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + header + palette + rows


def _rows(data: bytes, place: int, size: tuple[int, int], is_rle4: bool, limits: MemeLimits) -> bytes:
    """The rows from the bottom up, as far as the runs go. A run that is longer than its row ends with it."""
    width_px, height_px = size
    stride = (width_px + 3) // 4 * 4
    rows = bytearray(stride * height_px)
    x = y = n_runs = 0
    most_runs = limits.max_parts * _RUNS_PER_PART
    while place + 2 <= len(data) and y < height_px:
        n_runs += 1
        if n_runs > most_runs:
            limits.check_parts(n_runs)
        count, value = data[place], data[place + 1]
        place += 2
        if count:
            pixels = _run(value, count, is_rle4)
        elif value > 2:
            n_bytes = (value + 1) // 2 if is_rle4 else value
            pixels = _nibbles(data[place : place + n_bytes])[:value] if is_rle4 else data[place : place + n_bytes]
            place += n_bytes + n_bytes % 2
        elif value == 1:
            return bytes(rows)
        else:
            right, up = (data[place], data[place + 1]) if value == 2 and place + 2 <= len(data) else (-x, 1)
            place, x, y = place + value, x + right, y + up
            continue
        kept = pixels[: max(0, width_px - x)]
        rows[y * stride + x : y * stride + x + len(kept)] = kept
        x += len(pixels)
    if y == 0 and x == 0:
        raise MemeError("corrupt", "the BMP data is cut off before its first row")
    return bytes(rows[: (y + 1) * stride]) if y < height_px else bytes(rows)


def _run(value: int, count: int, is_rle4: bool) -> bytes:
    if not is_rle4:
        return bytes([value]) * count
    return (bytes([value >> 4, value & 15]) * ((count + 1) // 2))[:count]


def _nibbles(packed: bytes) -> bytes:
    """Each byte's two halves, one a byte."""
    halves = bytearray(2 * len(packed))
    halves[::2], halves[1::2] = packed.translate(_HIGH), packed.translate(_LOW)
    return bytes(halves)

"""Walk of a JPEG's segments: counts its scans before one of them is decoded, and leaves all but the pixels behind.

A progressive JPEG is one picture in many passes. Each pass goes over every pixel and may take 42 bytes, so that 99 KB
can keep a decoder busy for a minute and a half.
"""

import re
import struct

from model.errors import MemeError
from model.picture.colour import ColourSpace
from model.picture.containers.base import Container, Encoded, Frame
from model.picture.exif import orientation
from model.picture.limits import SCAN_PIXELS, MemeLimits

_EOI = b"\xff\xd9"
#: A marker that has meaning: neither a stuffed byte, nor a fill byte, nor one that stands alone within a scan.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
#: Huffman and arithmetic tables, quantisation, restart interval, number of lines, JFIF's and Adobe's notes on colour.
_OF_PIXELS = _FRAMES | {0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDA}
_OF_COLOUR = {0xE0: b"JFIF\0", 0xEE: b"Adobe"}
#: Segments of pixels that are not scans: each scan of an ordinary progressive JPEG has four tables at most.
_MAX_TABLES = 4096
#: Quantisation tables (the largest take 129 bytes, and four are in use) are read by Pillow in Python.
_MAX_TABLE_BYTES = 65_536
#: What stands for bytes that are missing, beside nothing: a decoder makes something else of them.
_FILLING = bytes(range(1, 240, 7)) * 128


class _Segments:
    """What one pass over the segments found."""

    def __init__(self, data: bytes, limits: MemeLimits) -> None:
        self.size = (0, 0)
        self.ended = False
        self.exif: bytes | None = None
        self._limits = limits
        self._data = data
        self._kept: list[bytes] = [b"\xff\xd8"]
        self._profile: list[bytes] = []
        self._n_passes = 0
        self._table_bytes = 0
        self._n_tables = 0
        self._noted: set[int] = set()
        self._walk()

    def _walk(self) -> None:
        data, place, n_segments = self._data, 2, 0
        start = 2  # of what is copied as it stands: a scan's data, or the next segment
        while (found := _MARKER.search(data, place)) is not None:
            marker, place = data[found.end() - 1], found.end()
            if marker == 0xD9:
                self._kept.append(data[start : found.start()])
                self.ended = True
                return
            n_segments += 1
            self._limits.check_parts(n_segments)
            length = int.from_bytes(data[place : place + 2], "big")
            body, end = data[place + 2 : place + length], place + length
            if end > len(data):  # cut off within a table or the head of a scan: what is before it can be decoded
                self._kept.append(data[start : found.start()])
                return
            if not self._is_kept(marker, body):
                self._kept.append(data[start : found.start()])
                start = end
            self._note(marker, body)
            place = max(end, place)
        self._kept.append(data[start:])

    def _is_kept(self, marker: int, body: bytes) -> bool:
        """Whether a segment changes the pixels; of the notes on colour the first counts."""
        if marker in _OF_PIXELS:
            self._n_tables += marker != 0xDA
            if self._n_tables > _MAX_TABLES:
                raise MemeError("too_many_parts", f"the JPEG has over {_MAX_TABLES} tables")
            return True
        start = _OF_COLOUR.get(marker)
        if start is None or marker in self._noted or not body.startswith(start):
            return False
        self._noted.add(marker)
        return True

    def _note(self, marker: int, body: bytes) -> None:
        if marker in _FRAMES:
            self._note_frame(marker, body)
        elif marker == 0xDA:
            self._count_scan(body)
        elif marker == 0xDB:
            self._table_bytes += len(body)
            if self._table_bytes > _MAX_TABLE_BYTES:
                raise MemeError("too_many_parts", "the JPEG has thousands of quantisation tables")
        elif marker == 0xE1 and self.exif is None and body.startswith(b"Exif\0\0"):
            self.exif = body
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            self._profile.append(body[12:])

    def _note_frame(self, marker: int, body: bytes) -> None:
        if len(body) < 6 or self.size != (0, 0):
            return
        depth, height_px, width_px = struct.unpack_from(">BHH", body)
        self._limits.check_size(width_px, height_px)
        if depth != 8 or marker in _LOSSLESS:
            kind = "lossless" if marker in _LOSSLESS else f"{depth}-bit"
            raise MemeError("unsupported_format", f"{kind} JPEGs are not read: send the picture as 8-bit JPEG or PNG")
        self.size = width_px, height_px

    def _count_scan(self, body: bytes) -> None:
        self._n_passes += min(body[0], 4) if body else 1
        n_pixels = max(self.size[0] * self.size[1], SCAN_PIXELS)
        if self._n_passes * n_pixels > self._limits.max_scans * SCAN_PIXELS:
            most = self._limits.max_scans * SCAN_PIXELS // n_pixels
            raise MemeError("too_many_scans", f"the JPEG has over {most} scans, the limit for a picture of its size")

    @property
    def profile(self) -> bytes | None:
        """The ICC profile, which may be in several segments; None where one of them is missing."""
        parts = sorted(part for part in self._profile if len(part) > 2)
        complete = bool(parts) and [part[0] for part in parts] == list(range(1, parts[0][1] + 1))
        return b"".join(part[2:] for part in parts) if complete else None

    @property
    def pixels(self) -> bytes:
        """The file without its notes, and without an end."""
        return b"".join(self._kept)

    @property
    def has_scan(self) -> bool:
        """Whether there is anything to decode."""
        return self._n_passes > 0

    @property
    def can_be_decoded_twice(self) -> bool:
        """Whether two passes over all scans are within the limit of one."""
        n_pixels = max(self.size[0] * self.size[1], SCAN_PIXELS)
        return 2 * self._n_passes * n_pixels <= self._limits.max_scans * SCAN_PIXELS


def parse(data: bytes, limits: MemeLimits) -> Container:
    """Walk a JPEG. Raises ``MemeError`` where its scans or segments are too many, or where there is no picture."""
    found = _Segments(data, limits)
    if found.size == (0, 0) or not found.has_scan:
        raise MemeError("corrupt", "the bytes begin as JPEG, but its header is damaged or cut short")
    pixels = found.pixels

    def encoded() -> Encoded:
        is_compared = not found.ended and found.can_be_decoded_twice
        return Encoded("JPEG", pixels + _EOI, pixels + _FILLING + _EOI if is_compared else None)

    return Container(
        "JPEG",
        *found.size,
        [Frame(encoded, *found.size)],
        orientation=1 if found.exif is None else orientation(found.exif),
        colour=ColourSpace(icc=found.profile),
        damage=() if found.ended else ("the JPEG has no end marker: it was cut off",),
    )

"""Walk of a GIF's blocks: its frames, each as a GIF of its own whose palette and size are the frame's.

Frames are found by their headers alone, and no more of them than will be decoded. A GIF of a million frames is a few
bytes a frame, so neither Pillow's ``n_frames`` nor ``seek`` is asked.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from model.errors import MemeError
from model.picture.containers.base import Container, Disposal, Encoded, Frame
from model.picture.limits import MemeLimits

SIGNATURES = (b"GIF87a", b"GIF89a")
_DISPOSALS: dict[int, Disposal] = {2: "clear", 3: "previous", 4: "previous"}
#: How many sub-blocks of 255 bytes a part may be cut into, per limit: GIFs are made of smaller pieces than others.
_BLOCKS_PER_PART = 5


@dataclass(frozen=True)
class _Image:
    """A frame as it stands in the file: its descriptor, colour table, data, and what was said before it."""

    descriptor: tuple[int, int, int, int, int]
    table: bytes
    data: Callable[[], bytes]
    transparent_index: int | None
    disposal: int


class _Blocks:
    """One pass over the blocks."""

    def __init__(self, data: bytes, limits: MemeLimits) -> None:
        self.images: list[_Image] = []
        self.n_started = 0
        self.damage: list[str] = []
        self._data = data
        self._limits = limits
        self._n_blocks = 0
        self._transparent: int | None = None
        self._disposal = 0
        place = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 128 else 0)
        self._table = data[13:place]
        self._walk(place)

    def _walk(self, place: int) -> None:
        data = self._data
        while place < len(data):
            introducer = data[place]
            if introducer == 0x3B or self.n_started > self._limits.max_decoded_frames:
                return
            if introducer == 0x21:
                place = self._extension(place)
            elif introducer == 0x2C:
                place = self._image(place)
            else:  # bytes between blocks, which programs pass over
                self._count()
                place += 1
        self.damage.append("the GIF has no end: it was cut off")

    def _extension(self, place: int) -> int:
        control = self._data[place + 3 : place + 7]
        if self._data[place + 1 : place + 3] == b"\xf9\x04" and len(control) == 4:
            self._transparent = control[3] if control[0] & 1 else None
            self._disposal = control[0] >> 2 & 7
        return self._end_of_blocks(place + 2)

    def _image(self, place: int) -> int:
        data, self.n_started = self._data, self.n_started + 1
        if place + 11 > len(data):
            return len(data)
        flags = data[place + 9]
        start = place + 10 + (3 << ((flags & 7) + 1) if flags & 128 else 0)
        end = self._end_of_blocks(start + 1)
        left, top, width_px, height_px = struct.unpack_from("<HHHH", data, place + 1)
        table = data[place + 10 : start]
        if start + 1 < len(data) and width_px and height_px:
            self.images.append(
                _Image(
                    (left, top, width_px, height_px, flags),
                    table or self._table,
                    lambda: data[start:end],
                    self._transparent,
                    self._disposal,
                )
            )
        self._transparent, self._disposal = None, 0
        return end

    def _end_of_blocks(self, place: int) -> int:
        data, size = self._data, len(self._data)
        start_count = self._n_blocks
        most = self._limits.max_parts * _BLOCKS_PER_PART - start_count
        n_blocks = 0
        while place < size and data[place]:
            place += data[place] + 1
            n_blocks += 1
            if n_blocks > most:
                self._n_blocks += n_blocks
                self._count()
        self._n_blocks += n_blocks
        self._count()
        return min(place + 1, size)

    def _count(self) -> None:
        self._n_blocks += 1
        self._limits.check_parts(self._n_blocks // _BLOCKS_PER_PART)


def parse(data: bytes, limits: MemeLimits) -> Container:
    """Walk a GIF. Raises ``MemeError`` where it holds no frame, or too many pixels or blocks."""
    if len(data) < 13:
        raise MemeError("corrupt", "the bytes begin as GIF, but its header is damaged or cut short")
    found = _Blocks(data, limits)
    if not found.images:
        raise MemeError("corrupt", "the bytes begin as GIF, but no frame follows its header")
    width_px, height_px = struct.unpack_from("<HH", data, 6)
    left, top, *size = found.images[0].descriptor[:4]
    # As in browsers: a canvas smaller than its first frame grows to it; later frames are cut off at its edge.
    width_px, height_px = max(width_px, left + size[0]), max(height_px, top + size[1])
    limits.check_size(width_px, height_px)
    for image in found.images:
        limits.check_size(*image.descriptor[2:4])
    frames = [_frame(image) for image in found.images]
    return Container(
        "GIF",
        width_px,
        height_px,
        frames,
        is_animation=found.n_started > 1 or frames[0].box != (0, 0, width_px, height_px),
        damage=tuple(found.damage),
        n_frames=found.n_started,
    )


def _frame(image: _Image) -> Frame:
    left, top, width_px, height_px, _ = image.descriptor
    return Frame(lambda: _encoded(image), width_px, height_px, left, top, _DISPOSALS.get(image.disposal, "keep"))


def _encoded(image: _Image) -> Encoded:
    """A GIF of one frame at its corner, without transparency: the index that is clear is told beside it."""
    _, _, width_px, height_px, flags = image.descriptor
    n_bits = max(1, (len(image.table) // 3 - 1).bit_length()) if image.table else 0
    table = image.table.ljust(3 << n_bits, b"\0") if n_bits else b""
    screen = struct.pack("<HHBBB", width_px, height_px, 0x80 | n_bits - 1 if n_bits else 0, 0, 0)
    frame = struct.pack("<BHHHHB", 0x2C, 0, 0, width_px, height_px, flags & 0x40)
    file = b"GIF89a" + screen + table + frame + image.data() + b";"
    return Encoded("GIF", file, transparent_index=image.transparent_index)

"""Walk of a PNG's chunks: the default image and the frames of an APNG, each as a PNG of its own.

Text is never unpacked. As libpng does it for browsers, an ancillary chunk of a wrong checksum is passed over; a
critical one is believed, and said to be damaged.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from model.errors import MemeError
from model.picture.colour import ColourSpace
from model.picture.containers.base import Container, Disposal, Encoded, Frame
from model.picture.exif import orientation
from model.picture.icc import MAX_PROFILE_BYTES
from model.picture.limits import MemeLimits

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NAMES = ("PLTE", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "cICP", "eXIf")
_USED = frozenset(name.encode() for name in _NAMES)
_DISPOSALS: tuple[Disposal, ...] = ("keep", "clear", "previous")
_COLOUR_TYPES = (0, 2, 3, 4, 6)


@dataclass
class _Animated:
    """A frame control chunk, with the pieces of data that follow it."""

    control: bytes
    data: list[bytes] = field(default_factory=list)


@dataclass
class _Chunks:
    """What the walk of all chunks found. ``data`` are the pieces of the default image."""

    header: bytes = b""
    used: dict[bytes, bytes] = field(default_factory=dict)
    data: list[bytes] = field(default_factory=list)
    is_animation: bool = False
    animated: list[_Animated] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    animation_is_sound: bool = True
    next_number: int = 0

    @property
    def width_px(self) -> int:
        return int.from_bytes(self.header[:4], "big")

    @property
    def height_px(self) -> int:
        return int.from_bytes(self.header[4:8], "big")

    @property
    def is_grey(self) -> bool:
        return self.header[9] in (0, 4)


def parse(data: bytes, limits: MemeLimits) -> Container:
    """Walk a PNG. Raises ``MemeError`` for a header that is not one, or for too many pixels or chunks."""
    found = _Chunks()
    for kind, body, is_sound in _chunks(data, limits, found.damage):
        if not found.header:
            _check_header(kind, body, limits)
            found.header = body[:13]
        if not is_sound:
            _note_checksum(kind, found)
        if is_sound or not kind[0] & 32 or kind in (b"acTL", b"fcTL", b"fdAT"):
            _note(kind, body, found)
    if not found.header:
        raise MemeError("corrupt", "the bytes begin as PNG, but its header is damaged or cut short")
    return _container(found)


def _chunks(data: bytes, limits: MemeLimits, damage: list[str]) -> Iterator[tuple[bytes, bytes, bool]]:
    """Kind, content and whether the checksum holds, of every chunk; what is wrong with them goes into ``damage``."""
    place, n_chunks = len(SIGNATURE), 0
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if not kind.isalpha():
            damage.append("the PNG is damaged between two chunks")
            return
        n_chunks += 1
        limits.check_parts(n_chunks)
        body = data[place + 8 : place + 8 + length]
        checksum = data[place + 8 + length : place + 12 + length]
        is_complete = len(checksum) == 4
        yield kind, body, not is_complete or int.from_bytes(checksum, "big") == zlib.crc32(body, zlib.crc32(kind))
        if kind == b"IEND":
            return
        place += 12 + length
    damage.append("the PNG has no end: it was cut off")


def _check_header(kind: bytes, body: bytes, limits: MemeLimits) -> None:
    if kind != b"IHDR" or len(body) < 13 or body[9] not in _COLOUR_TYPES:
        raise MemeError("corrupt", "the bytes begin as PNG, but its header is damaged or cut short")
    limits.check_size(*struct.unpack_from(">II", body))


def _note_checksum(kind: bytes, found: _Chunks) -> None:
    note = f"wrong checksum in the PNG's {kind.decode('ascii')}"
    if note not in found.damage and len(found.damage) < 8:
        found.damage.append(note)
    if kind in (b"acTL", b"fcTL", b"fdAT"):
        found.animation_is_sound = False


def _note(kind: bytes, body: bytes, found: _Chunks) -> None:
    has_data = bool(found.data) or any(frame.data for frame in found.animated)
    if kind in _USED:
        if not has_data or kind == b"eXIf":
            found.used.setdefault(kind, body)
    elif kind == b"acTL" and not found.data:
        found.is_animation = len(body) >= 8 and int.from_bytes(body[:4], "big") > 0
    elif kind == b"fcTL" and len(body) >= 26:
        _number(body, found)
        found.animated.append(_Animated(body))
    elif kind == b"fdAT" and found.animated:
        _number(body, found)
        found.animated[-1].data.append(body[4:])
    elif kind == b"IDAT":
        found.data.append(body)


def _number(body: bytes, found: _Chunks) -> None:
    """Frames are numbered; programs that find a number wrong show the default image instead."""
    if int.from_bytes(body[:4], "big") != found.next_number:
        found.animation_is_sound = False
    found.next_number += 1


def _container(found: _Chunks) -> Container:
    still = Frame(lambda: _encoded(found, found.header[:8], found.data), found.width_px, found.height_px)
    frames = _frames(found, still) if found.is_animation else []
    return Container(
        "PNG",
        found.width_px,
        found.height_px,
        frames or [still],
        is_animation=bool(frames),
        also_still=still if frames and not found.animation_is_sound and found.data else None,
        orientation=orientation(found.used.get(b"eXIf", b"")),
        colour=_colour(found),
        damage=tuple(found.damage),
        n_frames=max(1, len(frames)),
        pixel_cost=2 if found.header[8] == 16 else 1,
    )


def _frames(found: _Chunks, still: Frame) -> list[Frame]:
    """The frames that are shown. The default image is the first of them only where a frame control precedes it."""
    frames = []
    for number, animated in enumerate(found.animated):
        width_px, height_px, left, top = struct.unpack_from(">IIII", animated.control, 4)
        fits = 0 < width_px <= found.width_px - left and 0 < height_px <= found.height_px - top
        pieces = animated.data
        if number == 0 and not pieces:
            pieces = found.data
        if not fits or not pieces:
            found.animation_is_sound = False
            continue
        frames.append(
            Frame(
                lambda size=animated.control[4:12], pieces=pieces: _encoded(found, size, pieces),  # type: ignore[misc]
                width_px,
                height_px,
                left,
                top,
                _DISPOSALS[animated.control[24]] if animated.control[24] < 3 else "keep",
                blends=animated.control[25] == 1,
            )
        )
    return frames


def _encoded(found: _Chunks, size: bytes, pieces: list[bytes]) -> Encoded:
    """A PNG of a header, palette, transparency and one chunk of pixels."""
    chunks = [_chunk(b"IHDR", size + found.header[8:13])]
    chunks += [_chunk(kind, found.used[kind]) for kind in (b"PLTE", b"tRNS") if kind in found.used]
    head, data = SIGNATURE + b"".join(chunks), b"".join(pieces)
    return Encoded(
        "PNG",
        head + _chunk(b"IDAT", data) + _chunk(b"IEND", b""),
        unchecked=lambda: head + _chunk(b"IDAT", data[:-4]) + _chunk(b"IEND", b""),
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _colour(found: _Chunks) -> ColourSpace:
    """The colour space of the first of cICP, iCCP, sRGB, gAMA with cHRM that is there: their order in the standard."""
    used = found.used
    code = used.get(b"cICP", b"")
    if len(code) == 4:
        return ColourSpace(primaries_code=code[0], transfer_code=code[1])
    profile = _unpacked(used[b"iCCP"]) if b"iCCP" in used else None
    if profile is not None and (profile[16:20] == b"GRAY") == found.is_grey:
        return ColourSpace(icc=profile)
    if b"sRGB" in used:
        return ColourSpace()
    gamma = int.from_bytes(used.get(b"gAMA", b"")[:4], "big") / 100_000
    points = used.get(b"cHRM", b"")
    primaries = tuple(value / 100_000 for value in struct.unpack(">8I", points)) if len(points) == 32 else None
    return ColourSpace(gamma=gamma or None, primaries=primaries)


def _unpacked(body: bytes) -> bytes | None:
    """An iCCP chunk's profile; None where it is damaged or larger than any profile."""
    name, _, rest = body.partition(b"\0")
    if not 0 < len(name) < 80 or rest[:1] != b"\0":
        return None
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(rest[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return None if unpacker.unconsumed_tail else profile

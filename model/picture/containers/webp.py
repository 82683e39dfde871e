"""Walk of a WebP's chunks: the picture or the frames, each as a WebP of its own that holds nothing but pixels."""

import struct
from collections.abc import Iterator

from model.errors import MemeError
from model.picture.colour import ColourSpace
from model.picture.containers.base import Container, Encoded, Frame
from model.picture.exif import orientation
from model.picture.icc import MAX_PROFILE_BYTES
from model.picture.limits import MemeLimits

_OF_PIXELS = (b"VP8 ", b"VP8L")
_MAX_FILLING = 1 << 16
#: Kind, content, and how many bytes of it are missing.
_Chunk = tuple[bytes, bytes, int]


def parse(data: bytes, limits: MemeLimits) -> Container:
    """Walk a WebP. Raises ``MemeError`` where there is no picture in it, or too many pixels or chunks."""
    chunks = list(_chunks(data, 12, len(data), limits))
    kinds = {kind: body for kind, body, _ in reversed(chunks)}
    extended = kinds.get(b"VP8X", b"")
    animated = [body for kind, body, _ in chunks if kind == b"ANMF"]
    frames = [_animation_frame(body, limits) for body in animated[: limits.max_decoded_frames]]
    shown = [frame for frame in frames if frame is not None]
    is_animation = bool(shown) and len(extended) >= 10
    if is_animation:
        size = (1 + int.from_bytes(extended[4:7], "little"), 1 + int.from_bytes(extended[7:10], "little"))
    else:
        shown = [_still(chunks)]
        size = (shown[0].width_px, shown[0].height_px)
    limits.check_size(*size)
    profile = kinds.get(b"ICCP", b"")
    is_cut = any(missing for *_, missing in chunks)
    return Container(
        "WEBP",
        *size,
        shown,
        is_animation=is_animation,
        orientation=orientation(kinds.get(b"EXIF", b"")),
        colour=ColourSpace(icc=profile if 0 < len(profile) <= MAX_PROFILE_BYTES else None),
        damage=("the WebP was cut off",) if is_cut else (),
        n_frames=max(1, len(animated)),
    )


def _chunks(data: bytes, place: int, end: int, limits: MemeLimits) -> Iterator[_Chunk]:
    n_chunks = 0
    while place + 8 <= end:
        n_chunks += 1
        limits.check_parts(n_chunks)
        kind, length = struct.unpack_from("<4sI", data, place)
        body = data[place + 8 : min(place + 8 + length, end)]
        yield kind, body, length - len(body)
        place += 8 + length + length % 2


def _animation_frame(body: bytes, limits: MemeLimits) -> Frame | None:
    """One frame; None where it is cut off before its pixels begin."""
    if len(body) < 24:
        return None
    left, top, width_px, height_px = (int.from_bytes(body[at : at + 3], "little") for at in (0, 3, 6, 9))
    chunks = list(_chunks(body, 16, len(body), limits))
    limits.check_size(width_px + 1, height_px + 1)
    clears, replaces = body[15] & 1, body[15] & 2
    return Frame(
        lambda: _encoded(chunks),
        width_px + 1,
        height_px + 1,
        2 * left,
        2 * top,
        "clear" if clears else "keep",
        blends=not replaces,
    )


def _still(chunks: list[_Chunk]) -> Frame:
    size = next((_size(kind, body) for kind, body, _ in chunks if kind in _OF_PIXELS), None)
    if size is None:
        raise MemeError("corrupt", "the bytes begin as WebP, but its header is damaged or cut short")
    return Frame(lambda: _encoded(chunks), *size)


def _size(kind: bytes, body: bytes) -> tuple[int, int] | None:
    """The size that a frame's own header says."""
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width_px, height_px = struct.unpack_from("<HH", body, 6)
        return width_px & 0x3FFF, height_px & 0x3FFF
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _encoded(chunks: list[_Chunk]) -> Encoded:
    """A still WebP of the first picture among the chunks, with the alpha before it; missing bytes are filled in."""
    place = next((at for at, chunk in enumerate(chunks) if chunk[0] in _OF_PIXELS), None)
    if place is None:
        return Encoded("WEBP", b"")
    alpha = [chunk for chunk in chunks[:place] if chunk[0] == b"ALPH"][:1] if chunks[place][0] == b"VP8 " else []
    parts = [*alpha, chunks[place]]
    size = _size(*chunks[place][:2]) or (1, 1)
    is_cut = any(missing for *_, missing in parts)
    return Encoded("WEBP", _file(parts, size, 0), _file(parts, size, 0x55) if is_cut else None)


def _file(parts: list[_Chunk], size: tuple[int, int], filling: int) -> bytes:
    chunks = b"".join(_chunk(kind, body + _filled(missing, filling)) for kind, body, missing in parts)
    if len(parts) > 1:
        canvas = b"".join((side_px - 1).to_bytes(3, "little") for side_px in size)
        chunks = _chunk(b"VP8X", b"\x10\0\0\0" + canvas) + chunks
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _filled(missing: int, filling: int) -> bytes:
    """Bytes in the place of missing ones, and more: a decoder that was led astray by them fails where they end."""
    return bytes([filling]) * (min(missing, _MAX_FILLING) + _MAX_FILLING if missing else 0)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

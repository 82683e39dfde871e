"""Picture files as a program writes them, and PNGs and EXIF blocks spelt out byte by byte."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

ORIENTATION = 0x0112  # EXIF's tag


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def gradient(width_px: int = 16, height_px: int = 12) -> Image.Image:
    values = np.arange(width_px * height_px * 3) % 256
    return Image.fromarray(values.reshape(height_px, width_px, 3).astype(np.uint8))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width_px: int, height_px: int, *, depth: int, colour: int, rows: bytes, chunks: bytes = b"") -> bytes:
    """A PNG spelt out by hand; ``rows`` are the raw bytes, a filter byte before each row."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, depth, colour, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + chunks + data + png_chunk(b"IEND", b"")


def exif_block(*entries: tuple[int, int, int, bytes]) -> bytes:
    """An EXIF block of (tag, type, count, four value bytes), valid or not."""
    fields = b"".join(struct.pack("<HHL4s", *entry) for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<LH", 8, len(entries)) + fields + struct.pack("<L", 0)

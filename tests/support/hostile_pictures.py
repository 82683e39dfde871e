"""Pictures made to cost as much as they can within the limits, the worst that we know of each format.

``MAKERS`` has a function of a name; each gives one file. ``tests/unit/model/picture/test_cost.py`` measures smaller
ones of them. Making one takes seconds.
"""

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image

from support.picture_files import encoded, png, png_chunk

#: Sides of a picture of 39.7 megapixels, right below the limit.
SIDE_PX = 6300
_MAX_BYTES = 20 * 1024 * 1024


def jpeg_of_scans(n_scans: int, side_px: int = 5000, mode: str = "L") -> bytes:
    """A progressive JPEG that repeats its last scan: a few bytes each, and each goes over every pixel."""
    data = encoded(Image.new(mode, (side_px, side_px), 90), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xc4")
    return data[:last] + data[last:-2] * n_scans + b"\xff\xd9"


def jpeg_of_interleaved_scans(n_scans: int, side_px: int = 3000) -> bytes:
    """The same with the first scan, which goes over all three components."""
    picture = Image.new("RGB", (side_px, side_px), (90, 10, 200))
    data = encoded(picture, "JPEG", progressive=True, subsampling=0)
    first = data.index(b"\xff\xc4")
    second = data.index(b"\xff\xc4", data.index(b"\xff\xda"))
    return data[:second] + data[first:second] * n_scans + data[second:]


def jpeg_of_segments(n: int, kind: int = 0xE0, body: bytes = b"") -> bytes:
    """A small JPEG behind ``n`` segments of a kind."""
    data = encoded(Image.new("RGB", (64, 64), 90), "JPEG")
    segment = bytes([0xFF, kind]) + struct.pack(">H", len(body) + 2) + body
    return data[:2] + segment * n + data[2:]


@cache
def _noise(mode: str, width_px: int, height_px: int) -> Image.Image:
    rng = np.random.default_rng(7)
    return Image.frombytes(mode, (width_px, height_px), rng.bytes(width_px * height_px * len(mode)))


def jpeg_of_noise(
    progressive: bool = False, mode: str = "RGB", side_px: int = 3000, profile: bytes | None = None
) -> bytes:
    """A JPEG of nothing but noise, as large as its size in bytes allows."""
    options = {"icc_profile": profile} if profile else {}
    return encoded(_noise(mode, side_px, side_px), "JPEG", quality=90, progressive=progressive, **options)


def flat_jpeg(mode: str = "RGB", profile: bytes | None = None, side_px: int = SIDE_PX) -> bytes:
    """A JPEG of one colour, of as many pixels as the limit lets through."""
    options = {"icc_profile": profile} if profile else {}
    return encoded(Image.new(mode, (side_px, side_px), 90), "JPEG", **options)


def cut_jpeg(side_px: int = SIDE_PX, *, progressive: bool = False) -> bytes:
    """A JPEG that lacks its end: it is decoded twice."""
    return encoded(Image.new("RGB", (side_px, side_px), 90), "JPEG", progressive=progressive)[:-40]


def flat_png(
    depth: int = 8, colour: int = 6, side_px: int = SIDE_PX, filter_type: int = 4, chunks: bytes = b""
) -> bytes:
    """A PNG of zeros that unpacks to a thousand times its size, each row by the costliest filter."""
    n_bytes = {0: 1, 2: 3, 4: 2, 6: 4}[colour] * depth // 8
    row = bytes([filter_type]) + bytes(side_px * n_bytes)
    return png(side_px, side_px, depth=depth, colour=colour, rows=row * side_px, chunks=chunks)


def cut_png(side_px: int = SIDE_PX) -> bytes:
    """A PNG that lacks its last rows: it is decoded three times."""
    data = flat_png(side_px=side_px)
    return data[: len(data) - 60]


def interlaced_png(side_px: int = SIDE_PX) -> bytes:
    """A PNG in seven passes."""
    n_bytes = 0
    rows = bytearray()
    for x, y, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        width_px, height_px = -(-(side_px - x) // dx), -(-(side_px - y) // dy)
        n_bytes += width_px * height_px
        rows += (b"\4" + bytes(4 * width_px)) * height_px
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side_px, side_px, 8, 6, 0, 0, 1))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(bytes(rows), 9)) + png_chunk(b"IEND", b"")


def sticker_png(side_px: int = SIDE_PX) -> bytes:
    """White marks on clear ground: both grounds are made of it."""
    picture = Image.new("RGBA", (side_px, side_px), (255, 255, 255, 0))
    picture.paste((255, 255, 255, 255), (100, 100, side_px // 2, 140))
    return encoded(picture, "PNG", compress_level=1)


def png_of_chunks(n: int, kind: bytes = b"IDAT", body: bytes = b"") -> bytes:
    """A small PNG with ``n`` more chunks of a kind behind its header."""
    data = encoded(Image.new("RGB", (64, 64), 90))
    return data[:33] + png_chunk(kind, body) * n + data[33:]


def png_of_packed_profile(n_bytes: int = 1 << 30) -> bytes:
    """A PNG whose profile unpacks to a gigabyte."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(n_bytes >> 20)) + packer.flush()
    return flat_png(side_px=64, chunks=png_chunk(b"iCCP", b"x\0\0" + packed))


def apng(n_frames: int, side_px: int, frame_px: int) -> bytes:
    """An animation of ``n_frames`` on a large canvas, each of another colour."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side_px, side_px, 8, 6, 0, 0, 0))
    parts = [b"\x89PNG\r\n\x1a\n", header, png_chunk(b"acTL", struct.pack(">II", n_frames, 0))]
    first = zlib.compress((b"\0" + bytes(4 * side_px)) * side_px)
    parts += [png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, side_px, side_px, 0, 0, 1, 10, 0, 0))]
    parts += [png_chunk(b"IDAT", first)]
    for index in range(1, n_frames):
        row = b"\0" + bytes([index % 256, index // 256 % 256, 99, 128]) * frame_px
        control = struct.pack(">IIIIIHHBB", 2 * index - 1, frame_px, frame_px, 0, 0, 1, 10, 2, 1)
        parts.append(png_chunk(b"fcTL", control))
        parts.append(png_chunk(b"fdAT", struct.pack(">I", 2 * index) + zlib.compress(row * frame_px)))
    return b"".join(parts) + png_chunk(b"IEND", b"")


def gif_of_tiny_frames(n_frames: int, side_px: int = 4) -> bytes:
    """A GIF of many frames of one pixel, 14 bytes each."""
    still = encoded(Image.new("P", (side_px, side_px)), "GIF")
    return still[:-1] + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0" * n_frames + b";"


def gif_of_frames(n_frames: int, side_px: int) -> bytes:
    """A GIF of many whole frames of noise, no two alike."""
    rng = np.random.default_rng(3)
    frames = [Image.fromarray(rng.integers(0, 256, (side_px, side_px), dtype=np.uint8)) for _ in range(n_frames)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=0)


def gif_of_blocks(n: int) -> bytes:
    """A GIF whose comment is cut into sub-blocks of one byte."""
    still = encoded(Image.new("P", (4, 4)), "GIF")
    return still[:-1] + b"!\xfe" + b"\1a" * n + b"\0;"


def webp_of_noise(*, lossless: bool, side_px: int) -> bytes:
    """A WebP of noise."""
    return encoded(_noise("RGB", side_px, side_px), "WEBP", lossless=lossless, quality=90, method=0)


def flat_webp(side_px: int = SIDE_PX, *, lossless: bool = False) -> bytes:
    """A WebP of one colour, of as many pixels as the limit lets through."""
    return encoded(Image.new("RGBA", (side_px, side_px), (1, 2, 3, 99)), "WEBP", lossless=lossless, method=0)


def webp_of_frames(n_frames: int, side_px: int) -> bytes:
    """An animated WebP: one large canvas and many frames of a few pixels."""
    frame = encoded(Image.new("RGBA", (16, 16), (9, 9, 9, 99)), "WEBP", lossless=True)[12:]
    size = (side_px - 1).to_bytes(3, "little")
    body = bytes(6) + (15).to_bytes(3, "little") * 2 + (0).to_bytes(3, "little") + b"\1" + frame
    chunks = b"VP8X" + struct.pack("<I", 10) + b"\x12\0\0\0" + size * 2 + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    chunks += (b"ANMF" + struct.pack("<I", len(body)) + body) * n_frames
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def bmp_of_runs(run: bytes, n: int, side_px: int = SIDE_PX, *, rle4: bool = False) -> bytes:
    """A BMP of ``n`` runs of some bytes."""
    header = struct.pack("<IiiHHIIIIII", 40, side_px, side_px, 1, 4 if rle4 else 8, 2 if rle4 else 1, 0, 0, 0, 16, 0)
    palette = b"".join(bytes([9 * i, 7 * i, 5 * i, 0]) for i in range(16))
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(palette)) + header + palette + run * n


def lut_profile(space: bytes = b"CMYK", n_inputs: int = 4, grid: int = 17) -> bytes:
    """A profile of a printer: a table of colours on a fine grid."""
    rng = np.random.default_rng(5)
    curves = b"\0" * 2 + b"\xff\xff"
    table = rng.integers(0, 65536, grid**n_inputs * 3).astype(">u2").tobytes()
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft2\0\0\0\0" + bytes([n_inputs, 3, grid, 0]) + identity + struct.pack(">HH", 2, 2)
    lut += curves * n_inputs + table + curves * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    start = 132 + 24
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", start, len(white), b"A2B0", start + len(white), len(lut))
    body = tags + white + lut
    header = struct.pack(">I4sI4s4s4s12s4s", 128 + len(body), b"", 0x02400000, b"prtr", space, b"Lab ", b"", b"acsp")
    return bytes(header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061) + b"\0" * 48 + body)


def avif_of_noise(side_px: int) -> bytes:
    """An AVIF of noise."""
    return encoded(_noise("RGB", side_px, side_px), "AVIF", quality=60, speed=10)


def flat_avif(side_px: int = SIDE_PX) -> bytes:
    """An AVIF of one colour, of as many pixels as the limit lets through."""
    return encoded(Image.new("RGB", (side_px, side_px), 90), "AVIF", speed=10)


def mpo(n: int = 200) -> bytes:
    """A file of many JPEGs one after the other, of which the first is shown."""
    pictures = [Image.new("RGB", (64, 64), index) for index in range(n)]
    return encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:])


def thumbnail_bomb() -> bytes:
    """A JPEG whose EXIF says that it has 65,535 entries of 64 KB each, all in the same place."""
    entries = struct.pack("<HHLL", 0x9000, 7, 60_000, 8) * 5000
    exif = b"Exif\0\0II*\0" + struct.pack("<LH", 8, 65535) + entries
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), 90).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


#: Name of a kind, and what makes its worst file within the limits (or the one that a limit refuses).
MAKERS: dict[str, Callable[[], bytes]] = {
    "jpeg scans, refused": lambda: jpeg_of_scans(1200),
    "jpeg scans, 39 Mpx": lambda: jpeg_of_scans(15, SIDE_PX),
    "jpeg scans, 10 Mpx": lambda: jpeg_of_scans(85, 3160),
    "jpeg interleaved scans": lambda: jpeg_of_interleaved_scans(28),
    "jpeg noise": lambda: jpeg_of_noise(side_px=4200),
    "jpeg noise, progressive": lambda: jpeg_of_noise(progressive=True, side_px=4200),
    "jpeg 39 Mpx": flat_jpeg,
    "jpeg cut, 39 Mpx": cut_jpeg,
    "jpeg cut, progressive, 39 Mpx": lambda: cut_jpeg(progressive=True),
    "jpeg cmyk with a printer's profile": lambda: flat_jpeg("CMYK", lut_profile()),
    "jpeg rgb with a table": lambda: flat_jpeg("RGB", lut_profile(b"RGB ", 3, 33)),
    "jpeg noise cmyk with a printer's profile": lambda: jpeg_of_noise(mode="CMYK", side_px=2400, profile=lut_profile()),
    "jpeg segments": lambda: jpeg_of_segments(5_000_000),
    "jpeg segments within the limit": lambda: jpeg_of_segments(190_000),
    "jpeg quantisation tables": lambda: jpeg_of_segments(300, 0xDB, (b"\0" + b"\1" * 64) * 1000),
    "jpeg exif": thumbnail_bomb,
    "jpeg mpo": mpo,
    "png 39 Mpx": flat_png,
    "png 39 Mpx, 16 bit": lambda: flat_png(16),
    "png interlaced": interlaced_png,
    "png cut": cut_png,
    "png sticker": sticker_png,
    "png gamma": lambda: flat_png(chunks=png_chunk(b"gAMA", struct.pack(">I", 3000))),
    "png primaries": lambda: flat_png(
        chunks=png_chunk(b"gAMA", struct.pack(">I", 100_000))
        + png_chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 30000, 60000, 64000, 33000, 15000, 6000))
    ),
    "png 16 bit grey, gamma": lambda: flat_png(16, 0, chunks=png_chunk(b"gAMA", struct.pack(">I", 3000))),
    "png chunks": lambda: png_of_chunks(1_700_000),
    "png chunks within the limit": lambda: png_of_chunks(190_000),
    "png texts": lambda: png_of_chunks(19, b"zTXt", b"a\0\0" + zlib.compress(bytes(64 << 20))),
    "png profile": png_of_packed_profile,
    "apng small frames, large canvas": lambda: apng(3000, SIDE_PX, 1),
    "apng large frames": lambda: apng(4, SIDE_PX, SIDE_PX),
    "apng middle frames": lambda: apng(100, 1000, 1000),
    "gif tiny frames": lambda: gif_of_tiny_frames(1_390_000),
    "gif noise": lambda: gif_of_frames(60, 500),
    "gif 39 Mpx": lambda: encoded(Image.new("P", (SIDE_PX, SIDE_PX)), "GIF"),
    "gif blocks": lambda: gif_of_blocks(10_000_000),
    "webp noise, lossless": lambda: webp_of_noise(lossless=True, side_px=2600),
    "webp noise": lambda: webp_of_noise(lossless=False, side_px=2800),
    "webp 39 Mpx": flat_webp,
    "webp 39 Mpx, lossless": lambda: flat_webp(lossless=True),
    "webp tiny frames, large canvas": lambda: webp_of_frames(100_000, SIDE_PX),
    "bmp runs of one": lambda: bmp_of_runs(b"\1\2", _MAX_BYTES // 2 - 100),
    "bmp runs of one, within the limit": lambda: bmp_of_runs(b"\1\2", 390_000, 990),
    "bmp runs that go nowhere": lambda: bmp_of_runs(b"\xff\2", 390_000, 1),
    "bmp runs of rle4": lambda: bmp_of_runs(b"\xff\x12", 390_000, rle4=True),
    "bmp absolute rle4": lambda: bmp_of_runs(b"\0\xfe" + bytes(range(127)) + b"\0", 150_000, rle4=True),
    "bmp 24 bit": lambda: encoded(Image.new("RGB", (2600, 2600), 7), "BMP"),
    "avif noise": lambda: avif_of_noise(2500),
    "avif 39 Mpx": flat_avif,
}

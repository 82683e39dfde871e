"""Format of a file, found by its content: never by its name or by what its sender says."""

import re
from collections.abc import Callable

from model.errors import MemeError
from model.picture.containers import bmp, gif, isobmff, jpeg, png, webp
from model.picture.containers.base import Container
from model.picture.limits import MemeLimits

#: Pillow's names of the formats that are read; HEIC needs an extra beside them.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
#: What the errors tell to send.
FORMATS_TEXT = "JPEG, PNG, WebP, GIF or BMP"
#: How far into a file its picture may begin: behind a byte order mark, a blank line, the head of an HTTP chunk.
_MAX_LEADING_BYTES = 1024
_BMP = b"BM.{12}[" + re.escape(bytes(bmp.HEADER_SIZES)) + b"]\\0\\0\\0"
_BEGINNING = re.compile(b"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|" + _BMP, re.DOTALL)
#: Formats that are refused by name, and how they begin.
_REFUSED = {
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"8BPS": "Photoshop",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"%PDF": "PDF",
    b"\0\0\1\0": "ICO",
    b"qoif": "QOI",
}
#: Beginnings of our own formats, of files that end there or are damaged.
_CUT = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF"}
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)

Parse = Callable[[bytes, MemeLimits], Container]
_PARSE: dict[str, Parse] = {
    "PNG": png.parse,
    "JPEG": jpeg.parse,
    "GIF": gif.parse,
    "WEBP": webp.parse,
    "BMP": bmp.parse,
    "AVIF": isobmff.parse_avif,
    "HEIF": isobmff.parse_heic,
}


def parse_of(data: bytes) -> Parse | None:
    """What walks the format that ``data`` begin as; None where they begin as none that is read."""
    return _PARSE.get(_format_at_start(data) or "")


def format_of(data: bytes) -> str | None:
    """The format of a picture, which may begin a little later; None where there is none."""
    return _format_at_start(data) or _format_at_start(after_leading_bytes(data) or b"")


def _format_at_start(data: bytes) -> str | None:
    if data.startswith(png.SIGNATURE):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(gif.SIGNATURES):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in bmp.HEADER_SIZES:
        return "BMP"
    return isobmff.brand(data)


def after_leading_bytes(data: bytes) -> bytes | None:
    """The picture that begins a little later; None where there is none, or where another format holds it."""
    if any(map(data.startswith, _REFUSED)):
        return None
    if data[4:8] != b"ftyp" and data[5:12].find(b"ftyp") >= 0:
        place = data.index(b"ftyp", 5) - 4
        if isobmff.brand(data[place:]) is not None:
            return data[place:]
    found = _BEGINNING.search(data, 1, _MAX_LEADING_BYTES)
    return None if found is None else data[found.start() :]


def refusal(data: bytes) -> MemeError:
    """The error for bytes of a format that is not read, with its name where it has one that we know."""
    for signature, name in _CUT.items():
        if data.startswith(signature):
            return MemeError("corrupt", f"the bytes begin as {name}, but its header is damaged or cut short")
    refused = next((name for signature, name in _REFUSED.items() if data.startswith(signature)), None)
    if refused is None and _SVG.search(data[:4096]):
        refused = "SVG"
    if refused is not None:
        return MemeError("unsupported_format", f"{refused} pictures are not read: send it as a {FORMATS_TEXT} picture")
    return MemeError(
        "unsupported_format", f"the bytes are no {FORMATS_TEXT} picture (they begin with {data[:8].hex(' ')})"
    )

"""EXIF orientation, read as browsers read it: one entry of the first directory, nothing else.

Not Pillow's ``getexif``: it copies every entry of every directory, which a hostile block makes as long as it likes, and
it takes an orientation from XMP, which browsers do not.
"""

import struct
from typing import Final

from PIL import Image

_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_HEADERS: Final = {b"II*\0": "<", b"MM\0*": ">"}

#: What makes a picture of each orientation upright.
_TO_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation(block: bytes) -> int:
    """The orientation (1 to 8) that an EXIF block holds; 1 where it holds none that is valid."""
    tiff = block[6:] if block.startswith(b"Exif\0\0") else block
    order = _HEADERS.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "L", tiff, 4)
        (n_entries,) = struct.unpack_from(order + "H", tiff, start)
        for place in range(start + 2, start + 2 + 12 * n_entries, 12):
            tag, kind, count, value = struct.unpack_from(order + "HHLH", tiff, place)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and count == 1 and 1 <= value <= 8 else 1
    except struct.error:  # the directory is cut short
        return 1
    return 1


def upright(picture: Image.Image, value: int) -> Image.Image:
    """The picture as orientation ``value`` wants it shown."""
    method = _TO_UPRIGHT.get(value)
    return picture if method is None else picture.transpose(method)

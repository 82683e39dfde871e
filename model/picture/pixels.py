"""Decoding of one picture file by Pillow, with an account of the pixels that the file did not have.

A decoder that fails has often written most rows. The file is then decoded once into a black and once into a white
picture: where the two differ, nothing was written. Pillow's own switch for this (``LOAD_TRUNCATED_IMAGES``) is one for
the whole process, and tells nobody.
"""

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageChops, ImageFile

from model.budget import Budget
from model.errors import MemeError
from model.picture.containers.base import Encoded

#: A decoder gets this many bytes at a time; in between the budget is asked. A scan may take 42 bytes.
_BLOCK_BYTES = 4096
#: Rows below which nothing can be read in a picture.
_MIN_ROWS = 8
#: A damaged picture of more pixels is not decoded a second time.
MAX_PIXELS_TWICE = 10_000_000
#: Rows and columns that a JPEG or WebP decodes at once.
_BLOCK_ROWS = 16


@dataclass(frozen=True)
class Decoded:
    """A decoded file, in the mode that its format has. ``missing`` is the share of pixels that it did not have."""

    image: Image.Image
    missing: float = 0.0


class OutOfTimeError(Exception):
    """The budget was spent in the middle of a picture."""


class _WatchedFile(io.BytesIO):
    """Bytes in memory whose reader is stopped when the budget is spent."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        super().__init__(data)
        self._budget = budget

    def read(self, size: int | None = -1, /) -> bytes:
        if self._budget.is_spent:
            raise OutOfTimeError
        return super().read(size)


def decode(encoded: Encoded, size: tuple[int, int], budget: Budget) -> Decoded:
    """Decode one file of ``size``. Raises ``MemeError`` where nothing of it can be seen, or no time is left."""
    try:
        return _decode(encoded, size, budget)
    except OutOfTimeError as error:
        raise MemeError("out_of_time", "the picture was not decoded in the time that it has") from error


def _decode(encoded: Encoded, size: tuple[int, int], budget: Budget) -> Decoded:
    image, missing, error = encoded.decoded, encoded.missing, None
    if image is None:
        image, error = _load(encoded, encoded.file, size, budget)
        if error is not None:
            image, missing = _partly(encoded, image, budget)
            if encoded.unchecked is not None and missing > 0 and image.width * image.height <= MAX_PIXELS_TWICE:
                image, missing = _without_check(encoded, encoded.unchecked(), (image, missing), budget)
        elif encoded.other is not None:
            other, failed = _load(encoded, encoded.other, size, budget)
            missing = 0.0 if failed else missing_from_first_difference(image, other)
    if missing > 0 and (1 - missing) * size[1] < min(_MIN_ROWS, size[1] / 2):
        why = "cut off" if error is None else f"{type(error).__name__}: {error}"
        raise MemeError("corrupt", f"the {encoded.format} data is truncated or damaged before its first rows ({why})")
    return Decoded(_with_transparency(image, encoded.transparent_index), missing)


def _open(encoded: Encoded, file: bytes, size: tuple[int, int], budget: Budget) -> ImageFile.ImageFile:
    """Parse a header that our own walk has seen before. Anything may be raised in it by hostile bytes."""
    try:
        picture = Image.open(_WatchedFile(file, budget), formats=(encoded.format,))
    except OutOfTimeError:
        raise
    except Exception as error:
        raise MemeError("corrupt", f"the {encoded.format}'s header is damaged ({type(error).__name__})") from error
    if picture.size != size:
        raise MemeError("corrupt", f"the {encoded.format} has two sizes, {picture.size} and {size}")
    picture.decodermaxblock = _BLOCK_BYTES if encoded.format == "JPEG" else picture.decodermaxblock
    return picture


def _load(
    encoded: Encoded, file: bytes, size: tuple[int, int], budget: Budget, filled_with: int | None = None
) -> tuple[Image.Image, Exception | None]:
    """The picture as far as it goes, and what its decoder raised."""
    picture = _open(encoded, file, size, budget)
    try:
        if filled_with is not None:
            picture.im = _blank(picture, filled_with).im
        picture.load()
    except (OutOfTimeError, MemoryError):
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and others on bad bytes
        picture.tile = []
        return picture, error
    return picture, None


def _blank(picture: Image.Image, level: int) -> Image.Image:
    if picture.mode.startswith("I"):
        return Image.new(picture.mode, picture.size, level * 257)
    n_bands = len(picture.getbands())
    return Image.new(picture.mode, picture.size, level if n_bands == 1 else (level,) * n_bands)


def _partly(encoded: Encoded, picture: Image.Image, budget: Budget) -> tuple[Image.Image, float]:
    """What a failing decoder wrote, on white, and the share of pixels that it did not. New pictures are black."""
    try:
        picture.load()
        unwritten = _unwritten(encoded, picture, budget)
    except (OutOfTimeError, MemoryError):
        raise
    except Exception:  # a decoder that failed before there was a picture
        return picture, 1.0
    share = unwritten.histogram()[255] / (picture.width * picture.height)
    flat = _with_transparency(picture, encoded.transparent_index)
    if flat.mode == "P":
        flat = flat.convert("RGBA" if flat.has_transparency_data else "RGB")
    if flat.mode == "I;16":
        return flat, share
    flat = flat.copy()
    flat.paste(Image.new("RGB", flat.size, "white").convert(flat.mode), mask=unwritten)
    return flat, share


def _without_check(
    encoded: Encoded, file: bytes, found: tuple[Image.Image, float], budget: Budget
) -> tuple[Image.Image, float]:
    """What the file without its checksum gives, if that is more."""
    unchecked = replace(encoded, file=file)
    image, _ = _load(unchecked, file, found[0].size, budget)
    other = _partly(unchecked, image, budget)
    return min(found, other, key=lambda pair: pair[1])


def _unwritten(encoded: Encoded, picture: Image.Image, budget: Budget) -> Image.Image:
    """A mask of what a decoder did not write. Of large pictures, which cost too much to decode again, the black end."""
    if picture.width * picture.height > MAX_PIXELS_TWICE:
        box = picture.getbbox(alpha_only=False)
        mask = Image.new("L", picture.size, 255)
        mask.paste(0, (0, 0, picture.width, box[3] if box else _MIN_ROWS))
        return mask
    white, _ = _load(encoded, encoded.file, picture.size, budget, 255)
    white.load()
    return _first_band_differs(picture, white)


def _first_band_differs(picture: Image.Image, other: Image.Image) -> Image.Image:
    """A mask of 255 where the first bands differ."""
    if len(picture.getbands()) > 1:
        return ImageChops.difference(picture.getchannel(0), other.getchannel(0)).point([0] + [255] * 255)
    return Image.fromarray(np.where(np.asarray(picture) != np.asarray(other), 255, 0).astype(np.uint8))


def missing_from_first_difference(image: Image.Image, other: Image.Image) -> float:
    """The share of pixels behind the first that is another one in ``other``, in the order of decoding."""
    rgb, other_rgb = image.convert("RGB"), other.convert("RGB")
    box = ImageChops.difference(rgb, other_rgb).getbbox()
    if box is None:
        return 0.0
    width_px, height_px = rgb.size
    # Colour that is stored coarser is smoothed over one or two pixels of the block before.
    top = (box[1] + 2) // _BLOCK_ROWS * _BLOCK_ROWS
    bottom = min(top + _BLOCK_ROWS, height_px)
    row = (0, min(top + 2, height_px - 1), width_px, bottom)
    first = ImageChops.difference(rgb.crop(row), other_rgb.crop(row)).getbbox()
    left = 0 if first is None else (first[0] + 2) // _BLOCK_ROWS * _BLOCK_ROWS
    n_missing = (height_px - bottom) * width_px + (bottom - top) * (width_px - left)
    return n_missing / (width_px * height_px)


def _with_transparency(image: Image.Image, index: int | None) -> Image.Image:
    """The picture with the one colour of its palette that is clear."""
    if index is None or image.mode not in ("P", "L"):
        return image
    rgba = image.convert("RGBA")
    rgba.putalpha(image.point([0 if value == index else 255 for value in range(256)], "L"))
    return rgba

"""Headers of AVIF and HEIC, which share one container: sizes and frames, before a pixel is decoded.

AVIF is read by Pillow's own decoder. HEIC needs pillow-heif, an extra. Both apply the container's own turns and
mirrorings; those in EXIF do not count beside them.
"""

import io
from collections.abc import Callable
from types import ModuleType

from PIL import Image, ImageFile

from model.errors import MemeError
from model.picture.colour import ColourSpace
from model.picture.containers.base import Container, Encoded, Frame
from model.picture.exif import orientation
from model.picture.icc import MAX_PROFILE_BYTES
from model.picture.limits import MemeLimits
from model.picture.pixels import MAX_PIXELS_TWICE, missing_from_first_difference

_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
#: Bytes in the place of missing ones: decoders go on with some and not with others.
_FILLINGS = (0x00, 0xFF, 0x10, 0x80, 0x55, 0xAA, 0x33, 0xC3, 0x7F, 0x01, 0x24, 0x99)
_NCLX = b"colrnclx"


def brand(data: bytes) -> str | None:
    """AVIF or HEIF (as Pillow calls HEIC), by the first brand that is one of theirs; None where there is none."""
    if data[4:8] != b"ftyp":
        return None
    brands = data[8 : max(16, min(int.from_bytes(data[:4], "big"), 256))]
    for at in (0, *range(8, len(brands) - 3, 4)):
        if brands[at : at + 4] in _AVIF_BRANDS:
            return "AVIF"
        if brands[at : at + 4] in _HEIC_BRANDS:
            return "HEIF"
    return None


def parse_avif(data: bytes, limits: MemeLimits) -> Container:
    """Read an AVIF's header. Raises ``MemeError`` where it is none, or where pixels are too many."""
    n_missing = _n_missing(data)
    try:
        picture = _open_avif(data + bytes(n_missing))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MemeError("too_many_pixels", f"the picture is over the limit of {limits.max_pixels} pixels") from error
    except Exception as error:
        raise MemeError("corrupt", "the bytes begin as AVIF, but its header is damaged or cut short") from error
    limits.check_size(*picture.size)
    n_frames = 1 if n_missing else int(getattr(picture, "n_frames", 1))
    frames = [_avif_frame(picture, index) for index in range(min(n_frames, limits.max_decoded_frames))]
    if n_missing:
        frames = [_cut_frame("AVIF", data, n_missing, picture.size, lambda file: _loaded(_open_avif(file)))]
    return Container(
        "AVIF",
        *picture.size,
        frames,
        is_animation=n_frames > 1,
        orientation=orientation(picture.info.get("exif", b"")),
        colour=_colour(data, picture.info.get("icc_profile")),
        damage=("the AVIF was cut off",) if n_missing else (),
        n_frames=n_frames,
        pixel_cost=4,
    )


def _open_avif(file: bytes) -> ImageFile.ImageFile:
    return Image.open(io.BytesIO(file), formats=("AVIF",))


def _loaded(picture: Image.Image) -> Image.Image:
    picture.load()
    return picture


def _avif_frame(picture: ImageFile.ImageFile, index: int) -> Frame:
    def encoded() -> Encoded:
        try:
            picture.seek(index)
            picture.load()
        except Exception as error:  # whatever a decoder raises, it is the bytes' fault
            raise MemeError("corrupt", f"the AVIF data is truncated or damaged ({error})") from error
        return Encoded("AVIF", decoded=picture.copy())

    return Frame(encoded, *picture.size, blends=False)


def parse_heic(data: bytes, limits: MemeLimits) -> Container:
    """Read a HEIC's header. Raises ``MemeError`` where pillow-heif is missing, the bytes are none, or too large."""
    pillow_heif = _pillow_heif()
    n_missing = _n_missing(data)

    def decoded(file: bytes) -> Image.Image:
        image: Image.Image = pillow_heif.open_heif(io.BytesIO(file), convert_hdr_to_8bit=True).to_pillow()
        return image

    try:
        header = pillow_heif.open_heif(io.BytesIO(data + bytes(n_missing)))
        width_px, height_px = header.size
    except Exception as error:
        raise MemeError("corrupt", "the bytes begin as HEIC, but its header is damaged or cut short") from error
    limits.check_size(width_px, height_px)
    return Container(
        "HEIF",
        width_px,
        height_px,
        [_cut_frame("HEIF", data, n_missing, (width_px, height_px), decoded)],
        colour=_colour(data, header.info.get("icc_profile")),
        damage=("the HEIC was cut off",) if n_missing else (),
    )


def _cut_frame(
    name: str, data: bytes, n_missing: int, size: tuple[int, int], decode: Callable[[bytes], Image.Image]
) -> Frame:
    """A frame of a file that may be cut off: some bytes in the place of the missing ones let its decoder go on."""

    def encoded() -> Encoded:
        failed: Exception | None = None
        images, fillings = [], _FILLINGS if n_missing else _FILLINGS[:1]
        for filling in fillings[: 2 if size[0] * size[1] > MAX_PIXELS_TWICE else None]:
            try:
                images.append(decode(data + bytes([filling]) * n_missing))
            except Exception as error:  # whatever a decoder raises, it is the bytes' fault
                failed = error
            if len(images) > (n_missing > 0):
                break
        if len(images) < (2 if n_missing else 1):
            why = "it was cut off" if n_missing else str(failed)
            raise MemeError("corrupt", f"the {name} data cannot be decoded ({why})") from failed
        missing = missing_from_first_difference(*images) if n_missing else 0.0
        return Encoded(name, decoded=images[0], missing=missing)

    return Frame(encoded, *size)


def _pillow_heif() -> ModuleType:
    try:
        import pillow_heif  # noqa: PLC0415 - an extra, which only those need who are sent its format
    except ImportError as error:
        raise MemeError(
            "unsupported_format",
            "HEIC pictures are read with an extra: install memeguard[heif], or send JPEG, PNG, WebP, GIF or BMP",
        ) from error
    module: ModuleType = pillow_heif
    return module


def _colour(data: bytes, profile: bytes | None) -> ColourSpace:
    """The profile, or the codes that stand in its place."""
    if profile and len(profile) <= MAX_PROFILE_BYTES:
        return ColourSpace(icc=profile)
    place = data.find(_NCLX, 0, 1 << 16)
    codes = data[place + len(_NCLX) :][:4] if place >= 0 else b""
    if len(codes) < 4:
        return ColourSpace()
    return ColourSpace(primaries_code=codes[1], transfer_code=codes[3])


def _n_missing(data: bytes) -> int:
    """How many bytes the last box says that there are, and has not."""
    place = 0
    for _ in range(64):
        size = int.from_bytes(data[place : place + 4], "big")
        if place + 8 > len(data) or size < 8:  # the end; a size of 64 bits, or the rest of the file
            break
        place += size
    return min(max(0, place - len(data)), len(data))

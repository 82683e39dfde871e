"""Headers of AVIF and HEIC, which share one container: sizes and frames, before a pixel is decoded.

AVIF is read by Pillow's own decoder. HEIC needs pillow-heif, an extra. Both apply the container's own turns and
mirrorings; those in EXIF do not count beside them.
"""

import io
from types import ModuleType

from PIL import Image, ImageFile

from model.errors import MemeError
from model.picture.colour import ColourSpace
from model.picture.containers.base import Container, Encoded, Frame
from model.picture.exif import orientation
from model.picture.icc import MAX_PROFILE_BYTES
from model.picture.limits import MemeLimits

_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_NCLX = b"colrnclx"


def brand(data: bytes) -> str | None:
    """ "AVIF", "HEIC", or None: by the first brand of the file that is one of theirs."""
    if data[4:8] != b"ftyp":
        return None
    brands = data[8 : max(16, min(int.from_bytes(data[:4], "big"), 256))]
    for at in (0, *range(8, len(brands) - 3, 4)):
        if brands[at : at + 4] in _AVIF_BRANDS:
            return "AVIF"
        if brands[at : at + 4] in _HEIC_BRANDS:
            return "HEIC"
    return None


def parse_avif(data: bytes, limits: MemeLimits) -> Container:
    """Read an AVIF's header. Raises ``MemeError`` where it is none, or where pixels are too many."""
    complete = _filled(data)
    try:
        picture = Image.open(io.BytesIO(complete), formats=("AVIF",))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MemeError("too_many_pixels", f"the picture is over the limit of {limits.max_pixels} pixels") from error
    except Exception as error:
        raise MemeError("corrupt", f"the bytes begin as AVIF, but its header is damaged ({error})") from error
    limits.check_size(*picture.size)
    n_frames = int(getattr(picture, "n_frames", 1))
    frames = [_avif_frame(picture, index) for index in range(min(n_frames, limits.max_decoded_frames))]
    return Container(
        "AVIF",
        *picture.size,
        frames,
        is_animation=n_frames > 1,
        orientation=orientation(picture.info.get("exif", b"")),
        colour=_colour(data, picture.info.get("icc_profile")),
        damage=("the AVIF was cut off",) if len(complete) > len(data) else (),
        not_seen="what was cut off" if len(complete) > len(data) else None,
        n_frames=n_frames,
        pixel_cost=4,
    )


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
    try:
        file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
        width_px, height_px = file.size
    except Exception as error:
        raise MemeError("corrupt", f"the bytes begin as HEIC, but its header is damaged ({error})") from error
    limits.check_size(width_px, height_px)

    def encoded() -> Encoded:
        try:
            image: Image.Image = file.to_pillow()
        except Exception as error:
            raise MemeError("corrupt", f"the HEIC data is truncated or damaged ({error})") from error
        return Encoded("HEIF", decoded=image)

    frame = Frame(encoded, width_px, height_px)
    return Container("HEIF", width_px, height_px, [frame], colour=_colour(data, file.info.get("icc_profile")))


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


def _filled(data: bytes) -> bytes:
    """The file, with zeros in the place of what its last box says and has not."""
    place = 0
    for _ in range(64):
        if place + 8 > len(data):
            return data
        size = int.from_bytes(data[place : place + 4], "big")
        if size < 8:  # the rest of the file, or a size of 64 bits
            return data
        place += size
        if place > len(data):
            return data + bytes(min(place - len(data), len(data)))
    return data

"""The first door: untrusted bytes become a ``Meme``, or one typed error that says what was wrong.

The format is found by content, never by name or header. Size limits are checked before any pixel is decoded.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from model.budget import DEFAULT_WORK_S, Budget
from model.errors import MemeError
from model.text.characters import is_visible

#: Pillow's names of the formats we read. AVIF, TIFF, SVG and the rest are refused by name.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
_FORMATS_TEXT = "JPEG, PNG, WebP, GIF or BMP"
#: How our formats begin. BMP's two letters are left out: plain text begins so too.
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF"}
#: Transparent pictures are judged as most pages show them.
_BACKGROUND = (255, 255, 255)
#: What makes a picture of each EXIF orientation upright.
_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class MemeLimits:
    """What is refused before decoding. ``max_pixels`` may not exceed Pillow's own decompression-bomb bound."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 40_000_000
    max_text_chars: int = 10_000
    max_tags: int = 8
    max_tag_chars: int = 100
    #: Seconds of one thread that decoding a picture and reading its words may take together.
    max_work_s: float = DEFAULT_WORK_S

    def __post_init__(self) -> None:
        pillow_bound = Image.MAX_IMAGE_PIXELS or 0
        if not 0 < self.max_pixels <= pillow_bound:
            raise ValueError(f"max_pixels must be between 1 and {pillow_bound}, got {self.max_pixels}")


DEFAULT_LIMITS = MemeLimits()


#: What lies behind the clear parts of a picture.
Ground = Literal["light", "dark"]


@dataclass(frozen=True, eq=False)
class View:
    """One thing that people are shown of a picture: a frame of an animation, or its clear parts on another ground.

    ``frame`` counts from 0 and is None for a picture of one frame; ``ground`` is None where nothing is clear, or where
    the ground makes no difference.
    """

    image: Image.Image = field(repr=False)
    frame: int | None = None
    ground: Ground | None = None


@dataclass(frozen=True, eq=False)
class Meme:
    """A picture, upright, in RGB, with what the caller knows about it. ``image`` None: words without a picture.

    ``text`` is the overlaid text when the caller has it, None when it must be read from the picture. ``tags`` are
    short strings (entities, hashtags, template name) that become knowledge tokens. ``digest`` is the sha256 of the
    picture's bytes, or of the words where they stand alone.

    ``views`` are all that is to be judged, the first of them ``image``; empty where that is all. ``n_frames`` is how
    many frames the file says or was seen to have. ``damage`` says what was wrong with bytes whose picture is whole;
    ``not_seen`` what people are shown of it and no view holds (frames beyond a bound), None where there is nothing.
    """

    image: Image.Image | None = field(repr=False)
    digest: str
    text: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)
    id: str | None = None
    source_format: str = "unknown"
    is_animated: bool = False
    views: tuple[View, ...] = field(default=(), repr=False)
    n_frames: int = 1
    damage: str | None = None
    not_seen: str | None = None

    @property
    def shown(self) -> tuple[View, ...]:
        """Every view; none of words alone."""
        return self.views or (() if self.image is None else (View(self.image),))

    @property
    def picture(self) -> Image.Image:
        """``image`` of a meme that was made of a picture; raises ``ValueError`` for words alone."""
        if self.image is None:
            raise ValueError("this meme has no picture")
        return self.image

    @classmethod
    def from_text(
        cls, text: str, *, tags: Sequence[str] = (), id: str | None = None, limits: MemeLimits = DEFAULT_LIMITS
    ) -> "Meme":
        """Words that stand alone, such as a comment. Raises ``MemeError`` when they or the tags are refused."""
        words = _checked_text(text, limits) or ""
        digest = hashlib.sha256(words.encode()).hexdigest()
        return cls(None, digest, words, _checked_tags(tags, limits), id)

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        *,
        text: str | None = None,
        tags: Sequence[str] = (),
        id: str | None = None,
        limits: MemeLimits = DEFAULT_LIMITS,
        budget: Budget | None = None,
    ) -> "Meme":
        """Decode ``data`` within ``budget``. A ``text`` without a visible character counts as not given: the picture
        is then read.

        Raises ``MemeError``, and nothing else, for whatever the bytes, text or tags hold.
        """
        words = _checked_text(text, limits)
        checked_tags = _checked_tags(tags, limits)
        picture = _open(data, limits)
        return cls(
            image=_decode(picture),
            digest=hashlib.sha256(data).hexdigest(),
            text=words,
            tags=checked_tags,
            id=id,
            source_format=picture.format or "unknown",
            is_animated=_is_animated(picture),
        )

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        text: str | None = None,
        tags: Sequence[str] = (),
        id: str | None = None,
        limits: MemeLimits = DEFAULT_LIMITS,
    ) -> "Meme":
        """Read and decode a file; a file that cannot be read raises ``MemeError`` with code ``unreadable_file``."""
        return cls.from_bytes(_read(Path(path), limits), text=text, tags=tags, id=id, limits=limits)


def _read(path: Path, limits: MemeLimits) -> bytes:
    """Read at most one byte over the limit, so that a huge file costs no more than a refused one."""
    try:
        with path.open("rb") as file:
            return file.read(limits.max_bytes + 1)
    except OSError as error:
        raise MemeError("unreadable_file", f"{path}: {error.strerror or type(error).__name__}") from error
    except ValueError as error:  # a NUL or a lone surrogate, which no file name can hold
        raise MemeError("unreadable_file", f"{str(path)!r} is no file name") from error


def _open(data: bytes, limits: MemeLimits) -> Image.Image:
    """Parse the header and hold the picture against the limits, without decoding its pixels."""
    if not data:
        raise MemeError("empty", "the picture has zero bytes")
    if len(data) > limits.max_bytes:
        raise MemeError("too_many_bytes", f"the picture is over the limit of {limits.max_bytes} bytes")
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MemeError("too_many_pixels", f"the picture is over the limit of {limits.max_pixels} pixels") from error
    except Exception as error:  # a hostile header may raise anything in a parser; it is the bytes' fault either way
        raise MemeError("corrupt", f"the picture's header is damaged ({type(error).__name__})") from error
    n_pixels = picture.width * picture.height
    if n_pixels > limits.max_pixels:
        raise MemeError(
            "too_many_pixels",
            f"the picture is {picture.width} x {picture.height} = {n_pixels} pixels; the limit is {limits.max_pixels}",
        )
    return picture


def declared_pixels(data: bytes) -> int:
    """At most how many pixels ``data`` will be once it is decoded, by its header; 0 for what is no picture."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            return picture.width * picture.height
    except Exception:  # whatever is wrong with it is told when it is decoded
        return 0


def _unidentified(data: bytes) -> MemeError:
    """Pillow knows no such picture: another format, or one of ours whose header is cut short."""
    for signature, name in _SIGNATURES.items():
        if data.startswith(signature):
            return MemeError("corrupt", f"the bytes begin as {name}, but its header is damaged or cut short")
    return MemeError(
        "unsupported_format", f"the bytes are no {_FORMATS_TEXT} picture (they begin with {data[:8].hex(' ')})"
    )


def _decode(picture: Image.Image) -> Image.Image:
    """Decode the first frame, upright, flattened on white, 8-bit RGB."""
    try:
        picture.load()
        return _to_rgb(_upright(picture))
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and others on bad bytes
        raise MemeError(
            "corrupt", f"the {picture.format} data is truncated or damaged ({type(error).__name__}: {error})"
        ) from error


def _upright(picture: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; a picture whose EXIF cannot be read stays as it is.

    Not ``ImageOps.exif_transpose``: it also writes the EXIF anew, which fails on one odd tag beside a good orientation.
    """
    try:
        method = _TO_UPRIGHT.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return picture
    return picture if method is None else picture.transpose(method)


def _is_animated(picture: Image.Image) -> bool:
    """Whether more frames follow the first. They are not counted: a small GIF can hold millions."""
    try:
        return bool(getattr(picture, "is_animated", False))
    except Exception:  # a damaged second frame
        return True


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        return _from_16_bit(picture)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        flat = Image.new("RGBA", rgba.size, (*_BACKGROUND, 255))
        return Image.alpha_composite(flat, rgba).convert("RGB")
    return picture.convert("RGB")


def _from_16_bit(picture: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits; Pillow's own conversion would clip everything above 255 to white."""
    grey = np.clip(np.asarray(picture) // 257, 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _checked_text(text: str | None, limits: MemeLimits) -> str | None:
    if text is None:
        return None
    if len(text) > limits.max_text_chars:  # first: to look through megabytes of blanks takes seconds
        raise MemeError("text_too_long", f"text has {len(text)} characters; the limit is {limits.max_text_chars}")
    return encodable(text) if has_words(text) else None


def _checked_tags(tags: Sequence[str], limits: MemeLimits) -> tuple[str, ...]:
    cleaned = tuple(encodable(tag).strip() for tag in tags if tag.strip())
    if len(cleaned) > limits.max_tags:
        raise MemeError("bad_tags", f"{len(cleaned)} tags were given; the limit is {limits.max_tags}")
    longest = max(map(len, cleaned), default=0)
    if longest > limits.max_tag_chars:
        raise MemeError("bad_tags", f"a tag has {longest} characters; the limit is {limits.max_tag_chars}")
    return cleaned


def has_words(text: str) -> bool:
    """Whether anything of ``text`` can be seen; without, it counts as not given. The one definition of "no words"."""
    return any(map(is_visible, text))


def encodable(text: str) -> str:
    """Replace lone surrogates (JSON can carry them), which no tokenizer or reply can encode."""
    return text.encode("utf-8", "replace").decode("utf-8")

"""The first door: untrusted bytes become a ``Meme``, or one typed error that says what was wrong.

The format is found by content, never by name or header. Size limits are checked before any pixel is decoded.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from model.budget import Budget
from model.errors import MemeError
from model.picture.containers.sniff import FORMATS
from model.picture.door import declared_pixels, open_picture
from model.picture.limits import DEFAULT_LIMITS, MemeLimits
from model.picture.views import Ground, View
from model.text.characters import is_visible

__all__ = [
    "DEFAULT_LIMITS",
    "FORMATS",
    "Ground",
    "Meme",
    "MemeLimits",
    "View",
    "declared_pixels",
    "encodable",
    "has_words",
]


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
        picture = open_picture(data, limits, budget or Budget(limits.max_work_s))
        return cls(
            image=picture.views[0].image,
            digest=hashlib.sha256(data).hexdigest(),
            text=words,
            tags=checked_tags,
            id=id,
            source_format=picture.format,
            is_animated=picture.n_frames > 1,
            views=picture.views,
            n_frames=picture.n_frames,
            damage=picture.damage,
            not_seen=picture.not_seen,
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
        budget: Budget | None = None,
    ) -> "Meme":
        """Read and decode a file; a file that cannot be read raises ``MemeError`` with code ``unreadable_file``."""
        data = _read(Path(path), limits)
        return cls.from_bytes(data, text=text, tags=tags, id=id, limits=limits, budget=budget)


def _read(path: Path, limits: MemeLimits) -> bytes:
    """Read at most one byte over the limit, so that a huge file costs no more than a refused one."""
    try:
        with path.open("rb") as file:
            return file.read(limits.max_bytes + 1)
    except OSError as error:
        raise MemeError("unreadable_file", f"{path}: {error.strerror or type(error).__name__}") from error
    except ValueError as error:  # a NUL or a lone surrogate, which no file name can hold
        raise MemeError("unreadable_file", f"{str(path)!r} is no file name") from error


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

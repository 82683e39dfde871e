"""Door of pictures: bytes become the views that people are shown, or one typed error.

The format is found by content. Sizes, scans, segments and frames are counted before a pixel is decoded.
"""

from PIL import Image

from model.budget import Budget
from model.errors import MemeError
from model.picture import frames
from model.picture.blocks import Blocks, measured, shows_more_on_dark
from model.picture.colour import PLAIN, in_srgb
from model.picture.containers.base import Container, Frame
from model.picture.containers.sniff import after_leading_bytes, parse_of, refusal
from model.picture.exif import upright
from model.picture.grounds import flattened, has_clear_parts
from model.picture.limits import DEFAULT_LIMITS, MemeLimits
from model.picture.pixels import decode
from model.picture.views import Picture, View

#: The share of a picture that may be missing before it is told as not seen: a cut of a few bytes costs less, or a row.
_NEGLIGIBLE = 0.01


#: Raised when pixels of some picture change, so that what was computed of them is not taken for the new ones'.
DECODER_VERSION = 2


def decoder_key(data: bytes, limits: MemeLimits = DEFAULT_LIMITS) -> str:
    """What names the decoder beside a picture's digest: "" where version 1 made the same pixels of it.

    Version 1 knew no colour spaces and no animations, and refused what is damaged.
    """
    try:
        container, leading = _parsed(data, limits)
    except MemeError:  # nothing is kept of it
        return ""
    is_as_ever = container.colour == PLAIN and not (container.is_animation or container.damage or leading)
    return "" if is_as_ever and container.format not in ("AVIF", "HEIF") else f".d{DECODER_VERSION}"


def open_picture(data: bytes, limits: MemeLimits, budget: Budget) -> Picture:
    """Decode ``data``. Raises ``MemeError``, and nothing else, whatever they hold."""
    container, damage = _parsed(data, limits)
    with budget.counted():
        try:
            picture = _animation(container, limits, budget) if container.is_animation else _still(container, budget)
        except MemeError:
            raise
        except Exception as error:  # a hostile picture may raise anything in what is done with its pixels
            raise MemeError(
                "corrupt", f"the {container.format} data is truncated or damaged ({type(error).__name__}: {error})"
            ) from error
    return Picture(
        container.format,
        picture.views[: limits.max_frames],
        container.n_frames,
        _joined([*damage, *container.damage, picture.damage]),
        _joined([container.not_seen, picture.not_seen, _beyond(len(picture.views), limits)]),
    )


def declared_pixels(data: bytes, limits: MemeLimits = DEFAULT_LIMITS) -> int:
    """At most how many pixels are decoded of ``data``, by their headers; 0 for what is no picture."""
    try:
        container, _ = _parsed(data, limits)
    except MemeError:  # what is wrong with it is told when it is decoded
        return 0
    n_canvas = container.width_px * container.height_px
    n_of_frames = sum(frame.width_px * frame.height_px for frame in container.frames)
    return n_canvas + min(n_of_frames, limits.max_frame_pixels) if container.is_animation else n_canvas


def _parsed(data: bytes, limits: MemeLimits) -> tuple[Container, list[str]]:
    if not data:
        raise MemeError("empty", "the picture has zero bytes")
    if len(data) > limits.max_bytes:
        raise MemeError("too_many_bytes", f"the picture is over the limit of {limits.max_bytes} bytes")
    parse, damage = parse_of(data), []
    if parse is None:
        later = after_leading_bytes(data)
        parse = None if later is None else parse_of(later)
        if later is None or parse is None:
            raise refusal(data)
        damage = [f"{len(data) - len(later)} bytes stand before the picture"]
        data = later
    try:
        return parse(data, limits), damage
    except MemeError:
        raise
    except Exception as error:  # the walks read what hostile bytes say
        raise MemeError("corrupt", f"the picture's header is damaged ({type(error).__name__})") from error


def _still(container: Container, budget: Budget) -> Picture:
    image, missing = _decoded(container, container.frames[0], budget)
    views = _views(image, None, container.orientation, None)
    if missing == 0:
        return Picture(container.format, views)
    is_negligible = missing <= max(_NEGLIGIBLE, 1 / container.height_px)
    damage = f"{_percent(missing)} of the picture is missing"
    return Picture(container.format, views, damage=damage, not_seen=None if is_negligible else damage)


def _animation(container: Container, limits: MemeLimits, budget: Budget) -> Picture:
    played = frames.play(container, limits, budget)
    is_one = container.n_frames == 1
    views = [
        view
        for shown in sorted(played.kept, key=lambda shown: shown.index)
        for view in _views(shown.canvas, shown.blocks, container.orientation, None if is_one else shown.index)
    ]
    if container.also_still is not None:
        image, _ = _decoded(container, container.also_still, budget)
        views[1:1] = _views(image, None, container.orientation, None)
    return Picture(container.format, tuple(views), damage=_joined(played.damage), not_seen=_joined(played.not_seen))


def _decoded(container: Container, frame: Frame, budget: Budget) -> tuple[Image.Image, float]:
    decoded = decode(frame.encoded(), (frame.width_px, frame.height_px), budget)
    return in_srgb(decoded.image, container.colour), decoded.missing


def _views(image: Image.Image, blocks: Blocks | None, orientation: int, frame: int | None) -> tuple[View, ...]:
    """The image on light ground, and on dark ground where more can be seen there. ``blocks``: where it was measured."""
    light = upright(flattened(image, "light"), orientation)
    if not has_clear_parts(image) or not shows_more_on_dark(measured(image) if blocks is None else blocks):
        return (View(light, frame),)
    return View(light, frame, "light"), View(upright(flattened(image, "dark"), orientation), frame, "dark")


def _beyond(n_views: int, limits: MemeLimits) -> str | None:
    return None if n_views <= limits.max_frames else f"{limits.max_frames} of {n_views} views were judged"


def _joined(notes: list[str | None] | list[str]) -> str | None:
    return "; ".join(note for note in notes if note) or None


def _percent(share: float) -> str:
    return "under 1%" if share < 0.01 else f"{share:.0%}"

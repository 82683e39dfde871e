"""Values that the walks of all formats hand on: frames that wait to be decoded, and what is known of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from model.picture.colour import PLAIN, ColourSpace

#: What becomes of a frame's rectangle before the next one is shown.
Disposal = Literal["keep", "clear", "previous"]


@dataclass(frozen=True)
class Encoded:
    """One picture file for Pillow, of which only the pixels count.

    ``other`` is the same file with other bytes in the place of missing ones: where the two decode differently, the
    file had nothing. ``transparent_index`` is the colour of a palette that is clear. ``decoded``: the pixels, where a
    decoder of its own made them, without the share ``missing``. ``unchecked`` makes the file without a
    checksum that lets a decoder throw away the last row.
    """

    format: str
    file: bytes = b""
    other: bytes | None = None
    transparent_index: int | None = None
    decoded: Image.Image | None = None
    missing: float = 0.0
    unchecked: Callable[[], bytes] | None = None


@dataclass(frozen=True)
class Frame:
    """A frame at (``left``, ``top``) of the canvas. ``encoded`` makes its file when it is needed, not before."""

    encoded: Callable[[], Encoded]
    width_px: int
    height_px: int
    left: int = 0
    top: int = 0
    disposal: Disposal = "keep"
    blends: bool = True

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) on the canvas."""
        return self.left, self.top, self.left + self.width_px, self.top + self.height_px


@dataclass(frozen=True)
class Container:
    """What a file holds: a canvas of some size, and at least one frame.

    ``is_animation``: the frames are composed on a clear canvas, one after the other. ``also_still``: a picture that
    programs show which do not know of the animation, or find it damaged. ``orientation`` is EXIF's, 1 to 8.
    ``pixel_cost``: how many times the work of a common one a pixel of a frame is.
    """

    format: str
    width_px: int
    height_px: int
    frames: Sequence[Frame]
    is_animation: bool = False
    also_still: Frame | None = None
    orientation: int = 1
    colour: ColourSpace = PLAIN
    damage: tuple[str, ...] = ()
    not_seen: str | None = None
    n_frames: int = 1
    pixel_cost: int = 1

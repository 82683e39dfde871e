"""Limits of a meme: what is refused before it is decoded, and how much of an animation is looked at.

Within them no bytes cost more than about three seconds of a core to decode; ``tests/support/hostile_pictures.py`` makes
the worst that we know of each format.
"""

from dataclasses import dataclass

from PIL import Image

from model.budget import DEFAULT_WORK_S
from model.errors import MemeError

#: Scans cost by the pixel: a JPEG of this many may have ``max_scans`` of them, a larger one fewer.
SCAN_PIXELS = 10_000_000
#: A frame counts as this many pixels at least, since the smallest one costs its fifth of a millisecond too.
MIN_FRAME_PIXELS = 65_536


@dataclass(frozen=True)
class MemeLimits:
    """What is refused before decoding. ``max_pixels`` may not exceed Pillow's own decompression-bomb bound.

    ``max_scans``: passes over a JPEG of up to ten megapixels, counted by colour component (an ordinary progressive one
    takes 14); a larger picture may have fewer, so that scans x pixels stay the same. ``max_parts``: segments, chunks or
    blocks that a file may be cut into. ``max_frames``: views of one picture that are judged. ``max_frame_pixels``:
    pixels of all frames of an animation that are decoded; what lies behind them is told as not seen.
    """

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 40_000_000
    max_text_chars: int = 10_000
    max_tags: int = 8
    max_tag_chars: int = 100
    #: Seconds of one thread that decoding a picture and reading its words may take together.
    max_work_s: float = DEFAULT_WORK_S
    max_scans: int = 100
    max_parts: int = 200_000
    max_frames: int = 8
    max_frame_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        pillow_bound = Image.MAX_IMAGE_PIXELS or 0
        if not 0 < self.max_pixels <= pillow_bound:
            raise ValueError(f"max_pixels must be between 1 and {pillow_bound}, got {self.max_pixels}")
        if self.max_frames < 1:
            raise ValueError(f"max_frames must be at least 1, got {self.max_frames}")

    @property
    def max_decoded_frames(self) -> int:
        """Frames of an animation that are decoded, however small they are."""
        return max(1, self.max_frame_pixels // MIN_FRAME_PIXELS)

    def check_size(self, width_px: int, height_px: int) -> None:
        """Raise ``MemeError`` for a picture of too many pixels, or of none."""
        if width_px <= 0 or height_px <= 0:
            raise MemeError("corrupt", f"the picture's header is damaged (it says {width_px} x {height_px} pixels)")
        n_pixels = width_px * height_px
        if n_pixels > self.max_pixels:
            raise MemeError(
                "too_many_pixels",
                f"the picture is {width_px} x {height_px} = {n_pixels} pixels; the limit is {self.max_pixels}",
            )

    def check_parts(self, n_parts: int) -> None:
        """Raise ``MemeError`` for a file that is cut into too many segments, chunks or blocks."""
        if n_parts > self.max_parts:
            raise MemeError("too_many_parts", f"the picture's file has over {self.max_parts} segments or chunks")


DEFAULT_LIMITS = MemeLimits()

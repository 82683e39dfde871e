"""Ways in which text may lie in a picture: upright, on its side, upside down, mirrored."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.ocr.types import Box


@dataclass(frozen=True)
class Turn:
    """How a picture is turned before its text is read: first a quarter turn to the left, then the two flips."""

    is_turned_left: bool = False
    is_flipped_sideways: bool = False
    is_flipped_over: bool = False

    def picture(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels, uint8 [H, W, ...], turned."""
        turned = np.rot90(pixels) if self.is_turned_left else pixels
        return turned[:: -1 if self.is_flipped_over else 1, :: -1 if self.is_flipped_sideways else 1]

    def box(self, box: Box, width_px: int, height_px: int) -> Box:
        """Where a box of a picture of that size lies once it is turned."""
        left, top, right, bottom = box
        if self.is_turned_left:
            left, top, right, bottom = top, width_px - right, bottom, width_px - left
            width_px, height_px = height_px, width_px
        if self.is_flipped_sideways:
            left, right = width_px - right, width_px - left
        if self.is_flipped_over:
            top, bottom = height_px - bottom, height_px - top
        return left, top, right, bottom


UPRIGHT = Turn()

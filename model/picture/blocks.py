"""Visible difference between two pictures of one size, measured on a grid of blocks.

A block holds the mean colour and the mean strength of edges, on light and on dark ground. The largest difference of one
block counts, not the mean over all: a line of text that flashes up in a corner is another picture.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from model.picture import grounds

#: Blocks along the longer side.
_N_BLOCKS = 64
#: Large pictures are made smaller before they are measured, to this many pixels along the longer side.
_MEASURED_PX = 400
#: Levels, of 255, by which a block differs visibly. A line of text changes its blocks by 20 to 100.
VISIBLE_LEVELS = 12

Box = tuple[int, int, int, int]
#: uint8 [rows, columns, 8]: red, green, blue and edges on light ground, then the same on dark ground.
Blocks = NDArray[np.uint8]


class BlockGrid:
    """The blocks of a canvas, kept up to date where it changes. A new canvas is clear."""

    def __init__(self, width_px: int, height_px: int) -> None:
        longer_px = max(width_px, height_px)
        self._shrunk_by = max(1, longer_px // _MEASURED_PX)
        self._block_px = max(1, math.ceil(longer_px / self._shrunk_by / _N_BLOCKS))
        self._side_px = self._shrunk_by * self._block_px
        self._size = width_px, height_px
        shape = math.ceil(height_px / self._side_px), math.ceil(width_px / self._side_px)
        self.blocks: Blocks = np.zeros((*shape, 8), dtype=np.uint8)
        self.blocks[:] = (*grounds.COLOURS["light"], 0, *grounds.COLOURS["dark"], 0)

    def update(self, canvas: Image.Image, box: Box) -> None:
        """Measure anew the blocks that ``box`` of the canvas touches."""
        side = self._side_px
        first_x, first_y = box[0] // side, box[1] // side
        last_x, last_y = math.ceil(box[2] / side), math.ceil(box[3] / side)
        if last_x <= first_x or last_y <= first_y:
            return
        # A little more than the blocks have: an edge is the difference of a pixel and its right neighbour.
        right, bottom = min(last_x * side + self._shrunk_by, self._size[0]), min(last_y * side, self._size[1])
        part = canvas.crop((first_x * side, first_y * side, right, bottom))
        if part.mode == "RGBA" and not grounds.has_clear_parts(part):
            part = part.convert("RGB")
        measured = _measure(part.reduce(self._shrunk_by), self._block_px)
        self.blocks[first_y:last_y, first_x:last_x] = measured[: last_y - first_y, : last_x - first_x]


def measured(picture: Image.Image) -> Blocks:
    """The blocks of a whole picture, RGB or RGBA."""
    grid = BlockGrid(*picture.size)
    grid.update(picture, (0, 0, *picture.size))
    return grid.blocks


def difference(first: Blocks, second: Blocks) -> int:
    """The largest difference of one block, in levels of 255."""
    larger, smaller = np.maximum(first, second), np.minimum(first, second)
    return int((larger - smaller).max())


def shows_more_on_dark(blocks: Blocks) -> bool:
    """Whether edges can be seen on dark ground that cannot be seen on light."""
    return int((blocks[..., 7].astype(np.int16) - blocks[..., 3]).max()) > VISIBLE_LEVELS


def _measure(part: Image.Image, side_px: int) -> Blocks:
    light = _measure_rgb(grounds.flattened(part, "light"), side_px)
    if not grounds.has_clear_parts(part):
        return np.concatenate([light, light], axis=2)
    return np.concatenate([light, _measure_rgb(grounds.flattened(part, "dark"), side_px)], axis=2)


def _measure_rgb(part: Image.Image, side_px: int) -> Blocks:
    grey = part.convert("L")
    width_px, height_px = grey.size
    shifted = grey.crop((1, 0, width_px, height_px))
    edges = ImageChops.difference(grey.crop((0, 0, width_px - 1, height_px)), shifted) if width_px > 1 else grey
    colours = np.asarray(part.reduce(side_px))
    found = np.zeros((*colours.shape[:2], 4), dtype=np.uint8)
    found[..., :3] = colours
    if width_px > 1:
        strength = np.asarray(edges.reduce(side_px))
        found[: strength.shape[0], : strength.shape[1], 3] = strength
    return found

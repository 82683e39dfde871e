"""Where a picture has detail that a copy of half its size loses: small text may be there, or hair, or grass.

The detector does not notice small text in the copy at all, so its own answer cannot say where to look again. On
MultiOFF training pictures all text that it found in full size and lost in the copy stood where this says so.
"""

import importlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.ocr.rapid.inputs import CELL_PX
from model.ocr.rapid.line import Region
from model.ocr.types import Box

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

# Mean difference of grey levels, in a window of two small letters, between a picture and its copy.
_LEAST_LOST, _WINDOW_PX = 6, (24, 10)
# Pixels of a cell that differ so: fewer are specks.
_LEAST_PX = 40
# Lines that the copy shows as well: so high (in pixels of the picture), and found for sure.
_CLEAR_PX, _CLEAR_SCORE = 32, 0.65
# The outline of letters lies around their region as well.
_OUTLINE_PX = 6


def lost_detail(picture: Picture, copy: Picture) -> Mask:
    """Pixels around which the smaller ``copy`` of a BGR picture has lost what there was."""
    cv2 = importlib.import_module("cv2")
    grey, smaller = (cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) for pixels in (picture, copy))
    again = cv2.resize(smaller, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    lost: Mask = cv2.blur(cv2.absdiff(grey, again), _WINDOW_PX) >= _LEAST_LOST
    return lost


def cells_around(pixels: Mask) -> Mask:
    """Cells in which there are such pixels, and those beside them. Both sides of ``pixels`` are whole cells."""
    height, width = (side_px // CELL_PX for side_px in pixels.shape)
    cells = pixels.reshape(height, CELL_PX, width, CELL_PX).sum(axis=(1, 3)) >= _LEAST_PX
    grown: Mask = importlib.import_module("cv2").dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return grown


def unclear_cells(lost: Mask, regions: Sequence[Region]) -> Mask:
    """Cells to look at again where the copy shows ``regions``.

    They make rectangles apart from each other, each of which holds all of a region or nothing of it.
    """
    unclear = lost.copy()
    for region in filter(_is_clear, regions):
        left, top, right, bottom = region.box
        rows = slice(max(0, top - _OUTLINE_PX), bottom + _OUTLINE_PX)
        unclear[rows, max(0, left - _OUTLINE_PX) : right + _OUTLINE_PX] = False
    for region in regions:
        if not _is_clear(region):
            left, top, right, bottom = region.box
            unclear[top:bottom, left:right] = True
    return _in_rectangles(cells_around(unclear), [_cells_of(region.box) for region in regions])


def rectangles(cells: Mask) -> list[Box]:
    """Boxes, in cells, around what hangs together; corners touch as well."""
    cv2 = importlib.import_module("cv2")
    _, _, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8), connectivity=8)
    return [(left, top, left + width, top + height) for left, top, width, height, _ in stats[1:].tolist()]


def holds(cells: Mask, region: Region) -> bool:
    """Whether a region lies in ``cells``: none lies in them in part."""
    left, top, right, bottom = _cells_of(region.box)
    return bool(cells[top:bottom, left:right].any())


def _is_clear(region: Region) -> bool:
    return region.height_px >= _CLEAR_PX and region.score >= _CLEAR_SCORE


def _in_rectangles(cells: Mask, whole: Sequence[Box]) -> Mask:
    while True:
        filled = cells.copy()
        for left, top, right, bottom in rectangles(cells):
            filled[top:bottom, left:right] = True
        for left, top, right, bottom in whole:
            if filled[top:bottom, left:right].any():
                filled[top:bottom, left:right] = True
        if np.array_equal(filled, cells):
            return cells
        cells = filled


def _cells_of(box: Box) -> Box:
    left, top, right, bottom = box
    return left // CELL_PX, top // CELL_PX, -(-right // CELL_PX), -(-bottom // CELL_PX)

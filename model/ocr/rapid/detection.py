"""Detection of lines: tile by tile, and of a large tile in half its size where that shows all there is.

A large picture is looked at in full size only where its copy of half the size has lost detail (``detail.py``). Where
that is most of it, nothing would be saved, and it is looked at in full size at once.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.budget import Budget
from model.ocr.rapid import sheet as sheets
from model.ocr.rapid.detail import Mask, cells_around, holds, lost_detail, rectangles, unclear_cells
from model.ocr.rapid.inputs import CELL_PX, detector_part, detector_picture, half_picture
from model.ocr.rapid.line import Region
from model.ocr.rapid.models import Models
from model.ocr.rapid.sheet import Sheet
from model.ocr.types import Box

Picture = NDArray[np.uint8]

#: Share of the work that finding lines may take, so that some lines are read of a picture that is too long.
_DETECTION_SHARE = 0.6
#: Pictures of fewer pixels are looked at in full size: on memes of 500 to 640 pixels there is detail nearly everywhere,
#: and the look at the copy was lost on four of five.
LEAST_HALVED_PX = 700 * 700
#: With more to look at again, all of it is.
MOST_UNCLEAR = 0.6


def detect(models: Models, sheet: Sheet, budget: Budget) -> Generator[None, None, tuple[list[Region], tuple[Box, ...]]]:
    """Lines of the sheet, and the tiles (in the original) for which the time was too short."""
    found: list[list[Region]] = []
    for index, tile in enumerate(sheet.tiles):
        yield
        if budget.is_spent or (found and budget.used_s > _DETECTION_SHARE * budget.work_s):
            unseen = [tile for tile in sheet.tiles[index:] if sheet.has_contrast(tile)]
            return sheets.join_at_seams(found), tuple(sheet.original_box(tile) for tile in unseen)
        found.append((yield from _detect_in(models, sheet, tile, budget)))
    with budget.counted():
        return sheets.join_at_seams(found), ()


def _detect_in(models: Models, sheet: Sheet, tile: Box, budget: Budget) -> Generator[None, None, list[Region]]:
    with budget.counted():
        if not sheet.has_contrast(tile):
            return []
        pixels = sheet.pixels(tile)
        picture = detector_picture(pixels)
        halved = _halved(picture)
    if halved is None:
        regions = yield from _look(models, picture, pixels.shape[:2], budget)
    else:
        regions = yield from _look_twice(models, picture, halved, pixels.shape[:2], budget)
    return [region.moved(tile[0], tile[1]) for region in regions]


def _look(
    models: Models, picture: Picture, size_px: tuple[int, ...], budget: Budget
) -> Generator[None, None, list[Region]]:
    """Lines that the detector finds in ``picture``, in pixels of what it shows, of height and width ``size_px``."""
    with budget.counted():
        probabilities = models.look(picture)
    yield
    with budget.counted():
        return models.regions(probabilities, size_px)


@dataclass(frozen=True, eq=False)
class _Halved:
    """A picture's copy of half its size, and where it has lost detail."""

    picture: Picture
    lost: Mask


def _halved(picture: Picture) -> _Halved | None:
    """None for a picture that is small, or of which the copy would show too little."""
    height, width = picture.shape[:2]
    if height * width < LEAST_HALVED_PX:
        return None
    copy = half_picture(picture)
    lost = lost_detail(picture, copy)
    return _Halved(copy, lost) if cells_around(lost).mean() <= MOST_UNCLEAR else None


def _look_twice(
    models: Models, picture: Picture, halved: _Halved, size_px: tuple[int, ...], budget: Budget
) -> Generator[None, None, list[Region]]:
    """``_look`` at the copy, then at what is unclear in it, or at all of the picture if that is most of it."""
    clear = yield from _look(models, halved.picture, picture.shape[:2], budget)
    with budget.counted():
        cells = unclear_cells(halved.lost, clear)
    if cells.mean() > MOST_UNCLEAR:
        return (yield from _look(models, picture, size_px, budget))
    regions = [region for region in clear if not holds(cells, region)]
    for left, top, right, bottom in _in_pixels(rectangles(cells)):
        part = detector_part(picture[top:bottom, left:right])
        found = yield from _look(models, part, part.shape[:2], budget)
        regions += [region.moved(left, top) for region in found]
    scale = np.array(size_px[::-1], dtype=np.float32) / picture.shape[1::-1]
    return [Region(np.round(region.quad * scale).astype(np.float32), region.score) for region in regions]


def _in_pixels(cells: Sequence[Box]) -> list[Box]:
    return [(left * CELL_PX, top * CELL_PX, right * CELL_PX, bottom * CELL_PX) for left, top, right, bottom in cells]

"""A picture as the detector is shown it: whole, or in tiles along its long side where shrinking would blur its letters.

An ordinary meme is one tile. A tall or wide picture (a screenshot of a chat, a banner) keeps a scale at which its
letters can be read and is cut into tiles that overlap; ``join_at_seams`` makes one region of what two tiles found.
"""

import importlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.ocr.boxes import area, bounding_box, containment, intersection
from model.ocr.rapid.line import Quad, Region, rectangle
from model.ocr.types import Box

Picture = NDArray[np.uint8]

#: From this ratio of its sides on, a picture is cut into tiles.
TILED_ASPECT = 2.5
#: A picture whose longer side has no more pixels is never cut.
WHOLE_SIDE_PX = 1280
#: Tiles are at most this wide across the picture's long side; wider pictures are shrunk to it.
TILE_SIDE_PX = 960
#: Lines up to this height lie whole in one of two neighbouring tiles.
OVERLAP_PX = 192

# The detector works on multiples of 32 pixels and cannot scale a strip thinner than that.
_MIN_SIDE_PX = 32
_MAX_ASPECT = 20
# RapidOCR adds black bars to what is wider than this; a tile needs none.
_MAX_TILE_ASPECT = 8
# A tile whose pixels differ by less holds nothing to read.
_LEAST_CONTRAST = 8
# Pixels around a region that straightening it may look at.
_REACH_PX = 8
# Two pieces of a line share this much of the height of the lower one.
_SAME_ROW = 0.6
_SAME_PLACE = 0.5
_WITHIN = 0.9


@dataclass(frozen=True, eq=False)
class Sheet:
    """``picture`` is BGR, uint8 [H, W, 3]. ``tiles`` are boxes in it.

    A point of the sheet lies at (point - ``margin_px``) * ``scale`` in the original, whose size is ``size_px``; all of
    them are (sideways, downwards).
    """

    picture: Picture
    tiles: tuple[Box, ...]
    scale: tuple[float, float]
    margin_px: tuple[int, int]
    size_px: tuple[int, int]

    def pixels(self, tile: Box) -> Picture:
        """The pixels of a tile."""
        left, top, right, bottom = tile
        return self.picture[top:bottom, left:right]

    def has_contrast(self, tile: Box) -> bool:
        """Whether people could see anything in a tile."""
        pixels = self.pixels(tile)
        lightest, darkest = pixels.max(axis=0).max(axis=0), pixels.min(axis=0).min(axis=0)
        return int(np.max(lightest.astype(np.int16) - darkest)) >= _LEAST_CONTRAST

    def around(self, quad: Quad) -> tuple[Picture, Quad]:
        """The part of the sheet that a crop of ``quad`` is made from, and ``quad`` in it."""
        if len(self.tiles) == 1:
            return self.picture, quad.copy()
        low = np.maximum(np.floor(quad.min(axis=0)).astype(int) - _REACH_PX, 0)
        high = np.ceil(quad.max(axis=0)).astype(int) + _REACH_PX
        return self.picture[low[1] : high[1], low[0] : high[0]], (quad - low).astype(np.float32)

    def original(self, region: Region) -> Region:
        """A region of the sheet in pixels of the original picture."""
        margin, scale, size = np.array((self.margin_px, self.scale, self.size_px), dtype=np.float32)
        return Region(np.clip((region.quad - margin) * scale, 0, size), region.score)

    def original_box(self, tile: Box) -> Box:
        """A tile in pixels of the original picture."""
        return self.original(Region(rectangle(tile), 1.0)).box


def padded(picture: Picture) -> Picture:
    """Widen a strip at its right or bottom edge, where it moves no coordinate."""
    height, width = picture.shape[:2]
    shortest = max(_MIN_SIDE_PX, 0 if is_tiled(picture) else math.ceil(max(height, width) / _MAX_ASPECT))
    missing = ((0, max(0, shortest - height)), (0, max(0, shortest - width)), (0, 0))
    return np.pad(picture, missing, mode="edge")


def is_tiled(picture: Picture) -> bool:
    """Whether a picture is so long that it is cut into tiles."""
    shorter, longer = sorted(int(side_px) for side_px in picture.shape[:2])
    return longer > WHOLE_SIDE_PX and longer >= TILED_ASPECT * shorter


def tiled_sheet(picture: Picture) -> Sheet:
    """A sheet of a tall or wide picture, uint8 [H, W, 3] in RGB."""
    height, width = picture.shape[:2]
    shrink = min(1.0, TILE_SIDE_PX / min(height, width))
    size = (round(width * shrink), round(height * shrink))
    sheet = np.ascontiguousarray(picture[:, :, ::-1])
    if shrink < 1.0:
        cv2 = importlib.import_module("cv2")
        sheet = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA)
    tiles = tuple(_tiles(*size))
    return Sheet(sheet, tiles, (width / size[0], height / size[1]), (0, 0), (width, height))


def _tiles(width: int, height: int) -> Iterable[Box]:
    across, along = min(width, height), max(width, height)
    length = min(WHOLE_SIDE_PX, _MAX_TILE_ASPECT * across, max(TILE_SIDE_PX, TILE_SIDE_PX**2 // across))
    step = length - min(OVERLAP_PX, length // 4)
    for start in range(0, max(1, along - length + step), step):
        end = min(along, start + length)
        yield (0, start, width, end) if height > width else (start, 0, end, height)


def join_at_seams(found: Sequence[Sequence[Region]]) -> list[Region]:
    """Regions of all tiles, those of one sheet in the order of its tiles: each line once."""
    joined: list[Region] = []
    before: list[Region] = []
    for regions in found:
        current = list(regions)
        for region in before:
            partner = next((other for other in current if _is_same_line(region, other)), None)
            if partner is None:
                joined.append(region)
            else:
                current[current.index(partner)] = _union(region, partner)
        before = current
    return joined + before


def _is_same_line(first: Region, second: Region) -> bool:
    """Whether two regions hold the same line, or two pieces of one that overlap along it."""
    one, other = first.box, second.box
    if containment(one, other) >= _SAME_PLACE:
        return True
    left, top, right, bottom = intersection(one, other)
    if right <= left or bottom <= top or first.is_vertical != second.is_vertical:
        return False
    shared = right - left if first.is_vertical else bottom - top
    return shared >= _SAME_ROW * max(first.height_px, second.height_px)


def _union(first: Region, second: Region) -> Region:
    """Both as one: the larger one where it holds the other, else the rectangle around both."""
    larger, smaller = sorted((first, second), key=lambda region: area(region.box), reverse=True)
    if containment(larger.box, smaller.box) >= _WITHIN:
        return larger
    return Region(rectangle(bounding_box((first.box, second.box))), max(first.score, second.score))

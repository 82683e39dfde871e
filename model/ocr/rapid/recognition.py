"""Reader of the lines of one sheet, each when it is asked for, and each as if all were read together."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model.ocr.ctc import DecodedChar
from model.ocr.rapid.line import ReadLine, Region
from model.ocr.rapid.models import Models
from model.ocr.rapid.sheet import Sheet
from model.ocr.turn import UPRIGHT, Turn

Picture = NDArray[np.uint8]

# RapidOCR reads so many lines together, padded to the longest of them. A line is padded here as it would be there,
# because the padding changes what is read by a little. Read one by one, lines are not slower.
_BATCH = 6
# A page of more lines is read with no more padding than its lines need: three times as fast.
_DENSE_PAGE = 200
# Longer lines are cut, at the emptiest place near the cut.
_MAX_ASPECT = 64
_CUT_RANGE = 8


class LineReader:
    """Reads ``regions`` of a sheet by their index."""

    def __init__(self, models: Models, sheet: Sheet, regions: Sequence[Region]) -> None:
        self._models = models
        self._sheet = sheet
        self._regions = regions

    def largest_first(self) -> list[int]:
        """Indices of all regions: what people see first comes first, and of equals what the detector is surest of."""
        regions = self._regions
        return sorted(range(len(regions)), key=lambda index: (-round(regions[index].height_px), -regions[index].score))

    def original(self, index: int) -> Region:
        """A region in pixels of the original picture."""
        return self._sheet.original(self._regions[index])

    def read(self, index: int, flip: Turn = UPRIGHT) -> ReadLine:
        """Read a region, its pixels flipped before."""
        crop = flip.picture(self._models.crop(self._sheet, self._regions[index]))
        return ReadLine(self.original(index), flip, self._chars(crop, self._padded_aspects[index]))

    def _chars(self, crop: Picture, padded_aspect: float) -> tuple[DecodedChar, ...]:
        pieces = cut_at_gaps(crop)
        if len(pieces) == 1:
            return self._models.recognise(np.ascontiguousarray(crop), padded_aspect)
        chars: list[DecodedChar] = []
        start_px = 0
        for piece in pieces:
            share, start = piece.shape[1] / crop.shape[1], start_px / crop.shape[1]
            chars += [DecodedChar(" ", start, 1.0)] if chars else []
            chars += [
                DecodedChar(char.char, start + char.position * share, char.confidence)
                for char in self._models.recognise(np.ascontiguousarray(piece), self._models.least_aspect)
            ]
            start_px += piece.shape[1]
        return tuple(chars)

    @cached_property
    def _padded_aspects(self) -> list[float]:
        aspects = np.array([_crop_aspect(region) for region in self._regions])
        if len(aspects) > _DENSE_PAGE:
            return [0.0] * len(aspects)
        padded = np.empty(len(aspects))
        order = np.argsort(aspects)  # as RapidOCR does
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            padded[batch] = max(self._models.least_aspect, aspects[batch].max())
        return [float(aspect) for aspect in padded]


def _crop_aspect(region: Region) -> float:
    """Width in heights of the picture that RapidOCR cuts out for a region."""
    width, height = (int(side) for side in region.sides_px)
    return height / width if region.is_vertical else width / height


def cut_at_gaps(crop: Picture) -> list[Picture]:
    """A line's picture in pieces, left to right, that are no longer than the recogniser should be given at once."""
    height, width = crop.shape[:2]
    pieces: list[Picture] = []
    while width > _MAX_ASPECT * height:
        first = (_MAX_ASPECT - _CUT_RANGE) * height
        window = crop[:, first : _MAX_ASPECT * height]
        ink = window.std(axis=0).sum(axis=1)  # a column without letters is of one colour
        cut = first + int(np.convolve(ink, np.ones(max(1, height // 4)), mode="same").argmin())
        pieces.append(crop[:, :cut])
        crop = crop[:, cut:]
        width = crop.shape[1]
    return [*pieces, crop]

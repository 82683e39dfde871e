"""Reader of the lines of one sheet, each when it is asked for, with no more work than it needs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.ocr.ctc import DecodedChar
from model.ocr.rapid.line import ReadLine, Region
from model.ocr.rapid.models import Models
from model.ocr.rapid.sheet import Sheet
from model.ocr.turn import UPRIGHT, Turn

Picture = NDArray[np.uint8]

# Most lines are read as well when their letters are made a little narrower, which is that much less work: on MultiOFF
# training pictures word F1 is .910 so and without, for .92 of the work without. At .75 it is .909, for .87: of doubled
# letters one is lost ("fel", "577"). Letters that are small already are blurred by it, and mostly have to be read
# again; what is shorter than two heights is seldom a word.
_SQUEEZE, _LEAST_SQUEEZED_PX, _LEAST_SQUEEZED_ASPECT = 0.85, 20, 2.0
# A squeezed line is read again, as it is, unless it has this confidence, and each of its letters that. So all that
# follows from doubt (turns, text that is told as unread) is judged by the better reading.
_CERTAIN, _CERTAIN_LETTER = 0.96, 0.5
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
        region = self._regions[index]
        crop = flip.picture(self._models.crop(self._sheet, region))
        is_squeezed = flip == UPRIGHT and _may_be_squeezed(region)
        return ReadLine(self.original(index), flip, self._chars(crop, is_squeezed=is_squeezed))

    def _chars(self, crop: Picture, *, is_squeezed: bool) -> tuple[DecodedChar, ...]:
        pieces = cut_at_gaps(crop)
        if len(pieces) == 1:
            return self._recognise(crop, is_squeezed=is_squeezed)
        chars: list[DecodedChar] = []
        start_px = 0
        for piece in pieces:
            share, start = piece.shape[1] / crop.shape[1], start_px / crop.shape[1]
            chars += [DecodedChar(" ", start, 1.0)] if chars else []
            chars += [
                DecodedChar(char.char, start + char.position * share, char.confidence)
                for char in self._recognise(piece, is_squeezed=is_squeezed)
            ]
            start_px += piece.shape[1]
        return tuple(chars)

    def _recognise(self, crop: Picture, *, is_squeezed: bool) -> tuple[DecodedChar, ...]:
        """Read a line: squeezed first, where ``is_squeezed``, and as it is unless that was certain."""
        line = np.ascontiguousarray(crop)
        if is_squeezed and is_certain(chars := self._models.recognise(line, _SQUEEZE)):
            return chars
        return self._models.recognise(line)


def _may_be_squeezed(region: Region) -> bool:
    return region.height_px >= _LEAST_SQUEEZED_PX and region.aspect >= _LEAST_SQUEEZED_ASPECT


def is_certain(chars: Sequence[DecodedChar]) -> bool:
    """Whether a line was read so well that it need not be read again: all of it, and each letter."""
    confidences = [char.confidence for char in chars if not char.char.isspace()]
    return bool(confidences and np.mean(confidences) >= _CERTAIN and min(confidences) >= _CERTAIN_LETTER)


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

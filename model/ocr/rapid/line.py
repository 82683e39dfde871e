"""One line of text: where the detector found it, and what the recogniser made of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model.ocr.ctc import DecodedChar, split_words, word_extents
from model.ocr.turn import Turn
from model.ocr.types import Box, OcrWord

Quad = NDArray[np.floating]

# On MultiOFF validation pictures one word in thirteen below this is in the reference, above it nine in ten: most of
# what it drops are icons and textures read as letters of another script.
MIN_LINE_CONFIDENCE = 0.75

# PP-OCR turns a region on its side before reading it when it is this much taller than wide.
_VERTICAL_ASPECT = 1.5


@dataclass(frozen=True, eq=False)
class Region:
    """Where a line may be: ``quad`` is [4, 2], clockwise from the top left. ``score`` is the detector's, 0..1."""

    quad: Quad
    score: float

    @cached_property
    def sides_px(self) -> tuple[float, float]:
        """Width and height, of the longer of each two edges."""
        top_left, top_right, bottom_right, bottom_left = self.quad
        width = max(np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_right - bottom_left))
        height = max(np.linalg.norm(bottom_left - top_left), np.linalg.norm(bottom_right - top_right))
        return float(width), float(height)

    @property
    def is_vertical(self) -> bool:
        """Whether it is read from its top to its bottom."""
        width, height = self.sides_px
        return height >= _VERTICAL_ASPECT * width

    @property
    def height_px(self) -> float:
        """Height of its letters and what is around them, across the direction of reading."""
        return self.sides_px[0] if self.is_vertical else self.sides_px[1]

    @property
    def aspect(self) -> float:
        """Length in heights."""
        return max(self.sides_px) / self.height_px if self.is_vertical else self.sides_px[0] / self.height_px

    def moved(self, right_px: int, down_px: int) -> "Region":
        """The same, seen from a corner that lies so much further left and up."""
        return Region(self.quad + np.array((right_px, down_px), dtype=self.quad.dtype), self.score)

    @property
    def box(self) -> Box:
        """The rectangle around it."""
        return _around(self.quad)


@dataclass(frozen=True, eq=False)
class ReadLine:
    """What was read in a region of the original picture. ``turn`` is how its pixels were turned before."""

    region: Region
    turn: Turn
    chars: tuple[DecodedChar, ...]

    @cached_property
    def letters(self) -> tuple[DecodedChar, ...]:
        """The characters but spaces."""
        return tuple(char for char in self.chars if not char.char.isspace())

    @cached_property
    def confidence(self) -> float:
        """Mean over the letters; 0 without any."""
        return float(np.mean([letter.confidence for letter in self.letters])) if self.letters else 0.0

    @property
    def is_sure(self) -> bool:
        """Whether its words are told."""
        return self.confidence >= MIN_LINE_CONFIDENCE

    @property
    def worth(self) -> float:
        """By which one of two readings of a line is the better one."""
        return self.confidence * len(self.letters)

    def words(self) -> list[OcrWord]:
        """Its words with their boxes, in the order of reading."""
        words = split_words(self.chars)
        return [
            OcrWord("".join(char.char for char in word), self._box_along(start, end), min(1.0, _confidence(word)))
            for word, (start, end) in zip(words, word_extents(words), strict=True)
        ]

    def _box_along(self, start: float, end: float) -> Box:
        """Bound the part of the line from ``start`` to ``end``, shares of its length."""
        if self.turn.is_flipped_sideways:
            start, end = 1.0 - end, 1.0 - start
        top_left, top_right, bottom_right, bottom_left = self.region.quad
        if self.region.is_vertical:  # read from its top to its bottom
            edges = ((top_left, bottom_left), (top_right, bottom_right))
        else:
            edges = ((top_left, top_right), (bottom_left, bottom_right))
        return _around(np.array([first + (last - first) * share for first, last in edges for share in (start, end)]))


def rectangle(box: Box) -> Quad:
    """The corners of a box, clockwise from the top left."""
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float32)


def _confidence(chars: tuple[DecodedChar, ...]) -> float:
    return float(np.mean([char.confidence for char in chars]))


def _around(corners: NDArray[np.floating]) -> Box:
    left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
    return left, top, right, bottom

"""Rectangles (left, top, right, bottom) in pixels: what reading order and merging ask of them."""

from collections.abc import Iterable, Sequence

from model.ocr.types import Box

#: More boxes than this are not listed one by one.
MAX_BOXES = 50


def area(box: Box) -> int:
    """Pixels covered; 0 for a box without width or height."""
    left, top, right, bottom = box
    return max(0, right - left) * max(0, bottom - top)


def intersection(first: Box, second: Box) -> Box:
    """The rectangle that both share; without area when they do not touch."""
    return (
        max(first[0], second[0]),
        max(first[1], second[1]),
        min(first[2], second[2]),
        min(first[3], second[3]),
    )


def containment(first: Box, second: Box) -> float:
    """Share of the smaller box that lies in the other, 0..1: 1 for a box inside a much larger one, unlike IoU."""
    smaller = min(area(first), area(second))
    return area(intersection(first, second)) / smaller if smaller else 0.0


def bounding_box(boxes: Iterable[Box]) -> Box:
    """The smallest rectangle around all ``boxes``, of which there is at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def clipped(box: Box, width_px: int, height_px: int) -> Box:
    """The part of ``box`` inside a picture of that size."""
    left, top, right, bottom = box
    return (
        min(max(left, 0), width_px),
        min(max(top, 0), height_px),
        min(max(right, 0), width_px),
        min(max(bottom, 0), height_px),
    )


def fewest(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """The boxes that have an area, each once, largest first; of very many the smaller ones as one around them all."""
    by_size = sorted({box for box in boxes if area(box)}, key=lambda box: (-area(box), box))
    if len(by_size) <= MAX_BOXES:
        return tuple(by_size)
    return (*by_size[: MAX_BOXES - 1], bounding_box(by_size[MAX_BOXES - 1 :]))

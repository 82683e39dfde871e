"""What is left of a picture without the border or the frame of a screenshot that was put around it."""

import numpy as np
from PIL import Image

#: A side of the smaller picture in which borders are looked for.
_SIDE_PX = 128
#: Levels by which a border may differ from its corners: JPEG leaves marks.
_TOLERANCE = 24
#: Shares of a line that are of another colour than the border: of an empty line, and of one with a few words or signs.
_INK = (0.02, 0.3)
#: What is left of the picture's area, at least; less would be a detail.
_LEAST_AREA = 0.25

Box = tuple[int, int, int, int]


def framed(image: Image.Image) -> list[Box]:
    """Boxes (left, top, right, bottom) within an RGB ``image`` that its border leaves: without what is empty, without
    lines of a few words too, and without what is empty on all four sides alike, since a picture may have a white bar of
    its own. None where its corners are of several colours, or nothing is around it."""
    factor = max(1, min(image.size) // _SIDE_PX)
    pixels = np.asarray(image.reduce(factor), np.int16)
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
    if (np.ptp(corners, axis=0) > _TOLERANCE).any():
        return []
    inked = (np.abs(pixels - corners[0]) > _TOLERANCE).any(axis=2)
    empty, few_words = (_scaled(_box(inked, share), factor, image.size) for share in _INK)
    found: list[Box] = []
    for box in (empty, few_words, _alike(empty, image.size)):
        is_new = all(max(abs(np.subtract(box, other))) > 2 * factor for other in found)
        if is_new and _is_large_part(box, image.size):
            found.append(box)
    return found


def _scaled(box: Box, factor: int, size: tuple[int, int]) -> Box:
    left, top, right, bottom = (min(side * factor, end) for side, end in zip(box, size * 2, strict=True))
    return left, top, right, bottom


def _alike(box: Box, size: tuple[int, int]) -> Box:
    """Within ``size``, with the smallest margin of ``box`` on each side."""
    width, height = size
    margin = min(box[0], box[1], width - box[2], height - box[3])
    return margin, margin, width - margin, height - margin


def _is_large_part(box: Box, size: tuple[int, int]) -> bool:
    whole, part = size[0] * size[1], (box[2] - box[0]) * (box[3] - box[1])
    return whole > part >= _LEAST_AREA * whole


def _box(inked: np.ndarray, share: float) -> Box:
    """From the first to the last row, and within them column, of which more than ``share`` is ``inked``."""
    top, bottom = _ends(inked.mean(axis=1) > share)
    left, right = _ends(inked[top:bottom].mean(axis=0) > share) if bottom > top else (0, 0)
    return left, top, right, bottom


def _ends(lines: np.ndarray) -> tuple[int, int]:
    inked = np.flatnonzero(lines)
    return (int(inked[0]), int(inked[-1]) + 1) if len(inked) else (0, 0)

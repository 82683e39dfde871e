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
    """Boxes (left, top, right, bottom) within an RGB ``image`` that its border leaves: once without what is empty, once
    without lines of a few words too. None where its corners are of several colours, or nothing is around it."""
    factor = max(1, min(image.size) // _SIDE_PX)
    pixels = np.asarray(image.reduce(factor), np.int16)
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
    if (np.ptp(corners, axis=0) > _TOLERANCE).any():
        return []
    inked = (np.abs(pixels - corners[0]) > _TOLERANCE).any(axis=2)
    boxes = [_box(inked, share) for share in _INK]
    found = [tuple(min(side * factor, end) for side, end in zip(box, image.size * 2, strict=True)) for box in boxes]
    whole = image.width * image.height
    large = [
        (left, top, right, bottom)
        for left, top, right, bottom in found
        if whole > (right - left) * (bottom - top) >= _LEAST_AREA * whole
    ]
    return list(dict.fromkeys(large))


def _box(inked: np.ndarray, share: float) -> Box:
    """From the first to the last row, and within them column, of which more than ``share`` is ``inked``."""
    top, bottom = _ends(inked.mean(axis=1) > share)
    left, right = _ends(inked[top:bottom].mean(axis=0) > share) if bottom > top else (0, 0)
    return left, top, right, bottom


def _ends(lines: np.ndarray) -> tuple[int, int]:
    inked = np.flatnonzero(lines)
    return (int(inked[0]), int(inked[-1]) + 1) if len(inked) else (0, 0)

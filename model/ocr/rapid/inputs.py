"""Network inputs of PP-OCR: a picture or a line, scaled to -1..1, as float32 [1, 3, height, width].

The values are RapidOCR's own (``DetPreProcess``, ``TextRecognizer.resize_norm_img``), but for the size of small
pictures and the padding of a line, and without its detour through float64.
"""

import importlib
import itertools
import math

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

# Longer pictures are shrunk to this for detection (recognition sees their own pixels). Memes of 640 pixels do not care;
# on screenshots of three times that height word F1 is .85 at 736, .90 at 960, .91 at 1280 and at 1920.
DETECTION_SIDE_PX = 1280
# Pictures with fewer pixels are enlarged to them for detection, since their letters are small: up to three times where
# that makes no side longer than this, else by half. On drawn memes of about 225 pixels word F1 is .958 so (.905 in
# November); on MultiOFF training pictures .909, .907 without. A narrow picture may show large letters.
_LEAST_DETECTION_PX, _ENLARGED_SIDE_PX, _MOST_ENLARGED, _NARROW_ENLARGED = 200_000, 640, 3.0, 1.5
#: The recogniser reads lines of this height.
LINE_HEIGHT_PX = 48
#: The detector's step: it takes pictures of whole cells of it.
CELL_PX = 32
_MEAN = 127.5
# OpenVINO prepares itself anew for each shape of its input, which takes as long as a call, and keeps 5 to 10 MB for it;
# of more than some hundred shapes it forgets the oldest. So a few have to be enough.
# Sides of a whole picture are multiples of it where the picture is hardly stretched by that: half as many sizes, at the
# same word F1 on MultiOFF training pictures.
_COARSE_PX = 2 * CELL_PX
# A picture keeps so many of its pixels, and its sides grow by factors that differ by no more than so.
_LEAST_SHOWN, _MOST_STRETCHED = 0.95, 1.1
# Parts of a picture may be of any size, and are shown with grey beside them.
_PART_STEP_PX, _GREY = 4 * CELL_PX, 127
# Lines are padded to multiples of a step, long ones of twice as much. That takes no longer than multiples of 16 even
# when all are prepared: each width has weights of its own, and those of few widths stay in the processor's cache.
_LEAST_WIDTH_PX, _USUAL_PX, _LONG_PX, _WIDTH_STEP_PX = 128, 640, 1024, 64
# A line ends with so much padding at least: it has a frame of its own after the last letter.
_LEAST_PADDING_PX = 8


def detector_picture(picture: Picture) -> Picture:
    """A picture, uint8 [H, W, 3], in the size at which the detector looks at it: its sides are whole cells."""
    resized: Picture = importlib.import_module("cv2").resize(picture, _detector_size(picture))
    return resized


def half_picture(picture: Picture) -> Picture:
    """A copy of a ``detector_picture`` of about half its size."""
    cv2 = importlib.import_module("cv2")
    height, width = picture.shape[:2]
    size = (_nearest(width / 2, _COARSE_PX), _nearest(height / 2, _COARSE_PX))
    copy: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return copy


def detector_part(part: Picture) -> Picture:
    """A part of a ``detector_picture``, with grey to its right and below it so that parts have few sizes."""
    height, width = part.shape[:2]
    shown = np.full((_up_to(height, _PART_STEP_PX), _up_to(width, _PART_STEP_PX), 3), _GREY, dtype=np.uint8)
    shown[:height, :width] = part
    return shown


def _detector_size(picture: Picture) -> tuple[int, int]:
    """Width and height: the smallest of few that shows no less, where one does so without stretching much."""
    height, width = picture.shape[:2]
    scale = min(_enlarged(height, width), DETECTION_SIDE_PX / max(height, width))
    wanted = (width * scale, height * scale)
    coarse = itertools.product(_coarse_sides(wanted[0]), _coarse_sides(wanted[1]))
    few = [size for size in coarse if _is_like(size, wanted)]
    return min(few, key=math.prod, default=(_nearest(int(wanted[0]), CELL_PX), _nearest(int(wanted[1]), CELL_PX)))


def _enlarged(height: int, width: int) -> float:
    most = min(_MOST_ENLARGED, max(_NARROW_ENLARGED, _ENLARGED_SIDE_PX / max(height, width)))
    return max(1.0, min(most, math.sqrt(_LEAST_DETECTION_PX / (height * width))))


def _coarse_sides(side_px: float) -> tuple[int, int]:
    shorter_px = int(side_px) // _COARSE_PX * _COARSE_PX
    return max(_COARSE_PX, shorter_px), min(DETECTION_SIDE_PX, shorter_px + _COARSE_PX)


def _is_like(size: tuple[int, int], wanted: tuple[float, float]) -> bool:
    wider, higher = size[0] / wanted[0], size[1] / wanted[1]
    return wider * higher >= _LEAST_SHOWN and max(wider / higher, higher / wider) <= _MOST_STRETCHED


def _nearest(px: float, step_px: int) -> int:
    return max(1, round(px / step_px)) * step_px


def _up_to(px: int, step_px: int) -> int:
    return math.ceil(px / step_px) * step_px


def network_input(picture: Picture) -> NDArray[np.float32]:
    """A picture, uint8 [H, W, 3], in the form that a network takes."""
    dnn = importlib.import_module("cv2").dnn
    blob: NDArray[np.float32] = dnn.blobFromImage(picture, 1 / _MEAN, mean=(_MEAN, _MEAN, _MEAN))
    return blob


def line_width_px(crop: Picture, squeeze: float) -> tuple[int, int]:
    """Width of a line in the recogniser's pixels, its letters made narrower by ``squeeze`` (1: not); that with padding.

    RapidOCR pads a line to the longest of six, and to 320 pixels at least: a third of its work is on padding.
    """
    width_px = max(1, math.ceil(LINE_HEIGHT_PX * crop.shape[1] / crop.shape[0] * squeeze))
    return width_px, _padded_width(width_px + _LEAST_PADDING_PX)


def _padded_width(least_px: int) -> int:
    step_px = _WIDTH_STEP_PX if least_px <= _LONG_PX else 2 * _WIDTH_STEP_PX
    return max(_LEAST_WIDTH_PX, _up_to(least_px, step_px))


def usual_widths() -> list[int]:
    """Padded widths of most lines, the shortest first."""
    return sorted({_padded_width(least_px) for least_px in range(1, _USUAL_PX + 1)})


def line_input(crop: Picture, squeeze: float) -> tuple[NDArray[np.float32], float]:
    """The picture of a line as the recogniser is shown it, with grey behind it, and its share of the width."""
    width_px, padded_px = line_width_px(crop, squeeze)
    line = network_input(importlib.import_module("cv2").resize(crop, (width_px, LINE_HEIGHT_PX)))
    return np.pad(line, ((0, 0), (0, 0), (0, 0), (0, padded_px - width_px))), width_px / padded_px

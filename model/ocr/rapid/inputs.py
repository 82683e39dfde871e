"""Network inputs of PP-OCR: a picture or a line, scaled to -1..1, as float32 [1, 3, height, width].

The values are RapidOCR's own (``DetPreProcess``, ``TextRecognizer.resize_norm_img``), but for the padding of a line and
without its detour through float64.
"""

import importlib
import math

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

# Longer pictures are shrunk to this for detection (recognition sees their own pixels). Memes of 640 pixels do not care;
# on screenshots of three times that height word F1 is .85 at 736, .90 at 960, .91 at 1280 and at 1920.
DETECTION_SIDE_PX = 1280
#: The recogniser reads lines of this height.
LINE_HEIGHT_PX = 48
# The detector takes multiples of it.
_SIDE_STEP_PX = 32
_MEAN = 127.5
# Networks are compiled or planned anew for each shape of their input: a few widths for all lines are enough.
_WIDTH_STEP_PX = 16
# A line ends with so much padding at least: it has a frame of its own after the last letter.
_LEAST_PADDING_PX = 8


def detector_size(picture: Picture) -> tuple[int, int]:
    """Width and height at which the detector looks at a picture, uint8 [H, W, 3]."""
    height, width = picture.shape[:2]
    scale = min(1.0, DETECTION_SIDE_PX / max(height, width))
    return _detector_side(width * scale), _detector_side(height * scale)


def _detector_side(side_px: float) -> int:
    return max(_SIDE_STEP_PX, round(int(side_px) / _SIDE_STEP_PX) * _SIDE_STEP_PX)


def network_input(picture: Picture, width_px: int, height_px: int) -> NDArray[np.float32]:
    """A picture, uint8 [H, W, 3], in the size and form that a network takes."""
    dnn = importlib.import_module("cv2").dnn
    blob: NDArray[np.float32] = dnn.blobFromImage(picture, 1 / _MEAN, (width_px, height_px), (_MEAN, _MEAN, _MEAN))
    return blob


def line_width_px(crop: Picture, squeeze: float) -> tuple[int, int]:
    """Width of a line in the recogniser's pixels, its letters made narrower by ``squeeze`` (1: not); that with padding.

    RapidOCR pads a line to the longest of six, and to 320 pixels at least: a third of its work is on padding.
    """
    width_px = max(1, math.ceil(LINE_HEIGHT_PX * crop.shape[1] / crop.shape[0] * squeeze))
    return width_px, math.ceil((width_px + _LEAST_PADDING_PX) / _WIDTH_STEP_PX) * _WIDTH_STEP_PX


def line_input(crop: Picture, squeeze: float) -> tuple[NDArray[np.float32], float]:
    """The picture of a line as the recogniser is shown it, with grey behind it, and its share of the width."""
    width_px, padded_px = line_width_px(crop, squeeze)
    line = network_input(crop, width_px, LINE_HEIGHT_PX)
    return np.pad(line, ((0, 0), (0, 0), (0, 0), (0, padded_px - width_px))), width_px / padded_px

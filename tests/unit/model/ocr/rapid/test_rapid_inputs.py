import importlib
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.ocr.ctc import DecodedChar
from model.ocr.rapid.inputs import (
    DETECTION_SIDE_PX,
    LINE_HEIGHT_PX,
    detector_size,
    line_input,
    line_width_px,
    network_input,
)
from model.ocr.rapid.recognition import is_certain

SIDES = st.integers(32, 1700)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height * 7919 + width).integers(0, 256, (height, width, 3)).astype(np.uint8)


@settings(max_examples=12)
@given(SIDES, SIDES)
def test_the_detector_is_given_what_rapidocr_gives_it(height: int, width: int) -> None:
    detector = importlib.import_module("rapidocr.ch_ppocr_det.utils")
    picture = noise(height, width)
    expected = detector.DetPreProcess(DETECTION_SIDE_PX, "max")(picture)
    width_px, height_px = detector_size(picture)
    given_px = network_input(picture, width_px, height_px)
    assert given_px.dtype == np.float32
    assert given_px.shape == expected.shape
    np.testing.assert_allclose(given_px, expected, atol=1e-5)


@given(st.integers(3, 200), st.integers(3, 3000), st.sampled_from([1.0, 0.75]))
def test_a_line_is_padded_by_less_than_two_frames_and_a_half_and_never_cut(
    height: int, width: int, squeeze: float
) -> None:
    width_px, padded_px = line_width_px(np.empty((height, width, 3), dtype=np.uint8), squeeze)
    assert width_px == math.ceil(LINE_HEIGHT_PX * width / height * squeeze)
    assert padded_px % 16 == 0
    assert 8 <= padded_px - width_px < 24


@given(st.integers(10, 100), st.integers(10, 900))
def test_a_line_that_is_not_squeezed_is_given_as_rapidocr_gives_it_with_less_behind_it(height: int, width: int) -> None:
    recogniser = importlib.import_module("rapidocr.ch_ppocr_rec.main")
    reader = recogniser.TextRecognizer.__new__(recogniser.TextRecognizer)
    reader.rec_image_shape = [3, LINE_HEIGHT_PX, 320]
    crop = noise(height, width)
    line, used_share = line_input(crop, 1.0)
    used_px = round(used_share * line.shape[3])
    expected = reader.resize_norm_img(crop, line.shape[3] / LINE_HEIGHT_PX)
    np.testing.assert_allclose(line[0], expected, atol=1e-5)
    assert not line[0, :, :, used_px:].any()


def chars(*confidences: float) -> list[DecodedChar]:
    return [DecodedChar("a", 0.5, confidence) for confidence in confidences]


def test_a_line_is_certain_when_all_of_it_and_each_letter_is() -> None:
    assert is_certain(chars(0.99, 0.98, 0.94))
    assert is_certain([*chars(0.99), DecodedChar(" ", 0.6, 0.1)])
    assert not is_certain(chars(*[0.99] * 20, 0.45))
    assert not is_certain(chars(0.95, 0.95))
    assert not is_certain([DecodedChar(" ", 0.5, 1.0)])
    assert not is_certain([])

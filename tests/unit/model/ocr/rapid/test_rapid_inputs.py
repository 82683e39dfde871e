import importlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.ocr.ctc import DecodedChar
from model.ocr.rapid.inputs import (
    CELL_PX,
    DETECTION_SIDE_PX,
    LINE_HEIGHT_PX,
    detector_part,
    detector_picture,
    line_input,
    line_width_px,
    network_input,
    usual_widths,
)
from model.ocr.rapid.recognition import is_certain

SIDES = st.integers(32, 1700)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height * 7919 + width).integers(0, 256, (height, width, 3)).astype(np.uint8)


@settings(max_examples=12)
@given(SIDES, SIDES)
def test_the_detector_is_given_the_numbers_that_rapidocr_gives_it(height: int, width: int) -> None:
    detector = importlib.import_module("rapidocr.ch_ppocr_det.utils")
    shown = detector_picture(noise(height, width))
    expected = detector.DetPreProcess(DETECTION_SIDE_PX, "max")(shown)
    given_px = network_input(shown)
    assert given_px.dtype == np.float32
    assert given_px.shape == expected.shape
    np.testing.assert_allclose(given_px, expected, atol=1e-5)


@given(SIDES, SIDES)
def test_a_picture_is_shown_to_the_detector_in_whole_cells_and_hardly_stretched(height: int, width: int) -> None:
    shown_height, shown_width = shown_size(height, width)
    assert shown_height % CELL_PX == shown_width % CELL_PX == 0
    assert max(shown_height, shown_width) <= DETECTION_SIDE_PX
    scale = min(1.0, DETECTION_SIDE_PX / max(height, width))
    assert shown_height * shown_width >= 0.95 * (height * scale - CELL_PX / 2) * (width * scale - CELL_PX / 2)
    is_stretched = (shown_height / height) / (shown_width / width)
    short_side_px = min(shown_height, shown_width)
    assert max(is_stretched, 1 / is_stretched) <= max(1.1, 1 + 1.2 * CELL_PX / short_side_px)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(300, 400, (384, 512)), (225, 225, (448, 448)), (64, 64, (192, 192)), (140, 1000, (160, 1184))],
)
def test_a_small_picture_is_enlarged_up_to_three_times(height: int, width: int, expected: tuple[int, int]) -> None:
    assert shown_size(height, width) == expected


def test_pictures_of_many_sizes_are_shown_in_few() -> None:
    sizes = {shown_size(height, width) for height in range(400, 700, 7) for width in range(400, 700, 7)}
    assert len(sizes) <= 40


@given(st.integers(1, 40), st.integers(1, 40))
def test_a_part_is_shown_as_it_is_in_one_of_few_sizes(rows: int, columns: int) -> None:
    part = noise(rows * CELL_PX, columns * CELL_PX)
    shown = detector_part(part)
    np.testing.assert_array_equal(shown[: part.shape[0], : part.shape[1]], part)
    assert all(side_px % (4 * CELL_PX) == 0 for side_px in shown.shape[:2])
    assert all(shown.shape[axis] - part.shape[axis] < 4 * CELL_PX for axis in (0, 1))
    assert (shown == 127).sum() >= shown.size - part.size


def shown_size(height: int, width: int) -> tuple[int, ...]:
    return detector_picture(np.zeros((height, width, 3), dtype=np.uint8)).shape[:2]


@given(st.integers(3, 200), st.integers(3, 3000), st.sampled_from([1.0, 0.75]))
def test_a_line_is_padded_to_one_of_a_few_widths_and_never_cut(height: int, width: int, squeeze: float) -> None:
    width_px, padded_px = line_width_px(np.empty((height, width, 3), dtype=np.uint8), squeeze)
    assert width_px == math.ceil(LINE_HEIGHT_PX * width / height * squeeze)
    assert padded_px >= width_px + 8
    assert padded_px == 128 or padded_px - width_px < 8 + max(64, padded_px / 8)


def test_longer_lines_have_fewer_widths() -> None:
    widths = {line_width_px(np.empty((48, width, 3), dtype=np.uint8), 1.0)[1] for width in range(1, 3064)}
    assert len(widths) <= 32
    assert usual_widths() == sorted(width for width in widths if width <= 640)


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

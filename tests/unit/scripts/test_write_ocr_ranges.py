"""Which range is taken for a product, and which product stays in float32."""

from pathlib import Path

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from openvino import opset13
from support.scripts import script

Calibration = script("write_ocr_ranges").Calibration


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A softmax over two channels that a convolution named "conv" makes of one."""
    pixels = opset13.parameter([1, 1, -1, -1], np.float32, name="pixels")
    weights = np.array([4.0, -4.0], dtype=np.float32).reshape(2, 1, 1, 1)
    conv = opset13.convolution(pixels, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    conv.set_friendly_name("conv")
    path = tmp_path / "network.xml"
    openvino.save_model(openvino.Model([opset13.softmax(conv, 1)], [pixels], "network"), path, compress_to_fp16=False)
    return path


def pictures(outlier: float) -> list[NDArray[np.float32]]:
    """Numbers from -1 to 1, and one in ten thousand that is far from them."""
    rng = np.random.default_rng(0)
    found = [rng.uniform(-1, 1, (1, 1, 100, 100)).astype(np.float32) for _ in range(3)]
    for one in found:
        one[0, 0, 50, 50] = outlier
    return found


def test_an_outlier_is_left_out_of_a_range_where_the_answer_is_nearer_so(network: Path) -> None:
    given = pictures(outlier=500.0)
    low, high = Calibration(network, given, given).ranges(most_moved=0.1)["conv"]
    assert (low, high) == pytest.approx((-1, 1), abs=0.1)


def test_all_that_was_seen_is_in_a_range_without_outliers(network: Path) -> None:
    given = pictures(outlier=1.0)
    assert Calibration(network, given, given).ranges(most_moved=0.1)["conv"] == pytest.approx((-1, 1), abs=1e-3)


def test_a_product_that_moves_more_than_the_most_stays_in_float32(network: Path) -> None:
    given = pictures(outlier=1.0)
    assert Calibration(network, given, given).ranges(most_moved=0.0) == {}


def test_what_moves_is_told_as_a_share_of_the_probability(network: Path) -> None:
    given = pictures(outlier=1.0)
    calibration = Calibration(network, given, given)
    assert calibration.moved({}) == 0.0
    # All to one side of 0: half of the numbers become 0, at which the softmax is even.
    assert 0.3 < calibration.moved({"conv": (0.0, 1.0)}) < 1.0

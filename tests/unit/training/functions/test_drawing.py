"""Drawings of the functional test."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.image_hashes import Fingerprint, fingerprint
from training.datasets import DatasetError
from training.functions.drawing import SIDE_PX, draw, draw_all
from training.functions.templates import read_functional_test

DRAWINGS = read_functional_test().drawings


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return draw_all(list(DRAWINGS), DRAWINGS, tmp_path_factory.mktemp("drawings"))


def test_every_drawing_is_a_picture_of_its_own(files: dict[str, Path]) -> None:
    prints = [fingerprint(path) for path in files.values()]
    assert all(isinstance(one, Fingerprint) and one.hashes is not None for one in prints)
    assert len({one.digest for one in prints if isinstance(one, Fingerprint)}) == len(DRAWINGS)


def test_a_drawing_has_its_colours_where_its_shapes_are() -> None:
    picture = np.asarray(draw("flag_of_ukraine", DRAWINGS))
    assert picture.shape == (SIDE_PX, SIDE_PX, 3)
    at = {name: picture[round(y * SIDE_PX), SIDE_PX // 2].tolist() for name, y in (("top", 0.3), ("bottom", 0.7))}
    assert at == {"top": [0, 87, 183], "bottom": [255, 215, 0]}


def test_a_star_has_its_points_outside_and_gaps_between_them() -> None:
    plain = {"star": {"background": "white", "shapes": [{"star": [50, 50, 40, 5], "fill": "black"}]}}
    picture = np.asarray(draw("star", plain).convert("L")) < 128
    at = [
        picture[round(y * SIDE_PX / 100), round(x * SIDE_PX / 100)]
        for x, y in ((50, 15), (50, 50), (50, 85), (85, 39), (15, 39))
    ]
    assert at == [True, True, False, True, True]


@pytest.mark.parametrize(
    "shape", [{"circle": [1, 2, 3, 4], "fill": "red"}, {"rect": [1, 2], "fill": "red"}, {"rect": [1, 2, 3, 4]}]
)
def test_a_shape_that_cannot_be_drawn_is_refused_by_the_name_of_its_drawing(shape: dict[str, object]) -> None:
    with pytest.raises(DatasetError, match="drawing 'odd'"):
        draw("odd", {"odd": {"background": "white", "shapes": [shape]}})


def test_a_drawing_that_is_not_there_is_refused() -> None:
    with pytest.raises(DatasetError, match="no drawing 'unicorn'"):
        draw("unicorn", DRAWINGS)


def test_the_same_pixels_are_drawn_every_time(files: dict[str, Path]) -> None:
    with Image.open(files["snake"]) as first:
        assert np.array_equal(np.asarray(first), np.asarray(draw("snake", DRAWINGS)))

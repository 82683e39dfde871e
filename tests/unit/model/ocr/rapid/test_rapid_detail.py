import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.script_memes import fonts_for
from model.ocr.boxes import area, intersection
from model.ocr.rapid.detail import cells_around, holds, lost_detail, rectangles, unclear_cells
from model.ocr.rapid.inputs import CELL_PX
from model.ocr.rapid.line import Region, rectangle
from model.ocr.types import Box

SIDE_PX = 20 * CELL_PX


def lost_in_half(image: Image.Image) -> NDArray[np.bool_]:
    copy = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    return lost_detail(np.asarray(image), np.asarray(copy))


@pytest.mark.parametrize("font_px", [9, 12, 16, 20])
@pytest.mark.parametrize("ink", [0, 90, 170])
def test_small_letters_are_detail_that_the_copy_has_lost(font_px: int, ink: int) -> None:
    image = Image.new("RGB", (SIDE_PX, SIDE_PX), "white")
    font = ImageFont.truetype(fonts_for("small")[0], font_px)
    ImageDraw.Draw(image).text((330, 300), "small", font=font, fill=(ink, ink, ink))
    cells = cells_around(lost_in_half(image))
    assert cells[300 // CELL_PX, 330 // CELL_PX]
    assert cells.mean() < 0.1


def test_a_smooth_picture_has_none() -> None:
    colours = np.linspace(0, 255, SIDE_PX)[:, np.newaxis, np.newaxis].repeat(SIDE_PX, axis=1).repeat(3, axis=2)
    assert not lost_in_half(Image.fromarray(colours.astype(np.uint8))).any()


@st.composite
def pictures(draw: st.DrawFn) -> tuple[NDArray[np.bool_], list[Region]]:
    """Where detail is lost, and the lines that the copy shows."""
    lost = np.zeros((SIDE_PX, SIDE_PX), dtype=bool)
    for left, top in draw(st.lists(st.tuples(st.integers(0, SIDE_PX - 20), st.integers(0, SIDE_PX - 20)), max_size=6)):
        lost[top : top + 20, left : left + 20] = True
    boxes = st.tuples(st.integers(0, 400), st.integers(0, 580), st.integers(8, 230), st.integers(8, 58))
    regions = [
        Region(rectangle((left, top, left + width, top + height)), score)
        for (left, top, width, height), score in draw(st.lists(st.tuples(boxes, st.floats(0.5, 1.0)), max_size=6))
    ]
    return lost, regions


@given(pictures())
def test_each_line_lies_in_one_rectangle_or_in_none_and_rectangles_lie_apart(
    picture: tuple[NDArray[np.bool_], list[Region]],
) -> None:
    lost, regions = picture
    cells = unclear_cells(lost, regions)
    boxes: list[Box] = [
        (left * CELL_PX, top * CELL_PX, right * CELL_PX, bottom * CELL_PX)
        for left, top, right, bottom in rectangles(cells)
    ]
    assert sum(area(box) for box in boxes) == cells.sum() * CELL_PX**2
    for region in regions:
        shares = [area(intersection(region.box, box)) / area(region.box) for box in boxes]
        assert sum(shares) == (1.0 if holds(cells, region) else 0.0)


@given(pictures())
def test_lost_detail_away_from_clear_lines_is_looked_at_again(
    picture: tuple[NDArray[np.bool_], list[Region]],
) -> None:
    lost, regions = picture
    for region in regions:
        left, top, right, bottom = region.box
        lost[max(0, top - 6) : bottom + 6, max(0, left - 6) : right + 6] = False
    cells = unclear_cells(lost, regions)
    assert np.all(cells[cells_around(lost)])
    assert all(holds(cells, region) for region in regions if region.score < 0.65)


def test_a_line_that_the_copy_shows_clearly_is_not_looked_at_again() -> None:
    lost = np.zeros((SIDE_PX, SIDE_PX), dtype=bool)
    lost[100:160, 100:500] = True
    clear = Region(rectangle((100, 100, 500, 160)), 0.9)
    assert not unclear_cells(lost, [clear]).any()
    assert holds(unclear_cells(lost, [Region(clear.quad, 0.55)]), clear)

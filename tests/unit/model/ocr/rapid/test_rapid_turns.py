import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFont

from benchmarks.script_memes import draw_lines, fonts_for
from model.ocr.boxes import containment
from model.ocr.rapid import RapidOcrEngine
from model.ocr.turn import UPRIGHT, Turn

LINES = ["good morning friends", "nobody wants to work", "when the cat sleeps"]
TURNS = [
    Turn(turned, sideways, over) for turned in (False, True) for sideways in (False, True) for over in (False, True)
]


@pytest.fixture(scope="module")
def engine() -> RapidOcrEngine:
    return RapidOcrEngine(threads=1)


def meme(*, dark: bool = False) -> tuple[Image.Image, list[tuple[int, int, int, int]]]:
    image = Image.new("RGB", (480, 300), (70, 90, 120) if dark else "white")
    font = ImageFont.truetype(fonts_for("good")[0], 30)
    return image, draw_lines(image, LINES, font, outlined=dark)


@pytest.mark.parametrize("turn", TURNS, ids=str)
@pytest.mark.parametrize("dark", [False, True], ids=["black on white", "white on dark"])
def test_a_turned_or_mirrored_meme_is_read_with_boxes_where_its_words_are(
    engine: RapidOcrEngine, turn: Turn, dark: bool
) -> None:
    image, boxes = meme(dark=dark)
    turned = np.ascontiguousarray(turn.picture(np.asarray(image)))
    result = engine.read(turned)
    assert (result.status, result.text.splitlines()) == ("ok", LINES)
    drawn = [turn.box(box, image.width, image.height) for box in boxes]
    for word in result.words:
        (line,) = [index for index, text in enumerate(LINES) if word.text in text.split()]
        assert containment(word.box, drawn[line]) > 0.5


def test_a_line_on_its_side_beside_upright_ones_is_read_too(engine: RapidOcrEngine) -> None:
    image, _ = meme()
    side = Image.new("RGB", (300, 60), "white")
    draw_lines(side, ["wonderful neighbours"], ImageFont.truetype(fonts_for("good")[0], 26))
    both = Image.new("RGB", (560, 300), "white")
    both.paste(image, (80, 0))
    both.paste(side.rotate(90, expand=True), (0, 0))
    result = engine.read(np.asarray(both))
    assert sorted(result.text.split()) == sorted(" ".join([*LINES, "wonderful neighbours"]).split())
    assert all(word.box[2] <= 80 for word in result.words if word.text in ("wonderful", "neighbours"))


@given(st.sampled_from(TURNS), st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_view_moves_a_box_as_it_moves_the_pixels_in_it(
    turn: Turn, width: int, height: int, data: st.DataObject
) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    pixels = np.zeros((height, width), dtype=np.uint8)
    pixels[top:bottom, left:right] = 1
    rows, columns = np.nonzero(turn.picture(pixels))
    assert turn.box((left, top, right, bottom), width, height) == (
        columns.min(),
        rows.min(),
        columns.max() + 1,
        rows.max() + 1,
    )


def test_the_upright_view_changes_nothing() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    np.testing.assert_array_equal(UPRIGHT.picture(pixels), pixels)
    assert UPRIGHT.box((1, 2, 3, 4), 10, 10) == (1, 2, 3, 4)

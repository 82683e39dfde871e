import importlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from benchmarks.script_memes import fonts_for
from model.ocr.boxes import containment
from model.ocr.rapid import RapidOcrEngine
from model.ocr.rapid.inputs import DETECTION_SIDE_PX
from model.ocr.rapid.line import MIN_LINE_CONFIDENCE, Region, rectangle
from model.ocr.rapid.sheet import OVERLAP_PX, WHOLE_SIDE_PX, is_tiled, join_at_seams, tiled_sheet
from training.data.meme_renderer import STYLES, MemeStyle, render_meme


@pytest.fixture(scope="module")
def engine() -> RapidOcrEngine:
    return RapidOcrEngine(threads=1)


def page(width: int, height: int, lines: list[tuple[tuple[int, int], str]], font_px: int = 34) -> Image.Image:
    image = Image.new("RGB", (width, height), (240, 240, 240))
    font = ImageFont.truetype(fonts_for("page")[0], font_px)
    for at, text in lines:
        ImageDraw.Draw(image).text(at, text, font=font, fill=(20, 20, 20))
    return image


def test_a_tall_screenshot_is_read_whole_and_each_line_once(engine: RapidOcrEngine) -> None:
    tops = [40, 700, 930, 960 + 40, 1500, 2600, 3900]
    texts = [f"message number {index + 1}" for index in range(len(tops))]
    image = page(640, 4000, [((60, top), text) for top, text in zip(tops, texts, strict=True)])
    result = engine.read(np.asarray(image))
    assert (result.status, result.text.splitlines()) == ("ok", texts)
    for line, top in zip(range(0, len(result.words), 3), tops, strict=True):
        assert abs(result.words[line].box[1] - top) < 20


def test_one_small_line_in_a_very_tall_picture_is_found(engine: RapidOcrEngine) -> None:
    result = engine.read(np.asarray(page(1080, 12000, [((400, 9000), "see you later")], font_px=30)))
    assert (result.status, result.text) == ("ok", "see you later")
    assert abs(result.words[0].box[1] - 9000) < 20


def test_a_line_that_runs_through_a_wide_picture_is_read_once(engine: RapidOcrEngine) -> None:
    text = "a long line of words that goes on and on over all the seams of a wide banner until it ends over here"
    result = engine.read(np.asarray(page(2400, 160, [((20, 50), text)], font_px=40)))
    assert (result.status, result.text) == ("ok", text)


@pytest.mark.parametrize("style", STYLES)
def test_an_ordinary_meme_is_read_as_rapidocr_reads_it_in_one_go(engine: RapidOcrEngine, style: MemeStyle) -> None:
    background = Image.new("RGB", (500, 400), (70, 90, 120))
    words = [f"{n} words of a meme" for n in ("some", "other", "many more")]
    meme = np.asarray(render_meme(background, words, style=style, rng=np.random.default_rng(5)).image)
    assert not is_tiled(meme)
    recognised = _whole(meme)
    expected = {
        text.replace(" ", "")
        for text, score in zip(recognised.txts, recognised.scores, strict=True)
        if score >= MIN_LINE_CONFIDENCE
    }
    found = engine.read(meme)
    assert found.status == "ok"
    assert set(found.text.replace(" ", "").splitlines()) == expected


def _whole(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> Any:
    rapidocr = importlib.import_module("rapidocr")
    models = Path(str(rapidocr.__file__)).parent / "models"
    reader = rapidocr.RapidOCR(
        params={
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "Det.limit_side_len": DETECTION_SIDE_PX,
            "Det.limit_type": "max",
            "Global.use_cls": False,
            "Global.log_level": "error",
        }
    )
    prepared, record = reader.preprocess_img(np.ascontiguousarray(picture[:, :, ::-1]))
    return reader.run_ocr_steps(prepared, record)[2]


@given(st.integers(1, 700), st.integers(WHOLE_SIDE_PX + 1, 9000), st.booleans())
def test_tiles_cover_a_long_picture_and_any_line_lies_whole_in_one(across: int, along: int, is_tall: bool) -> None:
    height, width = (along, across) if is_tall else (across, along)
    picture = np.broadcast_to(np.uint8(0), (height, width, 3))
    assert is_tiled(picture) == (along >= 2.5 * across)
    sheet = tiled_sheet(picture)
    reach = [(tile[1], tile[3]) if is_tall else (tile[0], tile[2]) for tile in sheet.tiles]
    assert reach[0][0] == 0
    assert reach[-1][1] == along
    for (_, end), (start, _) in pairwise(reach):
        assert end - start >= min(OVERLAP_PX, across)


@given(st.lists(st.integers(0, 3800), min_size=1, max_size=12), st.integers(20, 150))
def test_lines_that_two_tiles_found_are_joined_and_no_two_lines_are(tops: list[int], line_px: int) -> None:
    lines = [(30, top, 600, top + line_px) for top in sorted(set(tops))]
    apart = [line for before, line in zip([(0, -999, 0, -999), *lines], lines, strict=False) if line[1] >= before[3]]
    sheet = tiled_sheet(np.broadcast_to(np.uint8(0), (4000, 700, 3)))
    found = [
        [Region(rectangle(_cut(line, tile)), 0.8) for line in apart if line[1] < tile[3] and line[3] > tile[1]]
        for tile in sheet.tiles
    ]
    joined = sorted(region.box for region in join_at_seams(found))
    assert len(joined) == len(apart)
    assert all(containment(box, line) == 1.0 for box, line in zip(joined, apart, strict=True))


def _cut(line: tuple[int, int, int, int], tile: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return line[0], max(line[1], tile[1]), line[2], min(line[3], tile[3])

"""What a picture costs, in pixels that the networks are given: no clock says it, so a busy machine changes nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.ocr_november import NovemberRapidOcr
from benchmarks.ocr_work import CountedRapidOcr, OcrWork
from benchmarks.script_memes import draw_lines, fonts_for
from model.ocr import OcrEngine
from training.data.meme_renderer import STYLES, MemeStyle, render_meme

Picture = NDArray[np.uint8]

CAPTIONS = ["when nobody laughs", "at your very best joke"]


@pytest.fixture(scope="module")
def now() -> CountedRapidOcr:
    return CountedRapidOcr(threads=1)


@pytest.fixture(scope="module")
def november() -> NovemberRapidOcr:
    return NovemberRapidOcr(threads=1)


def read(engine: CountedRapidOcr | NovemberRapidOcr, picture: Picture) -> tuple[list[str], OcrWork]:
    engine.work.taken()
    reader: OcrEngine = engine
    result = reader.read(picture)
    assert result.status == "ok"
    return result.text.splitlines(), engine.work.taken()


def page(lines: list[tuple[tuple[int, int], str, int]], size: tuple[int, int]) -> Picture:
    image = Image.new("RGB", size, "white")
    font = ImageFont.truetype(fonts_for("page")[0], 20)
    for at, text, font_px in lines:
        ImageDraw.Draw(image).text(at, text, font=font.font_variant(size=font_px), fill="black")
    return np.asarray(image)


def sky(width: int, height: int) -> Picture:
    colours = np.linspace(60, 220, height)[:, np.newaxis, np.newaxis] * np.array([0.6, 0.8, 1.0])
    return np.broadcast_to(colours, (height, width, 3)).astype(np.uint8)


def joke(style: MemeStyle) -> Image.Image:
    background = Image.new("RGB", (500, 400), (70, 90, 120))
    return render_meme(background, CAPTIONS, style=style, rng=np.random.default_rng(5)).image


@pytest.mark.parametrize("style", STYLES)
def test_a_meme_is_read_as_in_november_with_fewer_pixels(
    now: CountedRapidOcr, november: NovemberRapidOcr, style: MemeStyle
) -> None:
    meme = np.asarray(joke(style))
    (expected, before), (found, after) = read(november, meme), read(now, meme)
    assert found == expected
    assert after.recogniser.n_pixels < before.recogniser.n_pixels
    assert after.detector.n_pixels <= 1.1 * before.detector.n_pixels


def test_short_lines_beside_a_long_one_are_not_padded_to_it(now: CountedRapidOcr, november: NovemberRapidOcr) -> None:
    texts = ["a long line of many words that runs over all of the picture", "yes", "no", "maybe", "never"]
    picture = page([((20, 30 + 60 * row), text, 24) for row, text in enumerate(texts)], (800, 340))
    (expected, before), (found, after) = read(november, picture), read(now, picture)
    assert found == expected == texts
    assert after.recogniser.n_pixels < 0.4 * before.recogniser.n_pixels


def test_a_small_meme_is_read_which_was_not_in_november(now: CountedRapidOcr, november: NovemberRapidOcr) -> None:
    meme = joke("caption_bar")
    picture = np.asarray(meme.resize((meme.width // 4, meme.height // 4), Image.Resampling.LANCZOS))
    assert read(november, picture)[0] == []
    assert read(now, picture)[0] == CAPTIONS


@pytest.mark.parametrize("ink", [0, 120, 190], ids=["black", "grey", "faint"])
def test_tiny_text_on_a_large_picture_is_read_as_in_november_with_half_the_pixels(
    now: CountedRapidOcr, november: NovemberRapidOcr, ink: int
) -> None:
    texts = ["LARGE TITLE", "follow us for more of this"]
    image = Image.fromarray(page([((80, 60), texts[0], 90)], (1200, 800)))
    font = ImageFont.truetype(fonts_for("page")[0], 15)
    ImageDraw.Draw(image).text((700, 600), texts[1], font=font, fill=(ink, ink, ink))
    (expected, before), (found, after) = read(november, np.asarray(image)), read(now, np.asarray(image))
    assert found == expected == texts
    assert after.detector.n_pixels < 0.5 * before.detector.n_pixels


def test_a_large_meme_is_looked_at_in_half_its_size(now: CountedRapidOcr, november: NovemberRapidOcr) -> None:
    background = Image.fromarray(sky(1080, 1080))
    captions = ["when nobody laughs", "at your very best joke"]
    meme = np.asarray(render_meme(background, captions, style="classic", rng=np.random.default_rng(5)).image)
    (expected, before), (found, after) = read(november, meme), read(now, meme)
    assert found == expected
    assert after.detector.n_pixels < 0.3 * before.detector.n_pixels


def test_a_large_picture_full_of_detail_is_looked_at_once(now: CountedRapidOcr, november: NovemberRapidOcr) -> None:
    image = Image.effect_noise((1000, 800), 60).convert("RGB")
    draw_lines(image, ["good morning friends"], ImageFont.truetype(fonts_for("good")[0], 60))
    (expected, before), (found, after) = read(november, np.asarray(image)), read(now, np.asarray(image))
    assert found == expected
    assert after.detector.n_calls == 1
    assert after.detector.n_pixels == pytest.approx(before.detector.n_pixels, rel=0.1)


def test_a_picture_of_one_colour_costs_nothing(now: CountedRapidOcr) -> None:
    assert read(now, np.full((400, 400, 3), 90, dtype=np.uint8)) == ([], OcrWork())


def test_a_picture_without_text_is_looked_at_once_and_nothing_is_recognised(now: CountedRapidOcr) -> None:
    lines, work = read(now, sky(500, 400))
    assert (lines, work.detector.n_calls, work.recogniser.n_calls) == ([], 1, 0)


def test_a_line_that_is_read_surely_is_read_once_and_a_turned_one_again(now: CountedRapidOcr) -> None:
    image = Image.new("RGB", (480, 120), "white")
    draw_lines(image, ["good morning friends"], ImageFont.truetype(fonts_for("good")[0], 30))
    upright = np.asarray(image)
    lines, work = read(now, upright)
    assert (lines, work.recogniser.n_calls) == (["good morning friends"], 1)
    lines, work = read(now, np.ascontiguousarray(upright[::-1, ::-1]))
    assert (lines, work.recogniser.n_calls) == (["good morning friends"], 3)

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from benchmarks.script_memes import READ, UNREAD, draw_lines, fonts_for, script_meme
from model.ocr.boxes import containment
from model.ocr.ctc import DecodedChar
from model.ocr.rapid import RapidOcrEngine
from model.ocr.rapid.doubt import is_doubtful
from model.ocr.rapid.line import ReadLine, Region, rectangle
from model.ocr.turn import UPRIGHT


@pytest.fixture(scope="module")
def engine() -> RapidOcrEngine:
    return RapidOcrEngine(threads=1)


@pytest.mark.parametrize("language", ["Russian", "Greek", "Arabic", "Hebrew", "Armenian", "Georgian"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_line_in_another_script_beside_an_english_one_is_told_as_unread(
    engine: RapidOcrEngine, language: str, seed: int
) -> None:
    text = UNREAD[language][0]
    meme = script_meme(text, fonts_for(text)[0], rng=np.random.default_rng(seed))
    result = engine.read(np.asarray(meme.image))
    assert result.status == "partial"
    assert result.detail == f"not all of the text could be read (places: {len(result.unread)})"
    assert any(containment(box, meme.box) > 0.5 for box in result.unread)


@pytest.mark.parametrize("text", [*READ["English"], *READ["French"], *READ["Polish"]])
def test_a_line_in_a_script_that_is_read_is_not(engine: RapidOcrEngine, text: str) -> None:
    meme = script_meme(text, fonts_for(text)[0], rng=np.random.default_rng(4))
    result = engine.read(np.asarray(meme.image))
    assert (result.status, result.unread, result.detail) == ("ok", (), None)


def test_one_word_in_another_script_within_an_english_line_is_told_as_unread(engine: RapidOcrEngine) -> None:
    image = Image.new("RGB", (640, 120), "white")
    draw_lines(image, ["good morning дорогие друзья"], ImageFont.truetype(fonts_for("дорогие")[0], 34))
    assert engine.read(np.asarray(image)).status == "partial"


def test_shapes_and_textures_are_no_unread_text(engine: RapidOcrEngine) -> None:
    image = Image.effect_noise((480, 360), 30).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 40, 200, 200), fill=(200, 120, 40))
    draw.rectangle((260, 60, 420, 100), outline=(20, 20, 20), width=4)
    draw.polygon([(60, 330), (130, 230), (200, 330)], fill=(40, 90, 200))
    assert engine.read(np.asarray(image)).status == "ok"


def line(text: str, *, confidence: float = 0.99, score: float = 0.85, height_px: int = 30) -> ReadLine:
    """A line as it is read where it is evenly filled with its letters, twice as high as they are wide."""
    width_px = max(1, len(text)) * height_px // 2
    chars = tuple(
        DecodedChar(char, (index + 0.5) / len(text), confidence) for index, char in enumerate(text) if char != "_"
    )
    return ReadLine(Region(rectangle((0, 0, width_px, height_px)), score), UPRIGHT, chars)


@pytest.mark.parametrize(
    "read",
    [
        line("________"),  # blanks
        line("B_e_ yt_o", confidence=0.5),
        line("DOPOTNE APY3BR", confidence=0.8),
        line("good morning ________"),
        line("καλη μερα"),
        line("HKTO HE XO ET PAOTAT"),
        line("OTAN H TATA KOIMATAI"),
    ],
    ids=lambda read: "".join(char.char for char in read.chars),
)
def test_what_another_script_is_read_as_is_doubtful(read: ReadLine) -> None:
    assert is_doubtful(read, short_side_px=400)


@pytest.mark.parametrize(
    "read",
    [
        line("good morning"),
        line("THAT MOMENT"),
        line("AHHHHHHHHHHHHH"),
        line("HA HA HA HA HA"),
        line("O_", confidence=0.4),  # an icon
        line("________", score=0.55),  # a texture
        line("________", height_px=9),  # nobody reads that
    ],
    ids=lambda read: f"{''.join(char.char for char in read.chars)} {read.region.score} {read.region.height_px}",
)
def test_what_ordinary_memes_hold_is_not(read: ReadLine) -> None:
    assert not is_doubtful(read, short_side_px=400)

import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.ocr import OcrEngine, OcrResult, make_engine
from model.ocr.base import Engine
from model.ocr.boxes import containment
from model.ocr.rapid import RapidOcrEngine
from model.ocr.tesseract import TesseractEngine
from model.ocr.types import Line, OcrWord
from training.data.meme_renderer import STYLES, MemeStyle, RenderedMeme, render_meme

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def rapidocr() -> RapidOcrEngine:
    return RapidOcrEngine(threads=2)


@pytest.fixture(scope="module", params=["rapidocr", "tesseract"])
def engine(request: pytest.FixtureRequest, rapidocr: RapidOcrEngine) -> OcrEngine:
    # A generous limit: the tests measure what is read, also on a machine that is busy with something else.
    return rapidocr if request.param == "rapidocr" else TesseractEngine(timeout_s=300)


def _meme(style: MemeStyle, *boxes: str, width: int = 480, height: int = 320) -> RenderedMeme:
    background = Image.new("RGB", (width, height), (70, 90, 120))
    return render_meme(background, boxes, style=style, rng=np.random.default_rng(5))


def _pixels(meme: RenderedMeme) -> Picture:
    return np.asarray(meme.image)


def _blank(height: int = 64, width: int = 64) -> Picture:
    return np.full((height, width, 3), 128, dtype=np.uint8)


@pytest.mark.parametrize("style", STYLES)
def test_both_engines_read_known_words_where_they_were_drawn(engine: OcrEngine, style: MemeStyle) -> None:
    meme = _meme(style, "one does not simply", "read every meme", width=720)
    result = engine.read(_pixels(meme))
    assert result.status == "ok"
    assert result.text.lower().split() == ["one", "does", "not", "simply", "read", "every", "meme"]
    assert [word.text for word in result.words] == result.text.split()
    for found, drawn in zip(result.words, meme.words, strict=True):
        # RapidOCR's boxes are as tall as the line's, so only the extent along the line is compared closely.
        letter_px = (drawn.box[2] - drawn.box[0]) / len(drawn.text)
        assert containment(found.box, drawn.box) > 0.8
        assert found.box[0] == pytest.approx(drawn.box[0], abs=letter_px / 2)
        assert found.box[2] == pytest.approx(drawn.box[2], abs=letter_px / 2)


def test_a_result_carries_confidence_engine_and_version(engine: OcrEngine) -> None:
    result = engine.read(_pixels(_meme("caption_bar", "hello world")))
    assert result.confidence is not None
    assert 0.6 < result.confidence <= 1.0
    assert all(0.0 <= word.confidence <= 1.0 for word in result.words)
    assert result.engine == engine.name
    assert result.engine_version == engine.version
    assert result.engine_version is not None
    assert result.engine_version[0].isdigit()


def test_lines_are_kept_apart_in_the_text(engine: OcrEngine) -> None:
    assert engine.read(_pixels(_meme("classic", "upper words", "lower words"))).text == "UPPER WORDS\nLOWER WORDS"


def test_a_picture_without_words_is_read_as_empty(engine: OcrEngine) -> None:
    result = engine.read(_blank())
    assert (result.status, result.text, result.words, result.confidence) == ("ok", "", (), None)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (7, 3), (40, 2500), (2500, 40)])
def test_pictures_of_any_shape_are_read_without_a_crash(engine: OcrEngine, shape: tuple[int, int]) -> None:
    assert engine.read(_blank(*shape)).status == "ok"


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 10, 3), (10, 0, 3), (10, 10), (10, 10, 4)])
def test_what_is_not_a_picture_is_reported_as_failed(engine: OcrEngine, shape: tuple[int, ...]) -> None:
    result = engine.read(np.zeros(shape, dtype=np.uint8))
    assert result.status == "failed"
    assert result.detail is not None
    assert "not a uint8 [H, W, 3] picture" in result.detail


def test_boxes_lie_inside_the_picture(engine: OcrEngine) -> None:
    pixels = _pixels(_meme("classic", "the whole width of it all " * 3, width=300, height=200))[:, 20:-20]
    words = engine.read(np.ascontiguousarray(pixels)).words
    assert words
    for word in words:
        left, top, right, bottom = word.box
        assert 0 <= left < right <= pixels.shape[1]
        assert 0 <= top < bottom <= pixels.shape[0]


def test_reads_from_several_threads_give_what_serial_reads_give(engine: OcrEngine) -> None:
    pictures = [_pixels(_meme(style, f"number {index}", width=260, height=160)) for index, style in enumerate(STYLES)]
    serial = [engine.read(picture) for picture in pictures]
    with ThreadPoolExecutor(max_workers=4) as pool:
        assert list(pool.map(engine.read, pictures * 2)) == serial * 2


def test_first_reads_from_several_threads_load_the_models_once() -> None:
    engine = RapidOcrEngine(threads=1)
    picture = _pixels(_meme("caption_bar", "hello"))
    with ThreadPoolExecutor(max_workers=4) as pool:
        results = list(pool.map(engine.read, [picture] * 4))
    assert [result.text for result in results] == ["hello"] * 4


def test_rapidocr_reads_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    result = RapidOcrEngine(threads=1).read(_pixels(_meme("caption_bar", "offline")))
    assert (result.status, result.text) == ("ok", "offline")


def test_a_vertical_line_gets_boxes_from_its_top_to_its_bottom(rapidocr: RapidOcrEngine) -> None:
    meme = _meme("caption_bar", "reading sideways", height=40)
    turned = np.ascontiguousarray(np.rot90(_pixels(meme), k=-1))
    result = rapidocr.read(turned)
    assert result.text == "reading sideways"
    first, second = (word.box for word in result.words)
    assert first[3] <= second[1] + 5


def _assert_unavailable(result: OcrResult, reason: str) -> None:
    assert (result.status, result.text, result.words) == ("unavailable", "", ())
    assert result.detail is not None
    assert reason in result.detail


def test_missing_tesseract_is_reported_not_scored_as_empty_text() -> None:
    engine = TesseractEngine(command="tesseract-that-is-not-there")
    assert engine.version is None
    assert "install the system package tesseract-ocr" in str(engine.unavailable_reason())
    _assert_unavailable(engine.read(_blank()), "install the system package tesseract-ocr")


def test_two_tesseract_engines_do_not_share_a_command() -> None:
    present = TesseractEngine(timeout_s=300)
    assert present.read(_blank()).status == "ok"
    assert TesseractEngine(command="tesseract-that-is-not-there").read(_blank()).status == "unavailable"
    assert present.read(_blank()).status == "ok"


def test_missing_rapidocr_package_is_reported_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    engine = make_engine("rapidocr")
    assert "pip install rapidocr" in str(engine.unavailable_reason())
    _assert_unavailable(engine.read(_blank()), "pip install rapidocr")


def test_an_engine_switched_off_says_so() -> None:
    engine = make_engine("none")
    assert engine.version is None
    _assert_unavailable(engine.read(_blank()), "OCR is switched off")


def test_an_unknown_engine_is_refused_with_the_known_names() -> None:
    with pytest.raises(ValueError, match="unknown OCR engine 'abbyy'; known engines: rapidocr, tesseract, none"):
        make_engine("abbyy")


def test_tesseract_stops_at_its_time_limit() -> None:
    result = TesseractEngine(timeout_s=0.01).read(_pixels(_meme("classic", "too slow")))
    assert (result.status, result.text) == ("timeout", "")
    assert result.detail == "the time for reading was over before all of the text was read"


class _CrashingEngine(Engine):
    name = "crashing"

    @property
    def version(self) -> str | None:
        return "1"

    def unavailable_reason(self) -> str | None:
        return None

    def _find_lines(self, image: Picture) -> Sequence[Line]:
        raise ZeroDivisionError(f"while reading private words in {image.shape}")


class _OverflowingEngine(_CrashingEngine):
    def _find_lines(self, image: Picture) -> Sequence[Line]:
        height, width = image.shape[:2]
        return [[OcrWord("edge", (-5, -5, width + 5, height + 5), 0.9), OcrWord("outside", (-9, -9, -1, -1), 0.9)]]


def test_a_crash_is_a_failure_that_tells_its_type_and_none_of_the_content() -> None:
    result = _CrashingEngine().read(_blank())
    assert (result.status, result.detail, result.text) == ("failed", "ZeroDivisionError", "")


def test_boxes_are_clipped_and_words_outside_the_picture_dropped() -> None:
    result = _OverflowingEngine().read(_blank(20, 30))
    assert result.words == (OcrWord("edge", (0, 0, 30, 20), 0.9),)
    assert result.text == "edge"


def test_importing_the_reading_room_loads_no_engine() -> None:
    code = "import sys, model.ocr; print({'rapidocr', 'pytesseract', 'cv2'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"

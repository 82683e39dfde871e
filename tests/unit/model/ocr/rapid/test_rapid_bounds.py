"""What a picture may cost, and that what is read does not depend on how the work is cut."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.script_memes import draw_lines, fonts_for
from model.budget import Budget
from model.ocr import OcrResult
from model.ocr.rapid import RapidOcrEngine
from model.ocr.rapid.recognition import cut_at_gaps

WORDS = ("no", "go", "we", "it", "ab")


@pytest.fixture(scope="module")
def engine() -> RapidOcrEngine:
    engine = RapidOcrEngine(threads=1)
    assert engine.unavailable_reason() is None
    return engine


def page_of_words(title: str = "", side_px: int = 640) -> NDArray[np.uint8]:
    """A page of some 400 tiny words, under a title in large letters."""
    page = Image.new("RGB", (side_px, side_px), "white")
    font = ImageFont.truetype(fonts_for("no")[0], 11)
    draw = ImageDraw.Draw(page)
    for row, top_px in enumerate(range(80, side_px - 16, 20)):
        for column, left_px in enumerate(range(6, side_px - 24, 40)):
            draw.text((left_px, top_px), WORDS[(row * 3 + column * 7) % len(WORDS)], font=font, fill="black")
    if title:
        draw_lines(page, [title], font.font_variant(size=44))
    return np.asarray(page)


def steps_of(engine: RapidOcrEngine, picture: NDArray[np.uint8], budget: Budget) -> tuple[OcrResult, list[float]]:
    """What a picture gives, and the seconds of work of each step; each is done by another thread."""
    seconds: list[float] = []
    steps = engine.steps(picture, budget)

    def step() -> OcrResult | None:
        started = time.thread_time()
        try:
            next(steps)
        except StopIteration as end:
            result: OcrResult = end.value
            return result
        finally:
            seconds.append(time.thread_time() - started)
        return None

    while True:
        with ThreadPoolExecutor(max_workers=1) as thread:
            if (result := thread.submit(step).result()) is not None:
                return result, seconds


def test_a_page_of_tiny_words_ends_when_its_budget_is_spent_and_large_words_are_read_first(
    engine: RapidOcrEngine,
) -> None:
    budget = Budget(work_s=1.0)
    result, seconds = steps_of(engine, page_of_words("read this first"), budget)
    assert result.status == "timeout"
    assert result.detail == "the time for reading was over before all of the text was read"
    assert {"read", "this", "first"} <= {word.text for word in result.words}
    assert 1 <= len(result.unread) <= 50
    assert sum(seconds) == pytest.approx(budget.used_s, abs=0.3)
    assert budget.used_s < 2.5
    assert max(seconds) < 2.0


def test_with_enough_budget_the_page_is_read_whole(engine: RapidOcrEngine) -> None:
    result = engine.read(page_of_words(side_px=480), Budget(work_s=60.0))
    assert result.status == "ok"
    assert len(result.words) > 150
    assert {word.text for word in result.words} <= {*WORDS, "lt", "l", "ob"}


@pytest.mark.parametrize("budget", [Budget(work_s=0.0), Budget(deadline=0.0)], ids=["no work", "too late"])
def test_a_picture_for_which_nothing_is_left_is_unread_and_not_wordless(engine: RapidOcrEngine, budget: Budget) -> None:
    result = engine.read(page_of_words(side_px=320), budget)
    assert (result.status, result.text) == ("timeout", "")
    assert result.unread == ((0, 0, 320, 320),)


def test_steps_on_many_threads_read_what_one_thread_reads(engine: RapidOcrEngine) -> None:
    picture = Image.new("RGB", (480, 200), "white")
    draw_lines(picture, ["one line", "and another", "and a third"], ImageFont.truetype(fonts_for("one")[0], 30))
    result, seconds = steps_of(engine, np.asarray(picture), Budget())
    assert result == engine.read(np.asarray(picture))
    assert result.text == "one line\nand another\nand a third"
    assert len(seconds) >= 3


@pytest.mark.parametrize("aspect", [1, 64, 65, 300])
def test_a_long_line_is_cut_into_pieces_that_make_it_again(aspect: int) -> None:
    line = np.random.default_rng(3).integers(0, 256, (10, 10 * aspect, 3)).astype(np.uint8)
    pieces = cut_at_gaps(line)
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), line)
    assert all(0 < piece.shape[1] <= 64 * 10 for piece in pieces)


def test_a_long_line_is_cut_between_its_words() -> None:
    line = np.full((10, 900, 3), 255, dtype=np.uint8)
    line[2:8, 5:600] = 0
    line[2:8, 610:890] = 0
    first, second = cut_at_gaps(line)
    assert 600 <= first.shape[1] <= 610
    assert second.shape[1] == 900 - first.shape[1]

import re

import numpy as np
import pytest
from PIL import Image, ImageFont

from benchmarks.script_memes import draw_lines, fonts_for
from model.budget import Budget
from model.ocr import LANGUAGES_PATTERN, make_engine
from model.ocr.tesseract import TesseractEngine

RUSSIAN = "доброе утро дорогие соседи"


def picture(*lines: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = Image.new("RGB", (640, 160), "white")
    draw_lines(image, lines, ImageFont.truetype(fonts_for("".join(lines))[0], 32))
    return np.asarray(image)


def test_russian_is_read_with_its_language_pack() -> None:
    engine = make_engine("tesseract", languages="eng+rus")
    result = engine.read(picture("good morning", RUSSIAN), Budget(work_s=300.0))
    assert (result.status, result.text.lower().splitlines()) == ("ok", ["good morning", RUSSIAN])


def test_the_version_tells_the_languages_that_are_not_the_default() -> None:
    plain, both = TesseractEngine().version, TesseractEngine(languages="eng+rus").version
    assert plain is not None
    assert both == f"{plain} eng+rus"


def test_a_missing_language_pack_is_named_and_no_other_language_is_read_instead() -> None:
    engine = make_engine("tesseract", languages="eng+qqq")
    reason = "tesseract has no language pack qqq; install the system package tesseract-ocr-qqq"
    assert engine.unavailable_reason() == reason
    result = engine.read(picture("good morning"))
    assert (result.status, result.detail, result.text) == ("unavailable", reason, "")


def test_what_was_read_before_the_time_was_over_is_told() -> None:
    engine = TesseractEngine(timeout_s=300.0)
    budget = Budget(work_s=300.0)
    steps = engine.steps(picture("good morning"), budget)
    next(steps)
    next(steps)  # the first of three preparations is read
    budget.deadline = 0.0
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert (end.value.value.status, end.value.value.text) == ("timeout", "good morning")


@pytest.mark.parametrize("budget", [Budget(work_s=0.0), Budget(deadline=0.0)], ids=["no work", "too late"])
def test_nothing_is_read_when_no_time_is_left(budget: Budget) -> None:
    result = TesseractEngine().read(picture("good morning"), budget)
    assert (result.status, result.text) == ("timeout", "")


@pytest.mark.parametrize(("languages", "fits"), [("eng", 1), ("eng+rus", 1), ("chi_sim", 1), ("", 0), ("-c x", 0)])
def test_languages_are_names_of_packs(languages: str, fits: bool) -> None:
    assert bool(re.match(LANGUAGES_PATTERN, languages)) == bool(fits)

"""OCR that remembers its last readings."""

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from model.budget import Budget
from model.ocr.base import Engine, Found
from model.ocr.types import Box, OcrWord
from training.stress.remembered_reader import RememberedReader


class Counting(Engine):
    """Reads one word of any picture, and runs out of time with black ones."""

    name = "counting"
    version = "1"
    n_read = 0

    def unavailable_reason(self) -> str | None:
        return None

    def _find(self, image: NDArray[np.uint8], budget: Budget) -> Generator[None, None, Found]:
        yield
        self.n_read += 1
        box: Box = (1, 1, 5, 5)
        return Found([[OcrWord("word", box, 0.9)]], is_complete=bool(image.any()))


def test_the_same_pixels_are_read_once_and_others_anew() -> None:
    engine = Counting()
    reader = RememberedReader(engine)
    picture = np.full((8, 12, 3), 200, np.uint8)
    assert reader.read(picture) == reader.read(picture.copy()) == engine.read(picture)
    assert engine.n_read == 2
    reader.read(picture.reshape(12, 8, 3))
    reader.read(picture - 1)
    assert engine.n_read == 4


def test_a_reading_that_ran_out_of_time_is_tried_again() -> None:
    engine = Counting()
    reader = RememberedReader(engine)
    black = np.zeros((8, 12, 3), np.uint8)
    assert [reader.read(black).status for _ in range(2)] == ["timeout", "timeout"]
    assert engine.n_read == 2

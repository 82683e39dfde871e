"""What both engines share: the answer for a missing engine, a crash or a picture without pixels, and the result."""

import abc
from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from model.budget import Budget, result_of
from model.ocr.boxes import area, clipped
from model.ocr.reading_order import order_lines
from model.ocr.types import Line, OcrResult, OcrStatus, OcrWord


class Engine(abc.ABC):
    """An ``OcrEngine`` whose subclass only finds lines of words, in any order."""

    name: str

    @property
    @abc.abstractmethod
    def version(self) -> str | None:
        """Version of the engine, None when it is not installed."""

    @abc.abstractmethod
    def unavailable_reason(self) -> str | None:
        """None when the engine can read; else what is missing and how to install it."""

    @abc.abstractmethod
    def _find_lines(self, image: NDArray[np.uint8]) -> Sequence[Line]:
        """Find the lines of a valid RGB picture; words from left to right. May raise."""

    def read(self, image: NDArray[np.uint8], budget: Budget | None = None) -> OcrResult:
        """Read an RGB picture, uint8 [H, W, 3]; never raises for a picture."""
        return result_of(self.steps(image, budget or Budget()))

    def steps(self, image: NDArray[np.uint8], budget: Budget) -> Generator[None, None, OcrResult]:
        """``read`` in pieces; see ``OcrEngine``."""
        yield
        with budget.counted():
            return self._read_at_once(image)

    def _read_at_once(self, image: NDArray[np.uint8]) -> OcrResult:
        if reason := self.unavailable_reason():
            return self._without_words("unavailable", reason)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            return self._without_words("failed", f"not a uint8 [H, W, 3] picture: {image.dtype} {list(image.shape)}")
        try:
            lines = self._find_lines(image)
        except Exception as error:
            # The type alone: messages of third parties may quote the picture or its text.
            return self._without_words("failed", type(error).__name__)
        return self._result(lines, width_px=image.shape[1], height_px=image.shape[0])

    def _result(self, lines: Sequence[Line], *, width_px: int, height_px: int) -> OcrResult:
        inside = [
            [
                OcrWord(word.text, box, word.confidence)
                for word in line
                if area(box := clipped(word.box, width_px, height_px))
            ]
            for line in lines
        ]
        ordered = order_lines([line for line in inside if line])
        words = tuple(word for line in ordered for word in line)
        return OcrResult(
            status="ok",
            text="\n".join(" ".join(word.text for word in line) for line in ordered),
            words=words,
            confidence=float(np.mean([word.confidence for word in words])) if words else None,
            engine=self.name,
            engine_version=self.version,
        )

    def _without_words(self, status: OcrStatus, detail: str) -> OcrResult:
        return OcrResult(status, "", (), None, self.name, self.version, detail)

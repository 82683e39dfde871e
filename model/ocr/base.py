"""What both engines share: the answer for a missing engine, a crash or a picture without pixels, and the result."""

import abc
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.budget import Budget, result_of
from model.engine import EngineName
from model.ocr.boxes import area, clipped, fewest
from model.ocr.reading_order import order_lines
from model.ocr.turn import UPRIGHT, Turn
from model.ocr.types import Box, Line, OcrResult, OcrStatus, OcrWord


@dataclass(frozen=True)
class Found:
    """The lines of a picture in any order, their words in the order in which they are read.

    ``unread``, ``is_complete``: text that was found and not read, and whether the time was enough. ``turn`` is how the
    picture is turned by who reads most of it.
    """

    lines: Sequence[Line]
    unread: Sequence[Box] = ()
    is_complete: bool = True
    turn: Turn = UPRIGHT


class Engine(abc.ABC):
    """An ``OcrEngine`` whose subclass only finds lines of words, in any order."""

    name: str
    network_engine: EngineName | None = None

    @property
    @abc.abstractmethod
    def version(self) -> str | None:
        """Version of the engine, None when it is not installed."""

    @abc.abstractmethod
    def unavailable_reason(self) -> str | None:
        """None when the engine can read; else what is missing and how to install it."""

    def _find_lines(self, image: NDArray[np.uint8]) -> Sequence[Line]:
        """Find the lines of a valid RGB picture, words from left to right, all at once. May raise."""
        raise NotImplementedError

    def _find(self, image: NDArray[np.uint8], budget: Budget) -> Generator[None, None, Found]:
        """``_find_lines`` in pieces, for engines that take long: yields between them, and counts them. May raise."""
        yield
        with budget.counted():
            return Found(self._find_lines(image))

    def read(self, image: NDArray[np.uint8], budget: Budget | None = None) -> OcrResult:
        """Read an RGB picture, uint8 [H, W, 3]; never raises for a picture."""
        return result_of(self.steps(image, budget or Budget()))

    def steps(self, image: NDArray[np.uint8], budget: Budget) -> Generator[None, None, OcrResult]:
        """``read`` in pieces; see ``OcrEngine``."""
        if reason := self.unavailable_reason():
            return self._without_words("unavailable", reason)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            return self._without_words("failed", f"not a uint8 [H, W, 3] picture: {image.dtype} {list(image.shape)}")
        try:
            found = yield from self._find(image, budget)
            with budget.counted():
                return self._result(found, width_px=image.shape[1], height_px=image.shape[0])
        except Exception as error:
            # The type alone: messages of third parties may quote the picture or its text.
            return self._without_words("failed", type(error).__name__)

    def _result(self, found: Found, *, width_px: int, height_px: int) -> OcrResult:
        inside = [
            [
                OcrWord(word.text, box, word.confidence)
                for word in line
                if area(box := clipped(word.box, width_px, height_px))
            ]
            for line in found.lines
        ]
        ordered = _in_order([line for line in inside if line], found.turn, width_px, height_px)
        words = tuple(word for line in ordered for word in line)
        unread = fewest([clipped(box, width_px, height_px) for box in found.unread])
        return OcrResult(
            status="timeout" if not found.is_complete else "partial" if unread else "ok",
            text="\n".join(" ".join(word.text for word in line) for line in ordered),
            words=words,
            confidence=float(np.mean([word.confidence for word in words])) if words else None,
            engine=self.name,
            engine_version=self.version,
            detail=_detail(found),
            unread=unread,
        )

    def _without_words(self, status: OcrStatus, detail: str) -> OcrResult:
        return OcrResult(status, "", (), None, self.name, self.version, detail)


def _in_order(lines: Sequence[Line], turn: Turn, width_px: int, height_px: int) -> list[Line]:
    """Lines in the order in which they are read by who sees the picture turned by ``turn``."""
    if turn == UPRIGHT:
        return order_lines(lines)
    seen = [[replace(word, box=turn.box(word.box, width_px, height_px)) for word in line] for line in lines]
    original = {id(line): lines[index] for index, line in enumerate(seen)}
    return [original[id(line)] for line in order_lines(seen)]


def _detail(found: Found) -> str | None:
    if not found.is_complete:
        return "the time for reading was over before all of the text was read"
    return f"not all of the text could be read (places: {len(found.unread)})" if found.unread else None

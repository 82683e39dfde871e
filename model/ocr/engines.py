"""The engines by name."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from model.ocr.base import Engine
from model.ocr.rapid import RapidOcrEngine
from model.ocr.tesseract import TesseractEngine
from model.ocr.types import Line, OcrEngine

EngineName = Literal["rapidocr", "tesseract", "none"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


class NoEngine(Engine):
    """OCR switched off, for callers who send the text themselves: a picture is reported as unread, not as wordless."""

    name = "none"

    @property
    def version(self) -> str | None:
        """None: there is nothing to have a version."""
        return None

    def unavailable_reason(self) -> str | None:
        """Say that this was the operator's choice."""
        return "OCR is switched off"

    def _find_lines(self, image: NDArray[np.uint8]) -> Sequence[Line]:
        return []


def make_engine(name: str, *, threads: int | None = None) -> OcrEngine:
    """Make an engine by name; a missing part is reported by the engine, not raised here.

    ``threads`` limits the threads that one read uses (None: the engine's default). Raises ``ValueError`` on an
    unknown name.
    """
    if name == "rapidocr":
        return RapidOcrEngine(threads=threads)
    if name == "tesseract":
        return TesseractEngine(threads=threads or 1)
    if name == "none":
        return NoEngine()
    raise ValueError(f"unknown OCR engine {name!r}; known engines: {', '.join(ENGINES)}")

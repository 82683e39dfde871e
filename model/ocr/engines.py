"""The engines by name."""

from typing import Literal, get_args

from model.engine import EngineChoice, Engines, choose
from model.ocr.base import Engine
from model.ocr.rapid import RapidOcrEngine
from model.ocr.tesseract import DEFAULT_LANGUAGES, TesseractEngine
from model.ocr.types import OcrEngine

EngineName = Literal["rapidocr", "tesseract", "none"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)

#: Names of Tesseract's language packs, with "+" between them.
LANGUAGES_PATTERN = r"^[A-Za-z][A-Za-z0-9_]*(\+[A-Za-z][A-Za-z0-9_]*)*$"


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


def make_engine(
    name: str, *, threads: int | None = None, languages: str | None = None, engine: EngineChoice | Engines = "auto"
) -> OcrEngine:
    """Make an engine by name; a missing part is reported by the engine, not raised here.

    ``threads`` limits the threads that one read uses, ``languages`` are those that Tesseract reads, "eng+rus" (None:
    the engine's default; the other engines have no choice). ``engine`` runs RapidOCR's networks. Raises ``ValueError``
    on an unknown name, ``EngineUnavailableError`` for an ``engine`` that was asked for and is not there.
    """
    if name == "rapidocr":
        return RapidOcrEngine(threads=threads, network_engine=choose(engine).engines.ocr or "onnxruntime")
    if name == "tesseract":
        return TesseractEngine(threads=threads or 1, languages=languages or DEFAULT_LANGUAGES)
    if name == "none":
        return NoEngine()
    raise ValueError(f"unknown OCR engine {name!r}; known engines: {', '.join(ENGINES)}")

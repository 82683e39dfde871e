"""Meme picture to text, behind one interface: RapidOCR by default, Tesseract for those who have it, or none."""

from model.ocr.engines import ENGINES, LANGUAGES_PATTERN, EngineName, make_engine
from model.ocr.types import Box, OcrEngine, OcrResult, OcrStatus, OcrWord

__all__ = [
    "ENGINES",
    "LANGUAGES_PATTERN",
    "Box",
    "EngineName",
    "OcrEngine",
    "OcrResult",
    "OcrStatus",
    "OcrWord",
    "make_engine",
]

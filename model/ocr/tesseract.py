"""Tesseract through pytesseract, on several preparations of the picture: no single setting reads most memes.

Tesseract is made for dark text on light paper. Of a caption in outlined white capitals it reads a quarter of the words
as is, two thirds when only the lightest pixels are kept and inverted; a screenshot it reads best as it is, enlarged.

It reads the scripts whose language packs are installed and asked for: English alone by default, "eng+rus" with the
system package tesseract-ocr-rus. Text in other scripts is not noticed: it has no detector of lines that it cannot read.
"""

import importlib.util
import os
import shutil
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.budget import Budget
from model.ocr.base import Engine, Found
from model.ocr.merge import merge_by_place
from model.ocr.reading_order import group_words
from model.ocr.types import OcrWord

Picture = NDArray[np.uint8]

# Chosen on rendered memes and MultiOFF validation pictures: word F1 is within 0.01 of the best from 0.6 to 0.8.
MIN_WORD_CONFIDENCE = 0.7
LIGHT_LEVEL = 200
# Tesseract reads letters of 30 pixels best, and memes are small: enlarging them gains 0.05 to 0.07 of word F1 on
# MultiOFF. A larger picture has letters that are tall enough.
ENLARGEMENT = 2
MAX_SIDE_TO_ENLARGE_PX = 1200

_AUTOMATIC_LAYOUT, _SPARSE_TEXT = 3, 11  # tesseract's --psm
#: Tesseract's names of languages, with "+" between them.
DEFAULT_LANGUAGES = "eng"

_PYTESSERACT_MISSING = "pytesseract is not installed; install it with: pip install pytesseract"


@dataclass(frozen=True)
class Preparation:
    """A way of showing the picture to Tesseract, and the layout that it is told to expect."""

    name: str
    page_segmentation_mode: int
    light_text_inverted: bool = False
    enlarged: bool = False

    def scale_for(self, image: Picture) -> int:
        """By how much this picture is enlarged, in both directions."""
        return ENLARGEMENT if self.enlarged and max(image.shape[:2]) <= MAX_SIDE_TO_ENLARGE_PX else 1

    def apply(self, image: Picture) -> Image.Image:
        """Prepare an RGB picture, uint8 [H, W, 3]."""
        picture = _light_text_as_ink(image) if self.light_text_inverted else Image.fromarray(image)
        scale = self.scale_for(image)
        return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BICUBIC)


PREPARATIONS = (
    Preparation("as is", _SPARSE_TEXT),
    Preparation("enlarged", _AUTOMATIC_LAYOUT, enlarged=True),
    Preparation("light text", _SPARSE_TEXT, light_text_inverted=True, enlarged=True),
)


def _light_text_as_ink(image: Picture) -> Image.Image:
    """Black where every channel is light, white elsewhere."""
    return Image.fromarray(np.where(image.min(axis=2) > LIGHT_LEVEL, 0, 255).astype(np.uint8))


class TesseractEngine(Engine):
    """The alternative engine, for installations that have Tesseract.

    ``command`` is the binary's name or path; ``languages`` are Tesseract's, "eng+rus". ``timeout_s`` bounds one read,
    all preparations together; a smaller budget bounds it, too, by the clock: the work is another process's. ``threads``
    limits Tesseract's threads: with the four that it starts by itself, which wait for one another in busy loops, a
    read took up to four times as long on a busy machine. Each preparation is a process of its own, so that reads from
    several threads share nothing; pytesseract hands the picture over in a temporary file and deletes it.
    """

    name = "tesseract"

    def __init__(
        self,
        *,
        command: str = "tesseract",
        languages: str = DEFAULT_LANGUAGES,
        threads: int = 1,
        timeout_s: float = 30.0,
    ) -> None:
        self._command = command
        self._languages = languages
        self._threads = threads
        self._timeout_s = timeout_s
        self._pytesseract: Any = None
        self._version: str | None = None
        self._has_languages = False
        self._lock = threading.Lock()

    @property
    def version(self) -> str | None:
        """Version of the Tesseract binary, with its languages where they are not the default."""
        if self._version is None and self.unavailable_reason() is None:
            languages = [] if self._languages == DEFAULT_LANGUAGES else [self._languages]
            self._version = " ".join([str(self._load().get_tesseract_version()), *languages])
        return self._version

    def unavailable_reason(self) -> str | None:
        """None when the Python package, the binary and its language packs are there; else what is missing."""
        if importlib.util.find_spec("pytesseract") is None:
            return _PYTESSERACT_MISSING
        if shutil.which(self._command) is None:
            return f"no {self._command!r} command; install the system package tesseract-ocr"
        return self._missing_languages()

    def _missing_languages(self) -> str | None:
        if self._has_languages:
            return None
        missing = sorted(set(self._languages.split("+")) - set(self._load().get_languages()))
        if missing:
            packages = ", ".join(f"tesseract-ocr-{language.replace('_', '-')}" for language in missing)
            return f"tesseract has no language pack {', '.join(missing)}; install the system package {packages}"
        self._has_languages = True
        return None

    def _load(self) -> Any:
        with self._lock:
            if self._pytesseract is None:
                self._pytesseract = _private_pytesseract(self._command, self._threads)
            return self._pytesseract

    def _find(self, image: Picture, budget: Budget) -> Generator[None, None, Found]:
        started = time.monotonic()
        work_s = min(self._timeout_s, budget.work_s - budget.used_s)
        readings: list[list[OcrWord]] = []
        for preparation in PREPARATIONS:
            yield
            remaining_s = min(started + work_s, budget.deadline) - time.monotonic()
            if remaining_s <= 0 or budget.is_spent:
                break
            with budget.counted():
                words = self._read_prepared(image, preparation, remaining_s)
            if words is None:
                break
            readings.append(words)
        with budget.counted():
            lines = group_words(merge_by_place(readings))
        return Found(lines, is_complete=len(readings) == len(PREPARATIONS))

    def _read_prepared(self, image: Picture, preparation: Preparation, timeout_s: float) -> list[OcrWord] | None:
        """The words of one preparation; None when the process was ended because it took longer."""
        pytesseract = self._load()
        try:
            data = pytesseract.image_to_data(
                preparation.apply(image),
                lang=self._languages,
                config=f"--psm {preparation.page_segmentation_mode}",
                output_type=pytesseract.Output.DICT,
                timeout=timeout_s,
            )
        except pytesseract.TesseractError:
            raise
        except RuntimeError:  # pytesseract's only other one says that the process ran out of time
            return None
        return _confident_words(data, preparation.scale_for(image))


def _private_pytesseract(command: str, threads: int) -> Any:
    """Load a copy of pytesseract: command and environment are globals of its module, and engines may differ in them."""
    spec = importlib.util.find_spec("pytesseract.pytesseract")
    if spec is None or spec.loader is None:
        raise ImportError(_PYTESSERACT_MISSING)
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.tesseract_cmd = command
    module.environ = {**os.environ, "OMP_THREAD_LIMIT": str(threads)}
    return module


def _confident_words(data: dict[str, list[Any]], scale: int) -> list[OcrWord]:
    """Words of a Tesseract table, boxes in pixels of the picture before it was enlarged by ``scale``."""
    words: list[OcrWord] = []
    columns = ("text", "conf", "left", "top", "width", "height")
    for text, percent, left, top, width, height in zip(*(data.get(name, []) for name in columns), strict=True):
        confidence = float(percent) / 100
        word = str(text).strip()
        if confidence < MIN_WORD_CONFIDENCE or not any(char.isalnum() for char in word):
            continue
        box = (left // scale, top // scale, -(-(left + width) // scale), -(-(top + height) // scale))
        words.append(OcrWord(word, box, confidence))
    return words

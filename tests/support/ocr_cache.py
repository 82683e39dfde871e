"""An OCR engine that needs no model, and a writer process that fills a cache of readings with it.

python tests/support/ocr_cache.py CACHE PICTURES [SECONDS]: reads every picture, waiting so long before each, and prints
the texts as JSON.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.ocr.base import Engine
from model.ocr.types import Line, OcrWord
from training.data.ocr_cache import read_missing_texts
from training.datasets.base import Sample

WORDS = 400


class LevelEngine(Engine):
    """Reads the mean grey level, many times over so that a file takes a while to write. Counts what it reads."""

    name = "level"

    def __init__(self, version: str = "1", *, wait_s: float = 0.0) -> None:
        self._version = version
        self._wait_s = wait_s
        self.n_reads = 0

    @property
    def version(self) -> str | None:
        return self._version

    def unavailable_reason(self) -> str | None:
        return None

    def _find_lines(self, image: NDArray[np.uint8]) -> list[Line]:
        self.n_reads += 1
        time.sleep(self._wait_s)
        level = int(image.mean())
        if level == 13:
            raise ValueError("an engine may fail at a picture")
        return [[OcrWord(f"level{level}", (0, 0, 2, 2), 0.9)] * WORDS]


def samples_of(folder: Path, text: str = "") -> list[Sample]:
    return [Sample(path.name, "grey", "train", text, {}, image=path) for path in sorted(folder.glob("*.png"))]


if __name__ == "__main__":
    cache, pictures, *wait_s = sys.argv[1:]
    engine = LevelEngine(wait_s=float(wait_s[0]) if wait_s else 0.0)
    read = read_missing_texts(samples_of(Path(pictures)), "missing", engine, Path(cache))
    print(json.dumps([sample.text for sample in read]))

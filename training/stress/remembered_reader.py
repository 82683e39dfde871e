"""OCR that remembers its last readings: who proves a picture and who judges it read the same, and reading is slow."""

import hashlib
from collections.abc import Generator

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from model.budget import Budget, result_of
from model.engine import EngineName
from model.ocr import OcrEngine, OcrResult

_KEPT = 64


class RememberedReader:
    """An ``OcrEngine`` that reads what it has not just read with ``engine``. For one thread."""

    def __init__(self, engine: OcrEngine) -> None:
        self._engine = engine
        self._readings: LRUCache[str, OcrResult] = LRUCache(_KEPT)
        self.name = engine.name

    @property
    def network_engine(self) -> EngineName | None:
        """What runs the engine's networks."""
        return self._engine.network_engine

    @property
    def version(self) -> str | None:
        """Version of the engine."""
        return self._engine.version

    def unavailable_reason(self) -> str | None:
        """Why the engine cannot read; None: it can."""
        return self._engine.unavailable_reason()

    def read(self, image: NDArray[np.uint8], budget: Budget | None = None) -> OcrResult:
        """Read an RGB picture, uint8 [H, W, 3]."""
        return result_of(self.steps(image, budget or Budget()))

    def steps(self, image: NDArray[np.uint8], budget: Budget) -> Generator[None, None, OcrResult]:
        """``read`` in pieces. A reading that failed or ran out of time is not kept."""
        key = f"{image.shape} {hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()}"
        if key in self._readings:
            return self._readings[key]
        result = yield from self._engine.steps(image, budget)
        if result.status in ("ok", "partial"):
            self._readings[key] = result
        return result

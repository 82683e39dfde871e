"""RapidOCR with its work counted: the pixels that its two networks are given, and the time that they take.

Pixels depend on no clock and no machine, so tests hold them too.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from model.engine import EngineName
from model.ocr.ctc import DecodedChar
from model.ocr.rapid import RapidOcrEngine
from model.ocr.rapid.inputs import LINE_HEIGHT_PX, line_width_px
from model.ocr.rapid.models import Models

Picture = NDArray[np.uint8]


@dataclass
class NetworkWork:
    """What one network was given, and how long it took, with the preparation of its input."""

    n_calls: int = 0
    n_pixels: int = 0
    seconds: float = 0.0

    def add(self, n_pixels: int, started: float) -> None:
        """Count one call that began at ``started``, of ``time.perf_counter``."""
        self.n_calls += 1
        self.n_pixels += n_pixels
        self.seconds += time.perf_counter() - started

    def __add__(self, other: "NetworkWork") -> "NetworkWork":
        return NetworkWork(self.n_calls + other.n_calls, self.n_pixels + other.n_pixels, self.seconds + other.seconds)

    def taken(self) -> "NetworkWork":
        """The counts so far; counting begins anew."""
        counts = replace(self)
        self.n_calls, self.n_pixels, self.seconds = 0, 0, 0.0
        return counts


@dataclass
class OcrWork:
    """What was asked of the detector and of the recogniser."""

    detector: NetworkWork = field(default_factory=NetworkWork)
    recogniser: NetworkWork = field(default_factory=NetworkWork)

    def __add__(self, other: "OcrWork") -> "OcrWork":
        return OcrWork(self.detector + other.detector, self.recogniser + other.recogniser)

    def taken(self) -> "OcrWork":
        """The counts so far; counting begins anew."""
        return OcrWork(self.detector.taken(), self.recogniser.taken())


class CountedModels:
    """Models that count their calls; all else is theirs."""

    def __init__(self, models: Models, work: OcrWork) -> None:
        self._models = models
        self._work = work

    def look(self, picture: Picture) -> NDArray[np.float32]:
        """``Models.look``, counted."""
        started = time.perf_counter()
        probabilities = self._models.look(picture)
        self._work.detector.add(picture.shape[0] * picture.shape[1], started)
        return probabilities

    def recognise(self, crop: Picture, squeeze: float = 1.0) -> tuple[DecodedChar, ...]:
        """``Models.recognise``, counted."""
        started = time.perf_counter()
        chars = self._models.recognise(crop, squeeze)
        _, padded_px = line_width_px(crop, squeeze)
        self._work.recogniser.add(padded_px * LINE_HEIGHT_PX, started)
        return chars

    def __getattr__(self, name: str) -> Any:
        return getattr(self._models, name)


class CountedRapidOcr(RapidOcrEngine):
    """The default engine, its networks run by ``network_engine``; ``work`` has what it did."""

    def __init__(self, *, threads: int | None = None, network_engine: EngineName = "onnxruntime") -> None:
        super().__init__(threads=threads, network_engine=network_engine)
        self.work = OcrWork()

    def _load(self) -> Models:
        return cast(Models, CountedModels(super()._load(), self.work))

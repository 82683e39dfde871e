"""RapidOCR as it was set and called in November 2026 (commit 2415e3c): what later engines are compared with.

RapidOCR's own sessions and batches: detection of the whole picture at up to 1280 pixels, lines by six, padded to the
longest of them and to 320 pixels at least. No tiles, no turned text, nothing told as unread, no budget.
"""

import importlib
import math
import time
from collections.abc import Callable
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ocr_work import NetworkWork, OcrWork
from model.ocr.base import Engine
from model.ocr.ctc import DecodedChar, decode_line
from model.ocr.rapid.line import ReadLine, Region
from model.ocr.turn import UPRIGHT
from model.ocr.types import Line

_DETECTION_SIDE_PX = 1280
_SPACE_PRIOR = 50.0
_MIN_SIDE_PX = 32
_MAX_ASPECT = 20


class NovemberRapidOcr(Engine):
    """The engine of commit 2415e3c; ``work`` has what it did."""

    name = "rapidocr of November"

    def __init__(self, *, threads: int | None = None) -> None:
        self._threads = threads
        self.work = OcrWork()

    @property
    def version(self) -> str | None:
        """Version of the rapidocr package."""
        return metadata.version("rapidocr")

    def unavailable_reason(self) -> str | None:
        """None: the package is among the base dependencies."""
        return None

    def _find_lines(self, image: NDArray[np.uint8]) -> list[Line]:
        padded = _padded(image)
        resized, record = self._reader.preprocess_img(np.ascontiguousarray(padded[:, :, ::-1]))
        detected, _, recognised, _ = self._reader.run_ocr_steps(resized, record)
        if detected.boxes is None or recognised.word_results is None:
            return []
        to_original = importlib.import_module("rapidocr.utils.process_img").map_boxes_to_original
        quads = to_original(detected.boxes, record, *padded.shape[:2])
        lines = [
            ReadLine(Region(quad, 1.0), UPRIGHT, chars)
            for quad, chars in zip(quads, recognised.word_results, strict=True)
        ]
        return [line.words() for line in lines if line.is_sure]

    @cached_property
    def _reader(self) -> Any:
        rapidocr = importlib.import_module("rapidocr")
        models = Path(str(rapidocr.__file__)).parent / "models"
        reader = rapidocr.RapidOCR(
            params={
                "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
                "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
                "Det.limit_side_len": _DETECTION_SIDE_PX,
                "Det.limit_type": "max",
                "Global.use_cls": False,
                "Global.return_word_box": True,
                "Global.log_level": "error",
                "EngineConfig.onnxruntime.intra_op_num_threads": self._threads or -1,
            }
        )
        detector, recogniser = reader._load_det_model(), reader._load_rec_model()
        recogniser.postprocess_op = _SpaceAwareDecoder(recogniser.postprocess_op.character)
        detector.session = _counted(detector.session, self.work.detector)
        recogniser.session = _counted(recogniser.session, self.work.recogniser)
        return reader


class _SpaceAwareDecoder:
    """Takes the place of RapidOCR's decoder: in the place of its word list it returns our characters."""

    def __init__(self, characters: list[str]) -> None:
        self._characters = characters

    def __call__(
        self, predictions: NDArray[np.float32], _: bool, *, wh_ratio_list: list[float], max_wh_ratio: float
    ) -> tuple[list[tuple[str, float]], list[tuple[DecodedChar, ...]]]:
        lines = [
            decode_line(prediction, self._characters, used_share=ratio / max_wh_ratio, space_prior=_SPACE_PRIOR)
            for prediction, ratio in zip(predictions, wh_ratio_list, strict=True)
        ]
        return [("".join(char.char for char in line), 1.0) for line in lines], lines


def _counted(session: Callable[[Any], Any], work: NetworkWork) -> Callable[[NDArray[np.float32]], Any]:
    def run(pixels: NDArray[np.float32]) -> Any:
        started = time.perf_counter()
        found = session(pixels)
        work.add(pixels.size // pixels.shape[1], started)
        return found

    return run


def _padded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    shortest = max(_MIN_SIDE_PX, math.ceil(max(height, width) / _MAX_ASPECT))
    return np.pad(image, ((0, max(0, shortest - height)), (0, max(0, shortest - width)), (0, 0)), mode="edge")

"""RapidOCR: PP-OCR text detection and recognition on onnxruntime. Its models come in its wheel: no network is used."""

import importlib
import math
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.ocr.base import Engine
from model.ocr.ctc import DecodedChar, decode_line, split_words, word_extents
from model.ocr.types import Box, OcrWord

# Longer pictures are shrunk to this for detection (recognition sees their own pixels). Memes of 640 pixels do not care;
# on screenshots of three times that height word F1 is .85 at 736, .90 at 960, .91 at 1280 and at 1920.
DETECTION_SIDE_PX = 1280
# On MultiOFF validation pictures one word in thirteen below this is in the reference, above it nine in ten: most of
# what it drops are icons and textures read as letters of another script.
MIN_LINE_CONFIDENCE = 0.75

_DETECTOR_FILE = "PP-OCRv6_det_small.onnx"
_RECOGNISER_FILE = "PP-OCRv6_rec_small.onnx"
_HOW_TO_INSTALL = "install it with: pip install rapidocr"

# The detector works on multiples of 32 pixels and cannot scale a strip thinner than that.
_MIN_SIDE_PX = 32
_MAX_ASPECT = 20
# PP-OCR turns a region on its side before reading it when it is this much taller than wide.
_VERTICAL_ASPECT = 1.5


class RapidOcrEngine(Engine):
    """The default engine. Models load at the first use, once; reads from several threads share them.

    ``threads`` limits onnxruntime's threads for one operator (None: all cores).
    """

    name = "rapidocr"

    def __init__(self, *, threads: int | None = None) -> None:
        self._threads = threads
        self._reader: Any = None
        self._load_lock = threading.Lock()

    @property
    def version(self) -> str | None:
        """Version of the rapidocr package."""
        try:
            return metadata.version("rapidocr")
        except metadata.PackageNotFoundError:
            return None

    def unavailable_reason(self) -> str | None:
        """None once the models are loaded, which this call does; else what is missing."""
        try:
            self._load()
        except ImportError as error:
            return f"rapidocr cannot be imported ({error}); {_HOW_TO_INSTALL}"
        except FileNotFoundError as error:
            return f"rapidocr's model {Path(str(error.filename)).name} is missing; {_HOW_TO_INSTALL}"
        return None

    def _load(self) -> Any:
        with self._load_lock:
            if self._reader is None:
                self._reader = _load_reader(self._threads)
            return self._reader

    def _find_lines(self, image: NDArray[np.uint8]) -> list[list[OcrWord]]:
        padded = _padded(image)
        reader = self._load()
        resized, record = reader.preprocess_img(np.ascontiguousarray(padded[:, :, ::-1]))  # RapidOCR expects BGR
        detected, _, recognised, _ = reader.run_ocr_steps(resized, record)
        if detected.boxes is None or recognised.word_results is None:
            return []
        to_original = importlib.import_module("rapidocr.utils.process_img").map_boxes_to_original
        quads = to_original(detected.boxes, record, *padded.shape[:2])
        return [
            words
            for quad, chars in zip(quads, recognised.word_results, strict=True)
            if (words := _line_words(quad, chars))
        ]


class _SpaceAwareDecoder:
    """Takes the place of RapidOCR's decoder, which glues words and gives them the confidence of other letters.

    Same call: ``predictions`` is [lines, frames, characters]. In the place of its word list it returns our characters.
    """

    def __init__(self, characters: list[str]) -> None:
        self._characters = characters

    def __call__(
        self,
        predictions: NDArray[np.float32],
        return_word_box: bool,
        *,
        wh_ratio_list: list[float],
        max_wh_ratio: float,
    ) -> tuple[list[tuple[str, float]], list[tuple[DecodedChar, ...]]]:
        lines = [
            decode_line(prediction, self._characters, used_share=ratio / max_wh_ratio)
            for prediction, ratio in zip(predictions, wh_ratio_list, strict=True)
        ]
        return [("".join(char.char for char in line), _confidence(line)) for line in lines], lines


def _load_reader(threads: int | None) -> Any:
    rapidocr = importlib.import_module("rapidocr")
    models = Path(str(rapidocr.__file__)).parent / "models"
    for file in (_DETECTOR_FILE, _RECOGNISER_FILE):
        if not (models / file).is_file():
            raise FileNotFoundError(2, "no such model", file)
    reader = rapidocr.RapidOCR(
        params={
            # Explicit paths: without them RapidOCR may download a model whose digest differs from what it expects.
            "Det.model_path": str(models / _DETECTOR_FILE),
            "Rec.model_path": str(models / _RECOGNISER_FILE),
            "Det.limit_side_len": DETECTION_SIDE_PX,
            "Det.limit_type": "max",
            "Global.use_cls": False,  # the angle classifier turns upright lines of capitals upside down
            "Global.return_word_box": True,
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
        }
    )
    # Loading here, not at the first picture, leaves nothing for two threads to race for: the calls only read.
    reader._load_det_model()
    recogniser = reader._load_rec_model()
    recogniser.postprocess_op = _SpaceAwareDecoder(recogniser.postprocess_op.character)
    return reader


def _padded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Widen a strip at its right or bottom edge, where it moves no coordinate."""
    height, width = image.shape[:2]
    shortest = max(_MIN_SIDE_PX, math.ceil(max(height, width) / _MAX_ASPECT))
    missing = ((0, max(0, shortest - height)), (0, max(0, shortest - width)), (0, 0))
    return np.pad(image, missing, mode="edge")


def _confidence(chars: tuple[DecodedChar, ...]) -> float:
    return float(np.mean([char.confidence for char in chars])) if chars else 0.0


def _line_words(quad: NDArray[np.floating], chars: tuple[DecodedChar, ...]) -> list[OcrWord]:
    words = split_words(chars)
    if _confidence(tuple(char for word in words for char in word)) < MIN_LINE_CONFIDENCE:
        return []
    return [
        OcrWord("".join(char.char for char in word), _box_along(quad, start, end), min(1.0, _confidence(word)))
        for word, (start, end) in zip(words, word_extents(words), strict=True)
    ]


def _box_along(quad: NDArray[np.floating], start: float, end: float) -> Box:
    """Bound the part of a line from ``start`` to ``end``; ``quad`` is [4, 2], clockwise from the top left corner."""
    top_left, top_right, bottom_right, bottom_left = quad
    width = max(np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_right - bottom_left))
    height = max(np.linalg.norm(bottom_left - top_left), np.linalg.norm(bottom_right - top_right))
    if height >= _VERTICAL_ASPECT * width:  # read from its top to its bottom
        edges = ((top_left, bottom_left), (top_right, bottom_right))
    else:
        edges = ((top_left, top_right), (bottom_left, bottom_right))
    corners = np.array([first + (last - first) * share for first, last in edges for share in (start, end)])
    left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
    return left, top, right, bottom

"""The two networks of PP-OCR as RapidOCR ships them: a detector of lines and a recogniser of one line's letters.

The models come in RapidOCR's wheel: no network is used.

| read | by the shipped recogniser |
|---|---|
| yes | Latin letters, also with accents (English, French, Polish, Turkish, Vietnamese, ...); Chinese; Japanese |
| in part, told as unread | Greek: its accented letters are missing |
| no, told as unread | Cyrillic, Arabic, Hebrew, Devanagari, Bengali, Tamil, Thai, Korean, Armenian, Georgian, others |

Tesseract reads some of the others where its language packs are installed (``model/ocr/tesseract.py``).
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.ocr.ctc import DecodedChar, decode_line
from model.ocr.rapid.inputs import detector_size, line_input, network_input
from model.ocr.rapid.line import Region
from model.ocr.rapid.sheet import Sheet

# RapidOCR looks at the first 1,000 spots only, and says nothing of the others.
_MAX_SPOTS = 4000

_DETECTOR_FILE = "PP-OCRv6_det_small.onnx"
_RECOGNISER_FILE = "PP-OCRv6_rec_small.onnx"

Picture = NDArray[np.uint8]


class Models:
    """Detector and recogniser, loaded. Calls only read: threads may share them.

    ``threads`` limits onnxruntime's threads for one operator (None: all cores).
    """

    def __init__(self, threads: int | None) -> None:
        self._rapidocr = _load_rapidocr(threads)
        self._detector = self._rapidocr._load_det_model()
        self._recogniser = self._rapidocr._load_rec_model()
        self._characters: list[str] = self._recogniser.postprocess_op.character

    def whole_sheet(self, picture: Picture) -> Sheet:
        """A sheet of an ordinary picture, uint8 [H, W, 3] in RGB: one tile, prepared as RapidOCR does it."""
        process = importlib.import_module("rapidocr.utils.process_img")
        rapidocr = self._rapidocr
        prepared, record = rapidocr.preprocess_img(np.ascontiguousarray(picture[:, :, ::-1]))  # RapidOCR expects BGR
        prepared, record = process.apply_vertical_padding(
            prepared, record, rapidocr.width_height_ratio, rapidocr.min_height
        )
        height, width = prepared.shape[:2]
        ratios, padding = record["preprocess"], record["padding_1"]
        return Sheet(
            prepared,
            tiles=((0, 0, width, height),),
            scale=(ratios["ratio_w"], ratios["ratio_h"]),
            margin_px=(padding["left"], padding["top"]),
            size_px=(picture.shape[1], picture.shape[0]),
        )

    def look(self, tile: Picture) -> NDArray[np.float32]:
        """Where in a BGR picture there is text: the detector's probabilities."""
        probabilities: NDArray[np.float32] = self._detector.session(network_input(tile, *detector_size(tile)))
        return probabilities

    def regions(self, probabilities: NDArray[np.float32], size_px: tuple[int, ...]) -> list[Region]:
        """The lines that the probabilities show, in a picture of that height and width."""
        quads, scores = self._detector.postprocess_op(probabilities, size_px)
        if len(quads) == 0:
            return []
        score_of = {quad.tobytes(): float(score) for quad, score in zip(quads, scores, strict=True)}
        return [Region(quad, score_of[quad.tobytes()]) for quad in self._detector.sorted_boxes(quads)]

    def crop(self, sheet: Sheet, region: Region) -> Picture:
        """The pixels of a region, straightened; one that is taller than wide is turned to the left."""
        process = importlib.import_module("rapidocr.utils.process_img")
        pixels, quad = sheet.around(region.quad)
        crop: Picture = process.get_rotate_crop_image(pixels, quad)
        return crop

    def recognise(self, crop: Picture, squeeze: float = 1.0) -> tuple[DecodedChar, ...]:
        """Read the line in a crop, its letters made narrower by ``squeeze``: the work is that much less."""
        line, used_share = line_input(crop, squeeze)
        (probabilities,) = self._recogniser.session(line)
        return decode_line(probabilities, self._characters, used_share=used_share)


def _load_rapidocr(threads: int | None) -> Any:
    rapidocr = importlib.import_module("rapidocr")
    models = Path(str(rapidocr.__file__)).parent / "models"
    for file in (_DETECTOR_FILE, _RECOGNISER_FILE):
        if not (models / file).is_file():
            raise FileNotFoundError(2, "no such model", file)
    return rapidocr.RapidOCR(
        params={
            # Explicit paths: without them RapidOCR may download a model whose digest differs from what it expects.
            "Det.model_path": str(models / _DETECTOR_FILE),
            "Rec.model_path": str(models / _RECOGNISER_FILE),
            "Det.max_candidates": _MAX_SPOTS,
            "Global.use_cls": False,  # the angle classifier turns upright lines of capitals upside down
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
        }
    )

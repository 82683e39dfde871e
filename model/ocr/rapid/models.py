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

from model.engine import EngineName, Network, open_network
from model.ocr.ctc import DecodedChar, decode_line
from model.ocr.rapid.inputs import LINE_HEIGHT_PX, line_input, network_input, usual_widths
from model.ocr.rapid.line import Region
from model.ocr.rapid.ranges import ranges_of
from model.ocr.rapid.sheet import Sheet

# RapidOCR looks at the first 1,000 spots only, and says nothing of the others.
_MAX_SPOTS = 4000

DETECTOR_FILE = "PP-OCRv6_det_small.onnx"
RECOGNISER_FILE = "PP-OCRv6_rec_small.onnx"

Picture = NDArray[np.uint8]


class Models:
    """Detector and recogniser, loaded, with what RapidOCR does around them. Threads may share them.

    RapidOCR's own sessions are not used: the one of OpenVINO may not be shared, and threads are counted otherwise.
    ``threads`` bounds the cores of one call (None: all). Raises ``EngineUnavailableError`` for an ``engine`` that is
    not there, ``FileNotFoundError`` for a model.
    """

    def __init__(self, threads: int | None, engine: EngineName = "onnxruntime") -> None:
        rapidocr = importlib.import_module("rapidocr")
        self._detector = _open(DETECTOR_FILE, engine, threads)
        self._recogniser = _open(RECOGNISER_FILE, engine, threads)
        self._rapidocr = rapidocr.RapidOCR(params={"Global.log_level": "error"})
        self._after, self._sorted = _after_detector(self._rapidocr.cfg.Det)
        decoder = importlib.import_module("rapidocr.ch_ppocr_rec.utils").CTCLabelDecode
        self._characters: list[str] = decoder(self._recogniser.metadata("character").splitlines()).character
        for width_px in usual_widths():
            self._recogniser.prepare({self._recogniser.input_names[0]: (1, 3, LINE_HEIGHT_PX, width_px)})

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

    def look(self, picture: Picture) -> NDArray[np.float32]:
        """Where in a BGR picture of whole cells (``CELL_PX``) there is text: the detector's probabilities."""
        return _run(self._detector, network_input(picture))

    def regions(self, probabilities: NDArray[np.float32], size_px: tuple[int, ...]) -> list[Region]:
        """The lines that the probabilities show, in a picture of that height and width."""
        quads, scores = self._after(probabilities, size_px)
        if len(quads) == 0:
            return []
        score_of = {quad.tobytes(): float(score) for quad, score in zip(quads, scores, strict=True)}
        return [Region(quad, score_of[quad.tobytes()]) for quad in self._sorted(quads)]

    def crop(self, sheet: Sheet, region: Region) -> Picture:
        """The pixels of a region, straightened; one that is taller than wide is turned to the left."""
        process = importlib.import_module("rapidocr.utils.process_img")
        pixels, quad = sheet.around(region.quad)
        crop: Picture = process.get_rotate_crop_image(pixels, quad)
        return crop

    def recognise(self, crop: Picture, squeeze: float = 1.0) -> tuple[DecodedChar, ...]:
        """Read the line in a crop, its letters made narrower by ``squeeze``: the work is that much less."""
        line, used_share = line_input(crop, squeeze)
        (probabilities,) = _run(self._recogniser, line)
        return decode_line(probabilities, self._characters, used_share=used_share)


def model_file(name: str) -> Path:
    """One of RapidOCR's models. Raises ``FileNotFoundError`` where it is not there."""
    file = Path(str(importlib.import_module("rapidocr").__file__)).parent / "models" / name
    if not file.is_file():
        raise FileNotFoundError(2, "no such model", name)
    return file


def _open(name: str, engine: EngineName, threads: int | None) -> Network:
    file = model_file(name)
    ranges = ranges_of(file) if engine == "openvino_int8" else None
    return open_network(file, engine, threads, any_size=True, ranges=ranges)


def _run(network: Network, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The only output for the only input."""
    (found,) = network.run(network.output_names, {network.input_names[0]: picture})
    return found


def _after_detector(settings: Any) -> tuple[Any, Any]:
    """What RapidOCR makes of its detector's answer, and how it sorts the quads that come of it."""
    detector = importlib.import_module("rapidocr.ch_ppocr_det.main")
    after = detector.DBPostProcess(
        thresh=settings.thresh,
        box_thresh=settings.box_thresh,
        max_candidates=_MAX_SPOTS,
        unclip_ratio=settings.unclip_ratio,
        use_dilation=settings.use_dilation,
        score_mode=settings.score_mode,
    )
    return after, detector.TextDetector.sorted_boxes

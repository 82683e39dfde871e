"""The engine that reads with RapidOCR: detection tile by tile, then recognition line by line, largest first."""

import importlib
import threading
from collections import deque
from collections.abc import Generator, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.budget import Budget
from model.engine import EngineName
from model.errors import EngineUnavailableError
from model.ocr.base import Engine, Found
from model.ocr.rapid import sheet as sheets
from model.ocr.rapid.detection import detect
from model.ocr.rapid.doubt import is_doubtful
from model.ocr.rapid.line import ReadLine
from model.ocr.rapid.models import Models
from model.ocr.rapid.recognition import LineReader
from model.ocr.rapid.turns import FLIPS, is_better, is_out_of_line, main_turn, may_be_too, may_be_turned
from model.ocr.turn import Turn
from model.ocr.types import Box

_HOW_TO_INSTALL = "install it with: pip install rapidocr"

#: Seconds of work after which others get their turn.
_PIECE_S = 0.3
#: More lines than people would read; the smallest of them are told as unread.
MAX_REGIONS = 1500


class RapidOcrEngine(Engine):
    """The default engine. Models load at the first use, once; reads from several threads share them.

    ``threads`` bounds the cores of one call of a network (None: all), which ``network_engine`` runs.
    """

    name = "rapidocr"

    def __init__(self, *, threads: int | None = None, network_engine: EngineName = "onnxruntime") -> None:
        self._threads = threads
        self._engine = network_engine
        self.network_engine = network_engine
        self._models: Models | None = None
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
        except EngineUnavailableError as error:
            return str(error)
        return None

    def _load(self) -> Models:
        # Loading here, not at the first picture, leaves nothing for two threads to race for: the calls only read.
        with self._load_lock:
            if self._models is None:
                self._models = Models(self._threads, self._engine)
                if self._threads:  # OpenCV has threads of its own, as many as there are cores: in the whole process
                    importlib.import_module("cv2").setNumThreads(self._threads)
            return self._models

    def _find(self, image: NDArray[np.uint8], budget: Budget) -> Generator[None, None, Found]:
        models = self._load()
        with budget.counted():
            picture = sheets.padded(image)
            sheet = sheets.tiled_sheet(picture) if sheets.is_tiled(image) else models.whole_sheet(picture)
        regions, unseen = yield from detect(models, sheet, budget)
        return (yield from _read(LineReader(models, sheet, regions), unseen, min(image.shape[:2]), budget))


def _read(
    reader: LineReader, unseen: Sequence[Box], short_side_px: int, budget: Budget
) -> Generator[None, None, Found]:
    lines: dict[int, ReadLine] = {}
    waiting = deque(reader.largest_first())
    while waiting and len(lines) < MAX_REGIONS and not budget.is_spent:
        yield
        with budget.counted():
            until_s = budget.used_s + _PIECE_S
            while waiting and len(lines) < MAX_REGIONS and budget.used_s < until_s:
                index = waiting.popleft()
                lines[index] = reader.read(index)
    yield from _turn(reader, lines, short_side_px, budget)
    with budget.counted():
        waiting_boxes = [reader.original(index).box for index in waiting]
        return _found(list(lines.values()), [*unseen, *waiting_boxes], short_side_px)


def _turn(
    reader: LineReader, lines: dict[int, ReadLine], short_side_px: int, budget: Budget
) -> Generator[None, None, None]:
    """Read anew, turned, what was read badly; the better reading takes the place of the other."""
    helpful: list[Turn] = []
    for index in [index for index, line in lines.items() if may_be_turned(line, short_side_px)]:
        for flip in sorted(FLIPS, key=lambda flip: flip not in helpful):
            turned = yield from _read_turned(reader, index, flip, budget)
            if turned and is_better(turned, lines[index], is_first=flip not in helpful):
                lines[index] = turned
                helpful.append(flip)
                break
    for index in [index for index, line in lines.items() if helpful and may_be_too(line)]:
        turned = yield from _read_turned(reader, index, helpful[0], budget)
        if turned and is_better(turned, lines[index], is_first=False):
            lines[index] = turned


def _read_turned(reader: LineReader, index: int, flip: Turn, budget: Budget) -> Generator[None, None, ReadLine | None]:
    if budget.is_spent:
        return None
    yield
    with budget.counted():
        return reader.read(index, flip)


def _found(lines: Sequence[ReadLine], left_out: Sequence[Box], short_side_px: int) -> Found:
    sure = [line for line in lines if line.is_sure]
    turn, n_letters = main_turn(sure)
    doubtful = [
        line.region.box for line in lines if is_doubtful(line, short_side_px) or is_out_of_line(line, turn, n_letters)
    ]
    return Found(
        lines=[line.words() for line in sure], unread=(*left_out, *doubtful), is_complete=not left_out, turn=turn
    )

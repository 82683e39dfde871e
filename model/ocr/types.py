"""What reading a picture gives back, whichever engine read it.

"Unavailable" is a value of ``status``, never an empty text: a moderator must be able to tell a meme without words from
a meme that nobody could read.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model.budget import Budget
from model.engine import EngineName

#: "partial": some of the text that was found could not be read; "timeout": the budget was spent before all was read.
OcrStatus = Literal["ok", "partial", "timeout", "unavailable", "failed"]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class OcrWord:
    """One word: its ``box`` is (left, top, right, bottom) in pixels of the original picture, confidence in 0..1."""

    text: str
    box: Box
    confidence: float


#: The words of one line, in the order in which they are read.
Line = Sequence[OcrWord]


@dataclass(frozen=True)
class OcrResult:
    """The words of a picture in reading order.

    ``text`` is the words joined line by line ("\\n" between lines). ``confidence`` is the mean over words, None
    without words. ``detail`` says why when ``status`` is not "ok". ``unread`` are the boxes of text that was found and
    not read, or read too badly to be told.
    """

    status: OcrStatus
    text: str
    words: tuple[OcrWord, ...]
    confidence: float | None
    engine: str
    engine_version: str | None
    detail: str | None = None
    unread: tuple[Box, ...] = ()


class OcrEngine(Protocol):
    """A reader of pictures. ``read`` never raises for a picture: it answers with a status. Safe under threads."""

    name: str

    @property
    def network_engine(self) -> EngineName | None:
        """What runs its networks; None when it has none."""

    @property
    def version(self) -> str | None:
        """Version of the engine, None when it is not installed."""

    def unavailable_reason(self) -> str | None:
        """None when the engine can read; else what is missing and how to install it."""

    def read(self, image: NDArray[np.uint8], budget: Budget | None = None) -> OcrResult:
        """Read an RGB picture, uint8 [H, W, 3], within ``budget`` (None: a default one)."""

    def steps(self, image: NDArray[np.uint8], budget: Budget) -> Generator[None, None, OcrResult]:
        """``read`` in pieces of a second or so: it yields between them, and may go on in another thread."""

"""What a moderator under test is: something that is asked about one meme and flags it or does not."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from model.errors import MemeguardError
from model.ocr import OcrEngine
from training.stress.relations.base import StressItem


@dataclass(frozen=True)
class Answer:
    """``flagged``: the meme would not just go through. ``score`` is in the moderator's own unit; None: it has none."""

    flagged: bool
    score: float | None = None


class NotJudgedError(MemeguardError):
    """The moderator gave no judgement of one item; the message says why and never holds the item.

    ``is_final``: asking again would bring the same.
    """

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.is_final = is_final


class TargetStoppedError(MemeguardError):
    """There is no use in asking this moderator on: its budget is spent, it keeps failing, or it refuses us."""


class TargetError(MemeguardError):
    """What was named as a target cannot be asked; the message says what is wrong with it and what to do."""


class Target(ABC):
    """A moderator. ``n_calls`` counts what was sent to it, with every try again."""

    n_calls: int = 0

    @property
    @abstractmethod
    def name(self) -> str:
        """What a report calls it; holds no secret."""

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What its answers depend on, as plain values and without secrets: others in one journal are refused."""

    @abstractmethod
    def ask(self, item: StressItem) -> Answer:
        """Its judgement of one meme. Raises ``NotJudgedError`` or ``TargetStoppedError``."""

    @property
    def reader(self) -> OcrEngine | None:
        """The OCR that it reads with in this process, which may read for others too; None: none that is known."""
        return None

    def close(self) -> None:  # noqa: B027 most have nothing
        """Let go of connections."""

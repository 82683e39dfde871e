"""Modality of a meme: what the network is shown of it, picture and words or one of them; and what is kept for each.

A score on words alone does not mean what it means on a picture with words, so calibration and thresholds are fitted for
each.
"""

from collections.abc import Callable, Iterator
from typing import Generic, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

Modality = Literal["both", "text", "image"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)

#: As reasons and reports call the memes of each.
_TITLES: dict[Modality, str] = {"both": "pictures with words", "text": "words alone", "image": "pictures alone"}

Value = TypeVar("Value")


def modality_title(modality: Modality) -> str:
    """What people call its memes."""
    return _TITLES[modality]


def modality_of(*, pictured: bool, worded: bool) -> Modality:
    """What the network is shown: ``worded`` as ``has_words`` has it. Where there is nothing to be seen: text."""
    if not pictured:
        return "text"
    return "both" if worded else "image"


class ByModality(BaseModel, Generic[Value]):
    """A value for each modality."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    both: Value
    text: Value
    image: Value

    @classmethod
    def alike(cls, value: Value) -> "ByModality[Value]":
        """The same for all."""
        return cls(both=value, text=value, image=value)

    def of(self, modality: Modality) -> Value:
        """That of one modality."""
        found: Value = getattr(self, modality)
        return found

    def items(self) -> Iterator[tuple[Modality, Value]]:
        """Each modality with its value."""
        return ((modality, self.of(modality)) for modality in MODALITIES)

    @property
    def shared(self) -> Value | None:
        """The value of all; None where they differ."""
        return self.both if self.both == self.text == self.image else None

    def told(self, say: Callable[[Value], str]) -> list[str]:
        """Each value in words under its modality's title, or one without one where all are alike."""
        if self.shared is not None:
            return [say(self.shared)]
        return [f"{modality_title(modality)}: {say(value)}" for modality, value in self.items()]

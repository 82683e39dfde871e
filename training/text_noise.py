"""Noise in the words of training memes: OCR's mistakes, and what people write to get past a filter."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class TextNoiseConfig(BaseModel):
    """Chances, each of one kind of noise in one text; a text may get several kinds. All 0: texts stay as they are.

    ``strength`` is the share of the places (letters, spaces) of a text that change where it gets a kind of noise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    confusion_p: float = Field(0.15, ge=0, le=1)
    spacing_p: float = Field(0.15, ge=0, le=1)
    merge_lines_p: float = Field(0.1, ge=0, le=1)
    homoglyph_p: float = Field(0.05, ge=0, le=1)
    leet_p: float = Field(0.05, ge=0, le=1)
    zero_width_p: float = Field(0.05, ge=0, le=1)
    repeat_p: float = Field(0.05, ge=0, le=1)
    case_p: float = Field(0.15, ge=0, le=1)
    strength: float = Field(0.15, ge=0, le=1)


class TextNoise:
    """Adds noise to texts by a ``TextNoiseConfig``."""

    def __init__(self, config: TextNoiseConfig) -> None:
        self.config = config

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        """``text`` with noise that ``rng`` alone decides; never blank unless ``text`` is."""
        raise NotImplementedError

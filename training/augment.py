"""Training pictures, changed as memes change on their way round the net: turned a little, recoloured, framed, squeezed.

A meme's words are what it says, so nothing here mirrors, cuts or covers them: no flip, no crop, no erasing. Geometry
grows the canvas instead of losing its corners, and repeats edge pixels there; reflection would show mirrored letters.

albumentations (2.0.8, its last MIT release) is used behind this one module only.
"""

import hashlib
import json
import os
import random
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

#: Part of every digest: raise it when the same config comes to give other pictures.
_VERSION = 1
_PAGES = ((255, 255, 255), (0, 0, 0), (21, 32, 43))
_GREYS = (40, 90, 140, 200, 235)


class AugmentConfig(BaseModel):
    """How likely (``*_p``, a chance a picture) and how strong each change is. All chances 0: the picture as it is.

    - geometry: turned by up to ``rotation_deg``, corners moved by up to ``perspective`` of a side, and ``shrink`` of a
      side at most added around the picture.
    - colour: ``brightness``, ``contrast``, ``saturation`` by up to this share, gamma and a slight change of hue.
    - quality: sent on as JPEG of at least ``jpeg_quality_min``, or scaled down to ``downscale_min`` and up again.
    - blur (``blur_sigma_px``) and noise (``noise_std``, as a share of white) of mild strength; grey.
    - border: letterbox bars of another aspect, or the page and bars of a screenshot, up to ``border`` of a side each.

    Strengths in pixels are of a picture whose longer side is at most ``max_side_px``: larger ones are made smaller.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    geometry_p: float = Field(0.5, ge=0, le=1)
    rotation_deg: float = Field(4.0, ge=0, le=15)
    perspective: float = Field(0.04, ge=0, le=0.1)
    shrink: float = Field(0.1, ge=0, le=0.3)
    colour_p: float = Field(0.5, ge=0, le=1)
    brightness: float = Field(0.2, ge=0, le=0.5)
    contrast: float = Field(0.2, ge=0, le=0.5)
    saturation: float = Field(0.3, ge=0, le=1)
    grey_p: float = Field(0.05, ge=0, le=1)
    quality_p: float = Field(0.4, ge=0, le=1)
    jpeg_quality_min: int = Field(40, ge=10, le=95)
    downscale_min: float = Field(0.6, ge=0.3, le=1)
    blur_p: float = Field(0.15, ge=0, le=1)
    blur_sigma_px: float = Field(0.8, gt=0, le=2)
    noise_p: float = Field(0.2, ge=0, le=1)
    noise_std: float = Field(0.04, ge=0, le=0.15)
    border_p: float = Field(0.25, ge=0, le=1)
    border: float = Field(0.2, ge=0, le=0.5)
    max_side_px: PositiveInt = 1024

    def digest(self) -> str:
        """sha256 over the settings and the version of what they mean; features of changed pictures are kept by it."""
        content = json.dumps([_VERSION, self.model_dump()], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


class Augmenter:
    """Changes pictures by an ``AugmentConfig``. One object serves one thread at a time: albumentations keeps state."""

    def __init__(self, config: AugmentConfig) -> None:
        self.config = config

    def __call__(self, picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        """An RGB picture, changed; ``rng`` alone decides how. The size may change, ``picture`` itself never does."""
        raise NotImplementedError

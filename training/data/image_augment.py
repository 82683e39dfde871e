"""Training pictures, changed as memes change on their way round the net: turned a little, recoloured, framed, squeezed.

A meme's words are what it says, so nothing here mirrors, cuts or covers them: no flip, no crop, no erasing. Geometry
grows the canvas instead of losing its corners, and repeats edge pixels there; reflection would show mirrored letters.

albumentations (2.0.8, its last MIT release) is used behind this one module only.
"""

import hashlib
import json
import os
import random
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

#: Part of every digest: raise it when the same config comes to give other pictures.
_VERSION = 1
_PAGES = ((255, 255, 255), (0, 0, 0), (21, 32, 43))
_GREYS = (40, 90, 140, 200, 235)
#: Thinner pictures stay as they are: they show nothing, and some transforms lose an axis of theirs.
_SMALLEST_PX = 8
#: As a share of the colour circle: skin stays skin.
_HUE = 0.02


class AugmentConfig(BaseModel):
    """How likely (``*_p``, a chance a picture) and how strong each change is. All chances 0: the picture as it is.

    - geometry: made smaller by up to ``shrink`` within its frame, turned by up to ``rotation_deg``, corners moved by
      ``perspective`` of a side (its standard deviation).
    - colour: ``brightness``, ``contrast``, ``saturation`` by up to this share, gamma and a slight change of hue.
    - quality: sent on as JPEG of at least ``jpeg_quality_min``, or scaled down to ``downscale_min`` and up again.
    - blur (``blur_sigma_px``) and noise (``noise_std``, as a share of white) of mild strength; grey.
    - border: letterbox bars of another aspect, or the page and bars of a screenshot, up to ``border`` of a side each.

    Strengths in pixels are of a picture whose longer side is at most ``max_side_px``: larger ones are made smaller.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    geometry_p: float = Field(default=0.5, ge=0, le=1)
    rotation_deg: float = Field(default=4.0, ge=0, le=15)
    perspective: float = Field(default=0.03, ge=0, le=0.06)
    shrink: float = Field(default=0.1, ge=0, le=0.3)
    colour_p: float = Field(default=0.5, ge=0, le=1)
    brightness: float = Field(default=0.2, ge=0, le=0.5)
    contrast: float = Field(default=0.2, ge=0, le=0.5)
    saturation: float = Field(default=0.3, ge=0, le=1)
    grey_p: float = Field(default=0.05, ge=0, le=1)
    quality_p: float = Field(default=0.4, ge=0, le=1)
    jpeg_quality_min: int = Field(default=40, ge=10, le=95)
    downscale_min: float = Field(default=0.6, ge=0.3, le=0.95)
    blur_p: float = Field(default=0.15, ge=0, le=1)
    blur_sigma_px: float = Field(default=0.8, gt=0, le=2)
    noise_p: float = Field(default=0.2, ge=0, le=1)
    noise_std: float = Field(default=0.04, ge=0, le=0.15)
    border_p: float = Field(default=0.25, ge=0, le=1)
    border: float = Field(default=0.2, ge=0, le=0.5)
    max_side_px: PositiveInt = 1024

    def digest(self) -> str:
        """sha256 over the settings and the version of what they mean; features of changed pictures are kept by it."""
        content = json.dumps([_VERSION, self.model_dump()], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


class Augmenter:
    """Changes pictures by an ``AugmentConfig``, for any number of threads."""

    def __init__(self, config: AugmentConfig) -> None:
        self.config = config
        #: albumentations keeps state in its transforms, so each thread has its own.
        self._of_thread = threading.local()

    def __call__(self, picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        """An RGB picture, changed; ``rng`` alone decides how. The size may change, ``picture`` itself never does."""
        bounded = picture.copy()
        bounded.thumbnail((self.config.max_side_px, self.config.max_side_px), Image.Resampling.BICUBIC)
        if min(bounded.size) < _SMALLEST_PX:
            return bounded
        # Not set_random_seed: it gives every transform the same seed, and so all of them happen or none does.
        pipeline = self._pipeline()
        pipeline.set_random_state(rng, random.Random(int(rng.integers(2**63))))
        pixels: NDArray[np.uint8] = pipeline(image=np.array(bounded))["image"]
        if rng.random() < self.config.border_p:
            pixels = _framed(pixels, self.config.border, rng)
        return Image.fromarray(pixels)

    def _pipeline(self) -> Any:
        if not hasattr(self._of_thread, "pipeline"):
            self._of_thread.pipeline = _compose(self.config)
        return self._of_thread.pipeline


def _compose(config: AugmentConfig) -> Any:
    albumentations = _albumentations()
    return albumentations.Compose(
        [
            albumentations.Sequential(_geometry(albumentations, config), p=config.geometry_p),
            albumentations.Sequential(_colour(albumentations, config), p=config.colour_p),
            albumentations.ToGray(p=config.grey_p),
            albumentations.GaussianBlur(blur_limit=0, sigma_limit=_up_to(config.blur_sigma_px), p=config.blur_p),
            albumentations.GaussNoise(std_range=_up_to(config.noise_std), p=config.noise_p),
            # Last, as on the net: what is sent on is squeezed after everything else was done to it.
            albumentations.OneOf(_quality(albumentations, config), p=config.quality_p),
        ]
    )


def _albumentations() -> Any:
    """The module, imported late (seconds) and without its question to the net whether there is a newer one."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations  # noqa: PLC0415

    return albumentations


def _geometry(albumentations: Any, config: AugmentConfig) -> list[Any]:
    """Shrink, turn, tilt. ``fit_output`` grows the canvas so that every corner stays in it."""
    import cv2  # noqa: PLC0415 - albumentations imports it anyway

    edges = {"border_mode": cv2.BORDER_REPLICATE, "interpolation": cv2.INTER_CUBIC}
    turned = (-config.rotation_deg, config.rotation_deg)
    return [
        albumentations.Affine(scale=(1 - config.shrink, 1.0), keep_ratio=True, p=0.5, **edges),
        albumentations.Affine(rotate=turned, fit_output=True, p=0.7, **edges),
        albumentations.Perspective(scale=_up_to(config.perspective), fit_output=True, p=0.5, **edges),
    ]


def _colour(albumentations: Any, config: AugmentConfig) -> list[Any]:
    strengths = {"brightness": config.brightness, "contrast": config.contrast, "saturation": config.saturation}
    return [
        albumentations.ColorJitter(hue=_HUE, p=0.8, **strengths),
        albumentations.RandomGamma(gamma_limit=(80, 125), p=0.5),
    ]


def _quality(albumentations: Any, config: AugmentConfig) -> list[Any]:
    import cv2  # noqa: PLC0415

    pair = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}
    return [
        albumentations.ImageCompression(quality_range=(config.jpeg_quality_min, 95), p=0.6),
        albumentations.Downscale(scale_range=(config.downscale_min, 0.95), interpolation_pair=pair, p=0.4),
    ]


def _up_to(most: float) -> tuple[float, float]:
    return (most / 4, most)


def _framed(pixels: NDArray[np.uint8], most: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture on a larger page: bars above and below or beside it, margins all round, or a screenshot."""
    height_px, width_px = pixels.shape[:2]
    kind = rng.choice(["rows", "columns", "margins", "screenshot"])
    shares = rng.uniform(0.02, max(0.02, most), size=4)  # top, bottom, left, right
    if kind in ("rows", "screenshot"):
        shares[2:] = 0.0
    elif kind == "columns":
        shares[:2] = 0.0
    top, bottom = (int(share * height_px) for share in shares[:2])
    left, right = (int(share * width_px) for share in shares[2:])
    page = _PAGES[rng.integers(len(_PAGES))]
    framed = np.empty((top + height_px + bottom, left + width_px + right, 3), dtype=np.uint8)
    framed[:] = page
    framed[top : top + height_px, left : left + width_px] = pixels
    if kind == "screenshot":
        _draw_controls(framed[:top], rng)
        _draw_controls(framed[top + height_px :], rng)
    return framed


def _draw_controls(bar: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Grey blocks on a bar, in place: as much as is left of buttons and names at the size that a tower sees."""
    height_px, width_px = bar.shape[:2]
    for left in np.sort(rng.uniform(0.02, 0.9, size=rng.integers(1, 5))):
        at = int(left * width_px)
        block_px = max(1, int(rng.uniform(0.3, 1.5) * height_px))
        bar[height_px // 4 : height_px - height_px // 4, at : at + block_px] = _GREYS[rng.integers(len(_GREYS))]

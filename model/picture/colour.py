"""Colour spaces: a decoded picture becomes sRGB, as browsers show it.

A picture without a profile, or with one that says sRGB, keeps its pixels bit for bit. A profile that is damaged or does
not fit the picture is passed over, as browsers do.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from model.picture import icc

_SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
#: Primaries by their code in ITU-T H.273, white first.
_PRIMARIES = {
    1: _SRGB_PRIMARIES,
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
#: A gamma this near to sRGB's 1/2.2 is sRGB: most encoders that write the chunk mean that.
_GAMMA_TOLERANCE = 0.05
#: Levels by which a profile may change a colour and still be called sRGB: versions of it differ by one or two.
_PLAIN_LEVELS = 3
_CURVE_STEPS = 4096


@dataclass(frozen=True)
class ColourSpace:
    """What a file says of its colours; all None: sRGB.

    ``gamma`` and ``primaries`` are PNG's gAMA and cHRM, the codes those of ITU-T H.273 (PNG's cICP, AVIF's nclx).
    """

    icc: bytes | None = None
    gamma: float | None = None
    primaries: tuple[float, ...] | None = None
    primaries_code: int | None = None
    transfer_code: int | None = None


PLAIN = ColourSpace()


def in_srgb(image: Image.Image, space: ColourSpace) -> Image.Image:
    """The picture in 8-bit sRGB: RGB, or RGBA where it has clear parts."""
    profile = space.icc
    if space.transfer_code is not None:
        profile = _profile_of_codes(space.primaries_code or 0, space.transfer_code)
    elif space.gamma is not None and not _is_near(space.gamma * 2.2, 1, _GAMMA_TOLERANCE):
        if space.primaries is None or _is_srgb(space.primaries):
            return _with_gamma(image, space.gamma)
        profile = icc.matrix_profile(space.primaries, _steps() ** (1 / space.gamma))
    elif space.gamma is not None and space.primaries is not None and not _is_srgb(space.primaries):
        profile = icc.matrix_profile(space.primaries, _to_light(_steps()))
    if profile is None:
        return plain_rgb(image)
    return _with_profile(image, profile)


def plain_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB or RGBA of a picture of any mode, its numbers taken as sRGB."""
    if image.mode.startswith("I"):
        return _from_16_bit(image, _EVEN)
    if image.mode in ("RGB", "RGBA"):
        return image.convert("RGBA") if image.has_transparency_data and image.mode == "RGB" else image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _with_gamma(image: Image.Image, gamma: float) -> Image.Image:
    """As a screen shows samples that are light to the power of ``gamma``."""
    if image.mode.startswith("I"):
        return _from_16_bit(image, _display_levels(np.arange(65536) / 65535, gamma))
    rgb = plain_rgb(image)
    table = _display_levels(np.arange(256) / 255, gamma).tolist()
    return rgb.point(table * 3 + (list(range(256)) if rgb.mode == "RGBA" else []))


def _display_levels(samples: NDArray[np.float64], gamma: float) -> NDArray[np.uint8]:
    with np.errstate(under="ignore"):
        light = samples ** min(1 / gamma, 1e4)
    shown = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(shown * 255).astype(np.uint8)


#: 16-bit grey to 8 bits: Pillow's own conversion would clip everything above 255 to white.
_EVEN: NDArray[np.uint8] = (np.arange(65536) // 257).astype(np.uint8)


def _from_16_bit(image: Image.Image, levels: NDArray[np.uint8]) -> Image.Image:
    values = np.clip(np.asarray(image), 0, 65535)
    grey = Image.fromarray(levels[values])
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return grey.convert("RGB")
    alpha = Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
    return Image.merge("RGBA", (grey, grey, grey, alpha))


def _with_profile(image: Image.Image, profile: bytes) -> Image.Image:
    if image.mode.startswith("I"):
        image = plain_rgb(image).convert("L") if icc.colour_space(profile) == b"GRAY" else plain_rgb(image)
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode != "L" or icc.colour_space(profile) != b"GRAY" or image.has_transparency_data:
        image = image if image.mode == "CMYK" else plain_rgb(image)
    convert = _converter(profile, image.mode)
    return plain_rgb(image) if convert is None else convert(image)


@lru_cache(maxsize=32)
def _converter(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """What makes sRGB of a picture in ``mode``; None where the profile changes nothing, or does not fit."""
    fitting = {"RGB": b"RGB ", "RGBA": b"RGB ", "CMYK": b"CMYK", "L": b"GRAY"}.get(mode)
    cleaned = icc.cleaned(profile)
    if cleaned is None or icc.colour_space(cleaned) != fitting:
        return None
    out_mode = "RGBA" if mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(cleaned))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, out_mode)
        probe = _probe(mode)
        shown = transform.apply(probe)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    change = np.abs(np.asarray(shown).astype(int) - np.asarray(plain_rgb(probe)))
    return None if change.max() <= _PLAIN_LEVELS else transform.apply


def _probe(mode: str) -> Image.Image:
    """A picture of colours from all over the space."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    n_bands = len(mode)
    steps = np.linspace(0, 255, 17 if n_bands == 3 else 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(*[steps] * n_bands), axis=-1).reshape(1, -1, n_bands)
    return Image.frombytes(mode, (grid.shape[1], 1), grid.tobytes())


def _profile_of_codes(primaries_code: int, transfer_code: int) -> bytes | None:
    """A profile of H.273's codes; None where they mean sRGB, or nothing that we know."""
    primaries, curve = _PRIMARIES.get(primaries_code, _SRGB_PRIMARIES), _curve(transfer_code)
    if curve is None and primaries == _SRGB_PRIMARIES:
        return None
    return icc.matrix_profile(primaries, _to_light(_steps()) if curve is None else curve)


def _curve(transfer_code: int) -> NDArray[np.float64] | None:
    """Light between black and the white of a page, by H.273's transfer characteristics."""
    samples = _steps()
    if transfer_code in (4, 5):
        return samples ** (2.2 if transfer_code == 4 else 2.8)
    if transfer_code == 8:
        return samples
    if transfer_code == 16:  # PQ: up to 10,000 cd/m2, of which a page's white is 203
        root = samples ** (1 / 78.84375)
        return np.clip(
            (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125), 0, 1
        ) * (10_000 / 203)
    if transfer_code == 18:  # HLG: a page's white is at three quarters of the signal
        scene = np.where(
            samples <= 0.5, samples**2 / 3, (np.exp((samples - 0.55991073) / 0.17883277) + 0.28466892) / 12
        )
        return scene**1.2 * (1000 / 203)
    return None


def _steps() -> NDArray[np.float64]:
    return np.linspace(0, 1, _CURVE_STEPS)


def _to_light(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)


def _is_srgb(primaries: tuple[float, ...]) -> bool:
    return all(_is_near(value, wanted, 0.01) for value, wanted in zip(primaries, _SRGB_PRIMARIES, strict=True))


def _is_near(value: float, wanted: float, tolerance: float) -> bool:
    return abs(value - wanted) <= tolerance

"""Sentences drawn in letters of any font, colour and size: what relations of drawing and of fusion have in common."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.data.meme_renderer import Colour, default_font, drawable, line_height, wrapped

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
_SMALLEST_PX = 8


@dataclass(frozen=True)
class Lettering:
    """``font`` is a file of matplotlib's fonts, None: Pillow's own. ``size_px`` is the largest; it shrinks to fit.

    ``outline`` has a width of ``outline_share`` of the size.
    """

    font: str | None = None
    size_px: int = 32
    fill: Colour = BLACK
    outline: Colour = BLACK
    outline_share: float = 0.0
    centred: bool = True


def is_drawable(text: str) -> bool:
    """Whether our fonts draw all that people see of ``text``; accents may go, emoji and other scripts may not."""
    decomposed = unicodedata.normalize("NFKD", text)
    seen = [char for char in decomposed if unicodedata.category(char)[0] not in "MCZ"]
    return bool(seen) and "".join(seen) == "".join(drawable(text).split())


@lru_cache(maxsize=256)
def font_of(name: str | None, size_px: int) -> ImageFont.FreeTypeFont:
    """A font by its file's name, "DejaVuSerif.ttf"."""
    if name is None:
        return default_font(size_px)
    import matplotlib as mpl  # noqa: PLC0415 - its fonts alone

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts/ttf" / name, size_px)


def fitted(text: str, lettering: Lettering, size: tuple[int, int]) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The largest font up to the lettering's at which ``text`` fits ``size`` without a broken word, and its lines."""
    for size_px in range(lettering.size_px, _SMALLEST_PX, -1):
        font = font_of(lettering.font, size_px)
        lines = wrapped(drawable(text), font, size[0])
        is_whole = " ".join(lines).split() == drawable(text).split()
        if is_whole and len(lines) * line_height(font) <= size[1]:
            return font, lines
    font = font_of(lettering.font, _SMALLEST_PX)
    return font, wrapped(drawable(text), font, size[0])


def write(image: Image.Image, text: str, box: tuple[int, int, int, int], lettering: Lettering) -> None:
    """Draw ``text`` into ``box`` (left, top, right, bottom) of ``image``, from the middle of its height."""
    left, top, right, bottom = box
    font, lines = fitted(text, lettering, (right - left, bottom - top))
    draw = ImageDraw.Draw(image)
    outline_px = round(lettering.outline_share * font.size)
    y = top + (bottom - top - len(lines) * line_height(font)) // 2
    for line in lines:
        x = left + (right - left - font.getlength(line)) / 2 if lettering.centred else left
        draw.text((x, y), line, font=font, fill=lettering.fill, stroke_width=outline_px, stroke_fill=lettering.outline)
        y += line_height(font)


def page_above(scene: Image.Image, height_px: int, page: Colour | Image.Image = WHITE) -> Image.Image:
    """``scene`` below a page of this height, which is one colour or a picture that is cut to size."""
    image = Image.new("RGB", (scene.width, height_px + scene.height), WHITE)
    image.paste(
        page if isinstance(page, tuple) else page.resize((scene.width, height_px)), (0, 0, scene.width, height_px)
    )
    image.paste(scene, (0, height_px))
    return image


def captioned(scene: Image.Image, text: str, lettering: Lettering, page: Colour | Image.Image = WHITE) -> Image.Image:
    """``scene`` under ``text`` on a page that is as high as the text asks for."""
    margin = lettering.size_px // 2
    font, lines = fitted(text, lettering, (scene.width - 2 * margin, 2 * scene.width))
    height_px = len(lines) * line_height(font) + 2 * margin
    image = page_above(scene, height_px, page)
    write(image, text, (margin, 0, scene.width - margin, height_px), lettering)
    return image


def enlarged(image: Image.Image, factor: int = 3) -> Image.Image:
    """``image``, larger: people go nearer."""
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)


def contrast_ratio(first: Colour, second: Colour) -> float:
    """Contrast of two sRGB colours, from 1 to 21 (WCAG 2.1, success criterion 1.4.3)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    channels = np.array(colour) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))

"""Memes drawn from a known text: for OCR benchmarks, for tests and for turning sentences into training pictures.

PIL only. The one font is Pillow's own (Aileron, ``ImageFont.load_default``), so that a picture is the same on every
machine; what that font cannot draw (emoji, other scripts) is left out and ``RenderedMeme.text`` says what was drawn.
"""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageDraw, ImageFont

MemeStyle = Literal["classic", "caption_bar", "screenshot"]
STYLES: tuple[MemeStyle, ...] = get_args(MemeStyle)

Colour = tuple[int, int, int]
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)
_NIGHT: Colour = (21, 32, 43)

_MIN_FONT_PX = 12
_LINE_SPACING = 1.08
_UNASSIGNED = "\uffff"  # a noncharacter: whatever the font draws for it is its "no such glyph" box


@dataclass(frozen=True)
class DrawnWord:
    """A word and the box (left, top, right, bottom) in pixels that its ink, outline included, lies in."""

    text: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class RenderedMeme:
    """``image`` is RGB. ``text`` is what was really drawn, lines joined by ``"\\n"`` from top to bottom."""

    image: Image.Image
    text: str
    words: tuple[DrawnWord, ...]


@dataclass(frozen=True)
class _Ink:
    """How glyphs are painted: ``bold_px`` thickens the fill, ``outline_px`` is the rim around it."""

    fill: Colour
    bold_px: int = 0
    outline: Colour = _BLACK
    outline_px: int = 0

    @property
    def reach_px(self) -> int:
        return self.bold_px + self.outline_px


def render_meme(
    background: Image.Image | None, boxes: Sequence[str], *, style: MemeStyle, rng: np.random.Generator
) -> RenderedMeme:
    """Draw ``boxes``, from top to bottom, on ``background`` (None: a synthetic one of 640 x 480 pixels).

    ``classic`` writes outlined white capitals over the picture, ``caption_bar`` black text on a white bar above it,
    ``screenshot`` small left-aligned text on a plain page above it. The two last make the picture taller.
    Words that do not fit a classic picture are left out, from the end. Raises ``ValueError`` on an unknown style.
    """
    picture = synthetic_background(rng, (640, 480)) if background is None else background.convert("RGB")
    texts = [drawable(box) for box in boxes]
    if style == "classic":
        return _classic(picture, [text.upper() for text in texts], rng)
    if style == "caption_bar":
        return _above(
            picture, texts, ink=_Ink(_BLACK), page=_WHITE, centred=True, font_px=_scaled(picture, rng, 14, 22)
        )
    if style == "screenshot":
        night = bool(rng.random() < 0.5)
        ink, page = (_Ink(_WHITE), _NIGHT) if night else (_Ink(_BLACK), _WHITE)
        return _above(picture, texts, ink=ink, page=page, centred=False, font_px=_scaled(picture, rng, 22, 34))
    raise ValueError(f"unknown style {style!r}; known styles: {', '.join(STYLES)}")


def synthetic_background(rng: np.random.Generator, size_px: tuple[int, int]) -> Image.Image:
    """Draw an RGB picture of ``size_px`` (width, height): one colour, a gradient of two, or a gradient under noise."""
    width_px, height_px = size_px
    top, bottom = rng.integers(0, 256, size=(2, 3))
    kind = rng.choice(["solid", "gradient", "noise"])
    ramp = np.linspace(0.0, 0.0 if kind == "solid" else 1.0, height_px)[:, None, None]
    pixels = np.broadcast_to(top * (1 - ramp) + bottom * ramp, (height_px, width_px, 3))
    if kind == "noise":
        pixels = pixels + rng.normal(0.0, 24.0, size=pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def drawable(text: str) -> str:
    """Return ``text`` as the font can draw it: accents stripped, unknown characters dropped, whitespace collapsed."""
    decomposed = unicodedata.normalize("NFKD", text)
    kept = (" " if char.isspace() else char for char in decomposed if char.isspace() or _has_glyph(char))
    return " ".join("".join(kept).split())


@lru_cache(maxsize=4096)
def _has_glyph(char: str) -> bool:
    font = default_font(_MIN_FONT_PX)
    glyph, missing = font.getmask(char), font.getmask(_UNASSIGNED)
    return (glyph.size, bytes(glyph)) != (missing.size, bytes(missing))


@lru_cache(maxsize=256)
def default_font(size_px: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font. Raises ``TypeError`` where Pillow cannot size it."""
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType, so it cannot draw text at a chosen size")
    return font


def line_height(font: ImageFont.FreeTypeFont) -> int:
    """Pixels from one line to the next."""
    return round(sum(font.getmetrics()) * _LINE_SPACING)


def _scaled(picture: Image.Image, rng: np.random.Generator, smallest: int, largest: int) -> int:
    """Pick a font size of 1/largest to 1/smallest of the picture's width."""
    return max(_MIN_FONT_PX, round(picture.width / rng.uniform(smallest, largest)))


def wrapped(text: str, font: ImageFont.FreeTypeFont, width_px: float) -> list[str]:
    """Break into lines no wider than ``width_px``, between words where possible, within a word that is too wide."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(joined) <= width_px:
            lines[-1] = joined
        else:
            lines.extend(_pieces(word, font, width_px))
    return lines


def _pieces(word: str, font: ImageFont.FreeTypeFont, width_px: float) -> list[str]:
    pieces = [""]
    for char in word:
        if font.getlength(pieces[-1] + char) <= width_px:
            pieces[-1] += char
        elif font.getlength(char) <= width_px:
            pieces.append(char)
    return [piece for piece in pieces if piece]


def _classic(picture: Image.Image, texts: Sequence[str], rng: np.random.Generator) -> RenderedMeme:
    """Write the first text along the top edge, the last along the bottom, others centred in equal slots between."""
    image = picture.copy()
    if len(texts) == 1 and rng.random() < 0.3:  # some one-line memes have it at the bottom
        texts = ["", *texts]
    slot_height = image.height // max(2, len(texts))
    start_px = max(_MIN_FONT_PX, round(image.width / rng.uniform(8, 14)))
    words: list[DrawnWord] = []
    lines: list[str] = []
    for index, text in enumerate(texts):
        font, fitted = _fit(text, image.width, slot_height, start_px)
        ink = _Ink(_WHITE, round(font.size / 32), _BLACK, max(1, round(font.size / 14)))
        slack = slot_height - len(fitted) * line_height(font)
        offset = 0 if index == 0 else slack if index == len(texts) - 1 else slack // 2
        words += _draw_lines(image, fitted, font, ink, top_px=index * slot_height + offset, centred=True)
        lines += fitted
    return RenderedMeme(image, "\n".join(lines), tuple(words))


def _fit(text: str, width_px: int, height_px: int, start_px: int) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """Find the largest font up to ``start_px`` at which the text fits; at the smallest, cut the end that does not."""
    for size_px in range(start_px, _MIN_FONT_PX - 1, -2):
        font = default_font(size_px)
        lines = wrapped(text, font, 0.94 * width_px - size_px / 4)
        if len(lines) * line_height(font) <= height_px:
            return font, lines
    font = default_font(_MIN_FONT_PX)
    lines = wrapped(text, font, 0.94 * width_px - _MIN_FONT_PX / 4)
    return font, lines[: height_px // line_height(font)]


def _above(
    picture: Image.Image, texts: Iterable[str], *, ink: _Ink, page: Colour, centred: bool, font_px: int
) -> RenderedMeme:
    """Put a page with the text, one paragraph a box, on top of the picture."""
    font = default_font(font_px)
    margin = font_px // 2
    lines = [line for text in texts for line in wrapped(text, font, picture.width - 2 * margin)]
    page_height = len(lines) * line_height(font) + 2 * margin
    image = Image.new("RGB", (picture.width, page_height + picture.height), page)
    image.paste(picture, (0, page_height))
    words = _draw_lines(image, lines, font, ink, top_px=margin, centred=centred)
    return RenderedMeme(image, "\n".join(lines), tuple(words))


def _draw_lines(
    image: Image.Image,
    lines: Sequence[str],
    font: ImageFont.FreeTypeFont,
    ink: _Ink,
    *,
    top_px: int,
    centred: bool,
) -> list[DrawnWord]:
    words: list[DrawnWord] = []
    for index, line in enumerate(lines):
        left = (image.width - font.getlength(line)) / 2 if centred else font.size / 2
        words += _draw_line(image, line, font, ink, (left, top_px + index * line_height(font)))
    return words


def _draw_line(
    image: Image.Image, line: str, font: ImageFont.FreeTypeFont, ink: _Ink, origin: tuple[float, float]
) -> list[DrawnWord]:
    """Draw word by word at whole pixels, so that each word's box is exactly where its ink is."""
    draw = ImageDraw.Draw(image)
    placed: list[tuple[str, tuple[int, int]]] = []
    start = 0
    for word in line.split(" "):
        placed.append((word, (round(origin[0] + font.getlength(line[:start])), round(origin[1]))))
        start += len(word) + 1
    if ink.outline_px:  # all rims before any fill: a rim never covers the neighbour's letters
        for word, at in placed:
            draw.text(at, word, font=font, fill=ink.outline, stroke_width=ink.reach_px, stroke_fill=ink.outline)
    for word, at in placed:
        draw.text(at, word, font=font, fill=ink.fill, stroke_width=ink.bold_px, stroke_fill=ink.fill)
    return [DrawnWord(word, _word_box(draw, word, at, font, ink)) for word, at in placed]


def _word_box(
    draw: ImageDraw.ImageDraw, word: str, at: tuple[int, int], font: ImageFont.FreeTypeFont, ink: _Ink
) -> tuple[int, int, int, int]:
    left, top, right, bottom = draw.textbbox(at, word, font=font, stroke_width=ink.reach_px)
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)

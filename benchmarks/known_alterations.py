"""What is done to memes that are posted again: what ``benchmarks.known`` alters pictures and words by."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

Alteration = Callable[[Image.Image, np.random.Generator], Image.Image]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _cropped(share: float) -> Alteration:
    """That share of the width and of the height is cut off, more on one side than on the other as it happens."""

    def crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = (round(side * (1 - share)) for side in image.size)
        left, top = (
            int(rng.integers(whole - part + 1)) for whole, part in zip(image.size, (width, height), strict=True)
        )
        return image.crop((left, top, left + width, top + height))

    return crop


def _resized(factor: float, stretch: float = 1.0) -> Alteration:
    def resize(image: Image.Image, _: np.random.Generator) -> Image.Image:
        size = max(8, round(image.width * factor * stretch)), max(8, round(image.height * factor))
        return image.resize(size, Image.Resampling.BILINEAR)

    return resize


def recompressed(quality: int) -> Alteration:
    """As a JPEG of that quality."""

    def recompress(image: Image.Image, _: np.random.Generator) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return recompress


def _bordered(share: float, colour: str) -> Alteration:
    def border(image: Image.Image, _: np.random.Generator) -> Image.Image:
        return ImageOps.expand(image, round(share * max(image.size)), colour)

    return border


def _barred(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A white bar above, a sixth of the height, with a line of words in it."""
    page = Image.new("RGB", (image.width, image.height + image.height // 6), "white")
    page.paste(image, (0, image.height // 6))
    ImageDraw.Draw(page).text((8, image.height // 16), f"look at number {rng.integers(100)}", fill="black")
    return page


def _screenshot(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """As a phone shows it: a narrow margin, a line with a name above, a row of signs below, on white or black."""
    page_colour, ink = ("white", "black") if rng.random() < 0.5 else ("black", "white")
    margin, bar = image.width // 32, image.width // 9
    page = Image.new("RGB", (image.width + 2 * margin, image.height + 2 * bar), page_colour)
    page.paste(image, (margin, bar))
    draw = ImageDraw.Draw(page)
    draw.ellipse((margin, bar // 5, margin + bar // 2, bar // 5 + bar // 2), fill="grey")
    draw.text((2 * margin + bar // 2, bar // 3), "somebody  2 h", fill=ink)
    for at in range(3):
        left = margin + at * bar
        draw.rectangle((left, page.height - bar * 2 // 3, left + bar // 3, page.height - bar // 3), outline=ink)
    return page


#: Each alters nothing else; "caption change" is another caption on the same template, which is drawn anew.
ALTERATIONS: dict[str, Alteration] = {
    "crop 5 %": _cropped(0.05),
    "crop 10 %": _cropped(0.10),
    "crop 20 %": _cropped(0.20),
    "half the size": _resized(0.5),
    "a quarter of the size": _resized(0.25),
    "stretched by 20 %": _resized(1.0, 1.2),
    "JPEG of quality 30": recompressed(30),
    "white border 5 %": _bordered(0.05, "white"),
    "black border 10 %": _bordered(0.10, "black"),
    "bar with words above": _barred,
    "brightness +40 %": lambda image, _: ImageEnhance.Brightness(image).enhance(1.4),
    "brightness -40 %": lambda image, _: ImageEnhance.Brightness(image).enhance(0.6),
    "grey": lambda image, _: image.convert("L").convert("RGB"),
    "mirrored": lambda image, _: ImageOps.mirror(image),
    "frame of a screenshot": _screenshot,
}


def misread(text: str, share: float, rng: np.random.Generator) -> str:
    """``text`` with that share of its characters, one at least, each another letter, missing, or doubled by another."""
    chars = list(text)
    n = max(1, round(share * len(chars)))
    for at in rng.choice(len(chars), size=min(n, len(chars)), replace=False).tolist():
        other = _LETTERS[int(rng.integers(26))]
        chars[at] = (other, "", chars[at] + other)[int(rng.integers(3))]
    return "".join(chars)

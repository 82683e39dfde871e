"""Relations of drawing: the sentence in other letters, colours, sizes or places than memes commonly have.

Each is drawn anew on the scene (nothing is done to a finished picture: that is ``picture``), and OCR proves that it can
be read. Scenes are about 640 pixels wide; sizes in pixels are meant for that.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from PIL import Image, ImageOps

from training.data.meme_renderer import Colour
from training.stress.relations.base import Family, Relation, Seed, StressItem, encoded, registered
from training.stress.relations.lettering import (
    BLACK,
    WHITE,
    Lettering,
    captioned,
    contrast_ratio,
    enlarged,
    is_drawable,
    page_above,
    write,
)

_OASIS = "OASIS (Wang and others, ASE 2023)"
_AUGLY = "AugLy (Papakipos and Bitton 2022)"
_TYPOGRAPHIC = "FigStep, sentences as typography (Gong and others 2023)"


class DrawnRelation(Relation):
    """Draws the sentence; the item is a PNG without words beside it. Does not apply to what our fonts cannot draw."""

    family: ClassVar[Family] = "drawing"

    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        """The drawn meme."""
        if not is_drawable(seed.text):
            return None
        return StressItem(encoded(self.drawn(seed.text, scene, strength, rng)), None)

    @abstractmethod
    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """``text`` and ``scene`` in one RGB picture."""


@registered
class Font(DrawnRelation):
    """Other fonts than a sans serif: a bold one with serifs, a typewriter's, a slanted one."""

    name = "font"
    strengths = ("serif", "typewriter", "italic")
    source = f"{_OASIS}; {_AUGLY}"
    preparations = (enlarged,)
    _files: Mapping[str, str] = {
        "serif": "DejaVuSerif-Bold.ttf",
        "typewriter": "cmtt10.ttf",
        "italic": "STIXGeneralItalic.ttf",
    }

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On a white page above the scene."""
        return captioned(scene, text, Lettering(self._files[strength], size_px=34))


@registered
class Outline(DrawnRelation):
    """White letters on the scene itself with a thick rim, with a thin one, or white rims around the scene's colour."""

    name = "outline"
    strengths = ("thick", "thin", "hollow")
    source = _OASIS
    preparations = (enlarged,)

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """Over the upper part of the scene."""
        image = scene.copy()
        box = (scene.width // 20, 10, scene.width - scene.width // 20, scene.height // 2)
        share = {"thick": 0.12, "thin": 0.04, "hollow": 0.05}[strength]
        if strength == "hollow":
            mask, inside = Image.new("RGB", scene.size), Image.new("RGB", scene.size)
            write(mask, text, box, Lettering("DejaVuSans-Bold.ttf", 46, WHITE, WHITE, share))
            write(inside, text, box, Lettering("DejaVuSans-Bold.ttf", 46, WHITE))
            image.paste(WHITE, mask=mask.convert("L"))
            image.paste(scene, mask=inside.convert("L"))
            return image
        write(image, text, box, Lettering(None, 46, WHITE, BLACK, share))
        return image


@registered
class LetterColour(DrawnRelation):
    """Coloured letters on a coloured page, at a contrast that WCAG asks for in body text (4.5 to 1)."""

    name = "colour"
    strengths = ("dark on light", "light on dark", "many colours")
    source = f"{_OASIS}; WCAG 2.1"

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On a page above the scene."""
        dark, light = _dark(rng), _light(rng)
        while contrast_ratio(dark, light) < 4.5:
            dark, light = _dark(rng), _light(rng)
        if strength == "dark on light":
            return captioned(scene, text, Lettering(fill=dark), light)
        image = captioned(scene, text, Lettering(fill=light), dark)
        if strength == "many colours":
            letters = captioned(Image.new("RGB", scene.size), text, Lettering(fill=WHITE), BLACK).convert("L")
            image.paste(_bands(image.size, dark, rng), mask=letters)
        return image


@registered
class Contrast(DrawnRelation):
    """Grey letters on grey, at the contrast that WCAG 2.1 asks for in large text (3 to 1), and at less."""

    name = "contrast"
    strengths = ("3:1", "1.5:1", "1.2:1")
    source = f"{_OASIS}; WCAG 2.1"
    preparations = (lambda image: ImageOps.autocontrast(image.convert("L"), cutoff=2).convert("RGB"),)

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On a page above the scene, letters darker than it."""
        level = int(rng.integers(150, 221))
        wanted = float(strength.removesuffix(":1"))
        page: Colour = (level, level, level)
        letters = next(grey for grey in range(level, -1, -1) if contrast_ratio(page, (grey,) * 3) >= wanted or not grey)
        return captioned(scene, text, Lettering(fill=(letters, letters, letters)), page)


@registered
class NoiseBehind(DrawnRelation):
    """Coloured noise behind the letters, of this standard deviation (of 255)."""

    name = "noise_behind"
    strengths = ("20", "50", "90")
    source = f"{_OASIS}; captchas"
    preparations = (lambda image: image.reduce(2), enlarged)

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On a page above the scene."""
        noise = rng.normal(190, float(strength), (200, scene.width, 3)).clip(0, 255).astype(np.uint8)
        return captioned(scene, text, Lettering("DejaVuSans-Bold.ttf", 34), Image.fromarray(noise))


@registered
class Stripes(DrawnRelation):
    """Slanting stripes behind the letters, as light as .8, .6 and .4 of white."""

    name = "stripes"
    strengths = ("light", "grey", "dark")
    source = f"{_OASIS}; captchas"
    preparations = (enlarged,)

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On a page above the scene."""
        level = {"light": 205, "grey": 155, "dark": 100}[strength]
        x, y = np.meshgrid(np.arange(scene.width), np.arange(200))
        slope, period = float(rng.uniform(0.4, 1.2)), float(rng.uniform(9, 16))
        is_stripe = ((x + slope * y) // period) % 2 == 0
        page = np.where(is_stripe[..., None], level, 255).repeat(3, axis=2).astype(np.uint8)
        return captioned(scene, text, Lettering("DejaVuSans-Bold.ttf", 34), Image.fromarray(page))


@registered
class Tiny(DrawnRelation):
    """Letters of 16, 12 and 10 pixels in a corner of the scene; people go nearer, and so does the proof."""

    name = "tiny"
    strengths = ("16 px", "12 px", "10 px")
    source = _TYPOGRAPHIC
    preparations = (enlarged,)

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On a white label at the lower edge."""
        size_px = int(strength.removesuffix(" px"))
        label = captioned(Image.new("RGB", (scene.width // 2, 1)), text, Lettering(size_px=size_px, centred=False))
        image = scene.copy()
        left = int(rng.integers(0, scene.width - label.width))
        image.paste(label.crop((0, 0, label.width, label.height - 1)), (left, scene.height - label.height + 1))
        return image


@registered
class Huge(DrawnRelation):
    """Letters as large as the picture holds: a line, two thirds or all of its height."""

    name = "huge"
    strengths = ("a third", "two thirds", "all")
    source = _TYPOGRAPHIC
    preparations = (lambda image: image.reduce(2),)

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """Over the scene, from its top."""
        image = scene.copy()
        height_px = round(scene.height * {"a third": 1 / 3, "two thirds": 2 / 3, "all": 1.0}[strength])
        write(image, text, (8, 0, scene.width - 8, height_px), Lettering(None, 200, WHITE, BLACK, 0.06))
        return image


@registered
class Panels(DrawnRelation):
    """The words spread over the panels of a comic, to be read from left to right and down."""

    name = "panels"
    strengths = ("2", "4", "6")
    source = "after DUO's fusion (Wang and others, ISSTA 2023)"
    preparations = (enlarged,)

    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        """None for a sentence that has fewer words than there are panels."""
        return super().apply(seed, scene, strength, rng) if len(seed.text.split()) >= int(strength) else None

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """Two panels a row, the scene in each."""
        parts = np.array_split(np.array(text.split(), dtype=object), int(strength))
        small = scene.resize((scene.width // 2, scene.height // 2))
        panels = [page_above(small, 64) for _ in parts]
        image = Image.new("RGB", (scene.width + 6, (small.height + 70) * (len(parts) // 2)), BLACK)
        for at, (panel, part) in enumerate(zip(panels, parts, strict=True)):
            write(panel, " ".join(part), (8, 0, small.width - 8, 64), Lettering(size_px=28))
            image.paste(panel, ((at % 2) * (small.width + 6), (at // 2) * (small.height + 70)))
        return image


def _dark(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.integers(0, 140, 3).tolist()
    return red, green, blue


def _light(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.integers(150, 256, 3).tolist()
    return red, green, blue


def _bands(size: tuple[int, int], page: Colour, rng: np.random.Generator) -> Image.Image:
    """Six upright bands of light colours that can all be read on ``page``."""
    image = Image.new("RGB", size)
    width_px = size[0] // 6 + 1
    for left in range(0, size[0], width_px):
        colour = _light(rng)
        while contrast_ratio(colour, page) < 4.5:
            colour = _light(rng)
        image.paste(colour, (left, 0, left + width_px, size[1]))
    return image

"""Relations of the finished picture: what happens to a meme on its way round the net.

All are done to the plain meme (``base.plain_meme``, words on a bar above the scene), and OCR proves that its words can
still be read.
"""

from abc import abstractmethod

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from training.data.meme_renderer import RenderedMeme
from training.stress.relations.base import Relation, Seed, StressItem, encoded, plain_meme, registered
from training.stress.relations.lettering import BLACK, WHITE, enlarged, is_drawable

_IMAGENET_C = "ImageNet-C (Hendrycks and Dietterich, ICLR 2019)"
_AUGLY = "AugLy (Papakipos and Bitton 2022)"
_PAGES = (WHITE, BLACK, (21, 32, 43))


class PictureRelation(Relation):
    """Changes the plain meme; the item is a PNG, unless ``file_of`` says otherwise."""

    family = "picture"

    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        """The changed meme; None for what our font cannot draw."""
        if not is_drawable(seed.text):
            return None
        meme = plain_meme(seed, self.scene(scene))
        return StressItem(self.file_of(self.changed(meme, strength, rng), strength), None)

    def scene(self, scene: Image.Image) -> Image.Image:
        """The scene that the words are drawn on."""
        return scene

    @abstractmethod
    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """The picture of ``meme``, changed; RGB."""

    def file_of(self, image: Image.Image, strength: str) -> bytes:
        """The picture as a file."""
        return encoded(image)


@registered
class Jpeg(PictureRelation):
    """Sent on as JPEG of this quality."""

    name = "jpeg"
    strengths = ("q50", "q20", "q8")
    source = f"{_IMAGENET_C}; {_AUGLY}"

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """As it is: the file makes the difference."""
        return meme.image

    def file_of(self, image: Image.Image, strength: str) -> bytes:
        """A JPEG."""
        return encoded(image, "JPEG", quality=int(strength.removeprefix("q")))


@registered
class Blur(PictureRelation):
    """Gaussian blur of this standard deviation in pixels, for words of about 36 pixels."""

    name = "blur"
    strengths = ("1 px", "2 px", "4 px")
    source = f"{_IMAGENET_C}; {_AUGLY}"
    preparations = (lambda image: image.filter(ImageFilter.UnsharpMask(6, 300, 0)), lambda image: image.reduce(2))

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """All of it."""
        return meme.image.filter(ImageFilter.GaussianBlur(float(strength.removesuffix(" px"))))


@registered
class Noise(PictureRelation):
    """Gaussian noise of this standard deviation (of 255), or that share of the pixels black or white."""

    name = "noise"
    strengths = ("20", "60", "10% lost")
    source = _IMAGENET_C
    preparations = (lambda image: image.filter(ImageFilter.MedianFilter(3)), lambda image: image.reduce(2))

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """All of it."""
        pixels = np.asarray(meme.image)
        if strength == "10% lost":
            lost = rng.random(pixels.shape[:2])
            pixels = np.where(lost[..., None] < 0.05, 0, np.where(lost[..., None] > 0.95, 255, pixels))
        else:
            pixels = (pixels + rng.normal(0, float(strength), pixels.shape)).clip(0, 255)
        return Image.fromarray(pixels.astype(np.uint8))


@registered
class Crop(PictureRelation):
    """That share of the scene cut off at the side away from the words, which stay whole, or all of the scene."""

    name = "crop"
    strengths = ("30%", "70%", "words alone")
    source = _AUGLY

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """The upper part, where the words are."""
        page_px = max(word.box[3] for word in meme.words) + 10
        kept = 0.0 if strength == "words alone" else 1 - int(strength.removesuffix("%")) / 100
        return meme.image.crop((0, 0, meme.image.width, page_px + round(kept * (meme.image.height - page_px))))


@registered
class Border(PictureRelation):
    """A border round the meme, white, black or dark blue, as wide as that share of its longer side."""

    name = "border"
    strengths = ("10%", "30%", "80%")
    source = _AUGLY

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """On all sides."""
        width_px = round(int(strength.removesuffix("%")) / 100 * max(meme.image.size))
        return ImageOps.expand(meme.image, width_px, _PAGES[int(rng.integers(len(_PAGES)))])


@registered
class Resize(PictureRelation):
    """Made smaller, wider or higher: half of its size, and twice as high or wide as it was."""

    name = "resize"
    strengths = ("half", "twice as wide", "twice as high")
    source = _AUGLY
    preparations = (enlarged,)

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """All of it."""
        wide, high = {"half": (0.5, 0.5), "twice as wide": (2.0, 1.0), "twice as high": (1.0, 2.0)}[strength]
        size = round(wide * meme.image.width), round(high * meme.image.height)
        return meme.image.resize(size, Image.Resampling.BICUBIC)


@registered
class Mirror(PictureRelation):
    """The scene mirrored, or upside down, before the words are drawn, which stay readable."""

    name = "mirror"
    strengths = ("left and right", "upside down")
    source = _AUGLY

    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        """On the scene, changed."""
        turned = ImageOps.mirror(scene) if strength == "left and right" else ImageOps.flip(scene)
        return super().apply(seed, turned, strength, rng)

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """As it is: its scene was changed."""
        return meme.image


@registered
class Gamma(PictureRelation):
    """Lighter or darker by a gamma of up to this much, or its inverse."""

    name = "gamma"
    strengths = ("1.5", "2.5", "5")
    source = f"{_IMAGENET_C}, brightness"
    preparations = (lambda image: ImageOps.autocontrast(image.convert("L"), cutoff=2).convert("RGB"),)

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """All of it."""
        gamma = float(strength) if rng.random() < 0.5 else 1 / float(strength)
        table = [round(255 * (level / 255) ** gamma) for level in range(256)]
        return meme.image.point(table * 3)


@registered
class Filter(PictureRelation):
    """A filter as photo apps have it: grey, sepia, negative, or eight loud colours."""

    name = "filter"
    strengths = ("grey", "sepia", "negative", "posterised")
    source = _AUGLY

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """All of it."""
        if strength == "negative":
            return ImageOps.invert(meme.image)
        if strength == "posterised":
            return ImageEnhance.Color(meme.image.quantize(8).convert("RGB")).enhance(2.5)
        grey = meme.image.convert("L")
        return grey.convert("RGB") if strength == "grey" else ImageOps.colorize(grey, (40, 20, 0), (255, 240, 205))


@registered
class Sticker(PictureRelation):
    """Smiling faces stuck on the scene, never on the words: one, four, or so many that they hide most of the scene."""

    name = "sticker"
    strengths = ("1", "4", "16")
    source = f"{_AUGLY}, overlay_emoji"

    def changed(self, meme: RenderedMeme, strength: str, rng: np.random.Generator) -> Image.Image:
        """Below the words."""
        image = meme.image.copy()
        draw = ImageDraw.Draw(image)
        top = max(word.box[3] for word in meme.words) + 10
        for _ in range(int(strength)):
            size = int(rng.integers(image.width // 6, image.width // 4))
            x, y = (
                int(rng.integers(low, max(low + 1, high)))
                for low, high in ((0, image.width - size), (top, image.height - size))
            )
            _draw_smile(draw, x, y, size)
        return image


def _draw_smile(draw: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    draw.ellipse((x, y, x + size, y + size), fill=(255, 210, 60), outline=(160, 110, 0), width=3)
    for at in (0.3, 0.6):
        draw.ellipse((x + at * size, y + 0.28 * size, x + (at + 0.1) * size, y + 0.42 * size), fill=(70, 45, 0))
    draw.arc((x + 0.22 * size, y + 0.3 * size, x + 0.78 * size, y + 0.8 * size), 20, 160, fill=(70, 45, 0), width=5)

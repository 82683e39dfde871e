"""Relations of the file: what people are shown is the plain meme, and how the file says so differs.

A moderator that looks at the first frame, drops transparency or ignores colour profiles sees something else than
people do. The rules open the file with Pillow, show it as a viewer does and compare it with the plain meme's words.
"""

import io
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageCms, ImageSequence

from model.picture.icc import matrix_profile
from training.stress.relations.base import Relation, Seed, StressItem, encoded, plain_meme, registered
from training.stress.relations.lettering import BLACK, WHITE, is_drawable, page_above

#: x, y of white, red, green and blue of sRGB (IEC 61966-2-1).
_SRGB_PRIMARIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_FRAME_MS = 2000
#: Of the grey levels of the words on their page; the 256 colours of a GIF leave more, other words far less.
_LEAST_CORRELATION = 0.97


class ContainerRelation(Relation):
    """Packs the meme otherwise."""

    family = "container"

    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        """The file; None for what our font cannot draw."""
        packed = self.packed(seed, scene, strength, rng) if is_drawable(seed.text) else None
        return None if packed is None else StressItem(packed, None)

    @abstractmethod
    def packed(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> bytes | None:
        """The meme in a file; None: not of this seed."""


@registered
class Animation(ContainerRelation):
    """The meme as one frame of a GIF, the others the scene without words; each is shown for two seconds."""

    name = "animation"
    strengths = ("first of 3", "last of 3", "last of 8")
    source = "GIF89a; what animated posts do to moderators of the first frame"

    def packed(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> bytes:
        """A GIF."""
        meme = plain_meme(seed, scene).image
        blank = page_above(scene, meme.height - scene.height)
        place, n_frames = strength.split(" of ")
        # Writers join frames that are the same: each has a brightness of its own.
        others = [_darker(blank, 4 * at) for at in range(int(n_frames) - 1)]
        return _gif([meme, *others] if place == "first" else [*others, meme])

    def rule(self, seed: Seed, item: StressItem) -> str | None:
        """One frame shows the words."""
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(_opened(item))]
        is_shown = any(_shows_words(frame, seed) for frame in frames)
        return "one frame, shown for two seconds, is the plain meme" if is_shown else None


@registered
class FrameOrder(ContainerRelation):
    """The words spread over the frames of a GIF in their order, each part shown for two seconds."""

    name = "frame_order"
    strengths = ("2 frames", "3 frames", "a word a frame")
    source = "after DUO's fusion (Wang and others, ISSTA 2023); GIF89a"

    def packed(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> bytes | None:
        """A GIF; None for a sentence of fewer words than frames, and of a word a frame for more than 15 words."""
        parts = _parts(seed, strength)
        if parts is None:
            return None
        frames = [plain_meme(part, scene).image for part in parts]
        size = scene.width, max(frame.height for frame in frames)
        return _gif([_on_page(frame, size) for frame in frames])

    def rule(self, seed: Seed, item: StressItem) -> str | None:
        """Each frame shows its part."""
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(_opened(item))]
        for strength in self.strengths:
            parts = _parts(seed, strength)
            if parts is not None and len(parts) == len(frames) and all(map(_shows_words, frames, parts)):
                return "the frames show the words in their order, each part for two seconds"
        return None


@registered
class Transparency(ContainerRelation):
    """Black words on a transparent page, of which people see the white of the site below.

    Beneath the transparency lies white or the black of the letters, which who drops it sees instead.
    """

    name = "transparency"
    strengths = ("white beneath", "black beneath")
    source = "Transparency attacks (McKee and Noever 2024); PNG, tRNS and alpha"

    def packed(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> bytes:
        """A PNG with an alpha channel."""
        meme = plain_meme(seed, scene).image
        alpha = np.full((meme.height, meme.width), 255, dtype=np.uint8)
        page_px = meme.height - scene.height
        alpha[:page_px] = 255 - np.asarray(meme.convert("L"))[:page_px]
        beneath = meme.copy()
        if strength == "black beneath":
            beneath.paste(BLACK, (0, 0, meme.width, page_px))
        beneath.putalpha(Image.fromarray(alpha))
        return encoded(beneath)

    def rule(self, seed: Seed, item: StressItem) -> str | None:
        """On a white page it shows the words."""
        picture = _opened(item).convert("RGBA")
        page = Image.new("RGBA", picture.size, WHITE)
        page.alpha_composite(picture)
        return "on a white page it is the plain meme" if _shows_words(page.convert("RGB"), seed) else None


@registered
class ColourProfile(ContainerRelation):
    """A colour profile that spreads the few levels of grey in which the meme is stored over the whole range.

    Viewers apply it and show the plain meme; who ignores it sees a nearly even grey.
    """

    name = "colour_profile"
    strengths = ("128 levels", "32 levels", "16 levels")
    source = "ICC.1:2022, matrix profiles; our own"

    def packed(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> bytes:
        """A PNG with a profile."""
        n_levels = int(strength.removesuffix(" levels"))
        first = 128 - n_levels // 2
        squeezed = plain_meme(seed, scene).image.point(
            [first + round(level / 255 * (n_levels - 1)) for level in range(256)] * 3
        )
        shown = ((np.arange(256) - first) / (n_levels - 1)).clip(0, 1)
        light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
        return encoded(squeezed, icc_profile=matrix_profile(_SRGB_PRIMARIES, light))

    def rule(self, seed: Seed, item: StressItem) -> str | None:
        """Through its profile it shows the words."""
        picture = _opened(item)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        shown = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"))
        is_shown = shown is not None and _shows_words(shown, seed)
        return "as a viewer shows it, through its colour profile, it is the plain meme" if is_shown else None


def _gif(frames: Sequence[Image.Image]) -> bytes:
    first, *others = frames
    return encoded(first, "GIF", save_all=True, append_images=others, duration=_FRAME_MS, loop=0)


def _on_page(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    page = Image.new("RGB", size, WHITE)
    page.paste(image)
    return page


def _parts(seed: Seed, strength: str) -> list[Seed] | None:
    words = seed.text.split()
    n_frames = len(words) if strength == "a word a frame" else int(strength.removesuffix(" frames"))
    if not 2 <= n_frames <= min(len(words), 15):
        return None
    parts = np.array_split(np.array(words, dtype=object), n_frames)
    return [Seed(seed.id, " ".join(part), seed.hateful, seed.group) for part in parts]


def _darker(image: Image.Image, levels: int) -> Image.Image:
    return image.point([max(0, level - levels) for level in range(256)] * 3)


def _opened(item: StressItem) -> Image.Image:
    return Image.open(io.BytesIO(item.picture or b""))


def _shows_words(shown: Image.Image, seed: Seed) -> bool:
    """Whether the upper part of ``shown`` is the plain meme's page with the words of ``seed``."""
    page = plain_meme(seed, Image.new("RGB", (shown.width, 1))).image.convert("L")
    box = (0, 0, page.width, page.height - 1)
    wanted, found = np.asarray(page.crop(box)).ravel(), np.asarray(shown.convert("L").crop(box)).ravel()
    return bool(np.ptp(found)) and float(np.corrcoef(wanted, found)[0, 1]) > _LEAST_CORRELATION

"""Relations of drawing that bend: the meme turned, seen from the side, or its line of words curved."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.stress.relations.base import registered
from training.stress.relations.drawing import DrawnRelation
from training.stress.relations.lettering import WHITE, Lettering, captioned, enlarged

_CURVED_PX = 30
_SOURCE = "OASIS (Wang and others, ASE 2023); AugLy (Papakipos and Bitton 2022)"


def _turned(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=WHITE)


def _bend(width_px: int, height_px: int, *, is_wave: bool) -> NDArray[np.int_]:
    """How far down each column goes, [W]: along a wave or an arc of this height."""
    at = np.linspace(0, 1, width_px)
    shape = (1 - np.cos(2 * np.pi * at)) / 2 if is_wave else np.sin(np.pi * at)
    down_px: NDArray[np.int_] = (height_px * shape).round().astype(int)
    return down_px


def _shifted(pixels: NDArray[np.uint8], down_px: NDArray[np.int_], room_px: int) -> NDArray[np.uint8]:
    """``pixels`` [H, W, 3] with each column moved down by ``down_px`` [W], on a white page of H + ``room_px`` rows."""
    page = np.full((pixels.shape[0] + room_px, pixels.shape[1], 3), 255, dtype=np.uint8)
    for column, down in enumerate(down_px):
        page[down : down + pixels.shape[0], column] = pixels[:, column]
    return page


def _straightened(image: Image.Image, height_px: int, *, is_wave: bool) -> Image.Image:
    """``image`` with such a bend taken back, all of it."""
    down_px = height_px - _bend(image.width, height_px, is_wave=is_wave)
    return Image.fromarray(_shifted(np.asarray(image), down_px, height_px))


@registered
class Rotation(DrawnRelation):
    """The whole meme turned by that many degrees, to either side; the proof turns it back, as people do their head."""

    name = "rotation"
    strengths = ("10", "30", "90")
    source = _SOURCE
    preparations = tuple(partial(_turned, degrees=sign * angle) for angle in (10, 30, 90) for sign in (1, -1))

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On a white ground."""
        return _turned(captioned(scene, text, Lettering()), float(strength) * (1 if rng.random() < 0.5 else -1))


@registered
class Perspective(DrawnRelation):
    """The meme seen from the side: one edge is that share shorter than the other."""

    name = "perspective"
    strengths = ("15%", "30%", "50%")
    source = _SOURCE
    preparations = (partial(enlarged, factor=2),)

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On a white ground, the left or the right edge the shorter one."""
        image = captioned(scene, text, Lettering())
        cut = int(strength.removesuffix("%")) / 100 * image.height / 2
        width, height = image.width * (1 - int(strength.removesuffix("%")) / 250), float(image.height)
        left, right = (cut, 0.0) if rng.random() < 0.5 else (0.0, cut)
        corners = np.array([(0, left), (0, height - left), (width, height - right), (width, right)])
        return in_perspective(image, corners, (round(width), image.height))


@registered
class Curve(DrawnRelation):
    """The line of words as an arc or a wave, whose height is that share of the letters' size."""

    name = "curve"
    strengths = ("100%", "200%", "350%")
    source = _SOURCE
    preparations = tuple(
        partial(_straightened, height_px=height_px, is_wave=is_wave)
        for height_px in (30, 60, 105)
        for is_wave in (False, True)
    )

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On a white page above the scene, which stays as it is."""
        written = captioned(Image.new("RGB", (scene.width, 1), WHITE), text, Lettering(size_px=_CURVED_PX))
        height_px = round(int(strength.removesuffix("%")) / 100 * _CURVED_PX)
        down_px = _bend(written.width, height_px, is_wave=bool(rng.random() < 0.5))
        bent = _shifted(np.asarray(written), down_px, height_px)
        image = Image.new("RGB", (scene.width, bent.shape[0] + scene.height))
        image.paste(Image.fromarray(bent))
        image.paste(scene, (0, bent.shape[0]))
        return image


def in_perspective(image: Image.Image, corners: NDArray[np.float64], size: tuple[int, int]) -> Image.Image:
    """``image`` on a white ground of ``size`` with its corners at ``corners`` [4, 2]: upper left, then against the
    clock: lower left, lower right, upper right.
    """
    width, height = image.size
    sources = np.array([(0, 0), (0, height), (width, height), (width, 0)], dtype=float)
    rows, wanted = [], []
    for (x, y), (u, v) in zip(corners, sources, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    solved = np.linalg.solve(np.array(rows), np.array(wanted))
    return image.transform(
        size, Image.Transform.PERSPECTIVE, solved.tolist(), Image.Resampling.BICUBIC, fillcolor=WHITE
    )

"""Scenes: harmless pictures for seeds to be drawn into, from a folder or drawn by code."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from model.errors import MemeError
from model.meme import Meme
from training.datasets import DatasetError

SIZE_PX = (640, 480)
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")
_LARGEST_PX = 800
#: Words and pieces of apps are drawn beside and into a scene; on one that is smaller they lose their shape.
_SMALLEST_PX = 160

Colour = tuple[int, int, int]


def scenes(
    folder: Path | None, rng: np.random.Generator, passed_over: set[Path] | None = None
) -> Iterator[Image.Image]:
    """Pictures without end, RGB: those of ``folder``, in an order that ``rng`` draws, else drawn by code.

    ``passed_over`` is told of pictures that cannot be opened, or that are less than 160 pixels high or wide. Raises
    ``DatasetError`` for a folder without another one.
    """
    if folder is None:
        while True:
            yield drawn_scene(rng)
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    refused: set[Path] = set() if passed_over is None else passed_over
    while not refused.issuperset(files):
        for at in rng.permutation(len(files)):
            picture = _opened(files[at])
            if picture is None:
                refused.add(files[at])
            else:
                yield picture
    raise DatasetError(
        f"{folder} holds no picture that can be opened ({', '.join(_SUFFIXES)}) and is at least {_SMALLEST_PX} pixels "
        "high and wide"
    )


def _opened(path: Path) -> Image.Image | None:
    try:
        picture = Meme.from_file(path).picture
    except MemeError:
        return None
    picture.thumbnail((_LARGEST_PX, _LARGEST_PX))
    return None if min(picture.size) < _SMALLEST_PX else picture


def passed_over_in_words(passed_over: set[Path]) -> tuple[str, ...]:
    """A sentence for a report; none where none was passed over."""
    why = f"they cannot be opened, or are less than {_SMALLEST_PX} pixels high or wide"
    return (
        (f"Pictures of the folder of scenes that were passed over: {len(passed_over)}; {why}.",) if passed_over else ()
    )


def drawn_scene(rng: np.random.Generator) -> Image.Image:
    """A landscape, a beach, a street or a kitchen table of ``SIZE_PX``, without anybody in it and without words."""
    kinds: tuple[Callable[[ImageDraw.ImageDraw, np.random.Generator], None], ...] = (_hills, _beach, _street, _table)
    top, bottom = rng.integers(120, 200, 3), rng.integers(190, 250, 3)
    ramp = np.linspace(0.0, 1.0, SIZE_PX[1])[:, None, None]
    sky = np.broadcast_to(top * (1 - ramp) + bottom * ramp, (SIZE_PX[1], SIZE_PX[0], 3))
    image = Image.fromarray(sky.astype(np.uint8))
    kinds[int(rng.integers(len(kinds)))](ImageDraw.Draw(image), rng)
    grain = rng.normal(0.0, 4.0, (SIZE_PX[1], SIZE_PX[0], 1))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def _near(rng: np.random.Generator, red: int, green: int, blue: int) -> Colour:
    """A colour like this one."""
    red, green, blue = (np.array([red, green, blue]) + rng.integers(-25, 26, 3)).clip(0, 255).tolist()
    return red, green, blue


def _sun(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    x, y, radius = int(rng.integers(80, 560)), int(rng.integers(60, 140)), int(rng.integers(28, 50))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_near(rng, 250, 225, 110))


def _hills(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    _sun(draw, rng)
    for row, green in enumerate((150, 125, 100)):
        base, width = 270 + 60 * row, float(rng.uniform(120, 260))
        xs = np.arange(0, SIZE_PX[0] + 20, 20)
        ys = base + 35 * np.sin(xs / width * 2 + float(rng.uniform(0, 6)))
        draw.polygon(
            [(0, 480), *zip(xs.tolist(), ys.tolist(), strict=True), (660, 480)], fill=_near(rng, 80, green, 60)
        )
    for _ in range(int(rng.integers(2, 6))):
        x, y = int(rng.integers(30, 610)), int(rng.integers(360, 430))
        draw.rectangle((x - 5, y, x + 5, y + 45), fill=(100, 70, 45))
        draw.ellipse((x - 30, y - 55, x + 30, y + 12), fill=_near(rng, 50, 115, 55))


def _beach(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    _sun(draw, rng)
    draw.rectangle((0, 230, 640, 370), fill=_near(rng, 50, 120, 180))
    draw.rectangle((0, 365, 640, 480), fill=_near(rng, 230, 205, 150))
    x, y = int(rng.integers(80, 480)), int(rng.integers(245, 300))
    draw.polygon([(x, y), (x + 110, y), (x + 85, y + 28), (x + 25, y + 28)], fill=_near(rng, 150, 70, 50))
    draw.polygon([(x + 55, y - 95), (x + 55, y - 8), (x + 108, y - 8)], fill=(245, 245, 240))


def _street(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.rectangle((0, 400, 640, 480), fill=(105, 105, 110))
    for left in range(0, 640, 160):
        top = int(rng.integers(130, 220))
        draw.rectangle((left + 6, top, left + 152, 400), fill=_near(rng, 190, 140, 110))
        draw.polygon([(left, top), (left + 79, top - 60), (left + 158, top)], fill=_near(rng, 130, 60, 50))
        for x, y in ((left + 28, top + 30), (left + 95, top + 30), (left + 28, top + 95)):
            draw.rectangle((x, y, x + 34, y + 40), fill=(215, 230, 240), outline=(90, 70, 60), width=3)
        draw.rectangle((left + 95, 325, left + 130, 400), fill=_near(rng, 90, 60, 40))


def _table(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    for x in range(0, 640, 80):
        draw.line((x, 0, x, 300), fill=(225, 220, 210), width=3)
    draw.rectangle((0, 300, 640, 480), fill=_near(rng, 165, 115, 70))
    x = int(rng.integers(60, 200))
    draw.ellipse((x + 105, 270, x + 160, 325), outline=(245, 245, 245), width=10)
    draw.rounded_rectangle((x, 240, x + 125, 355), 18, fill=_near(rng, 230, 230, 225))
    for at in range(int(rng.integers(2, 5))):
        left = 320 + 72 * at
        draw.ellipse((left, 295, left + 78, 370), fill=_near(rng, 200, 60, 50))
        draw.line((left + 39, 297, left + 46, 275), fill=(80, 60, 30), width=5)

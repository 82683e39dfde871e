"""500 pictures made by whole numbers alone, so that they are the same everywhere: what PDQ is held against.

Needs numpy and Pillow and nothing of the project, since ``scripts/write_pdq_hashes.py`` makes them where ``pdqhash`` is
installed.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

N_PICTURES = 500
#: Small, thin, as a screen and as a photo has them; those of a side of 64 pixels are not blurred at all.
_SIZES_PX = (
    (5, 5), (5, 300), (300, 5), (6, 9), (63, 65), (64, 64), (64, 128), (65, 64), (128, 128), (129, 127), (16, 500),
    (200, 200), (240, 320), (256, 257), (333, 250), (400, 400), (500, 375), (120, 640), (640, 120), (512, 512),
)  # fmt: skip
_LARGE_PX = ((1080, 1080), (2000, 301), (299, 2000), (700, 1100), (1999, 600))
_MODES = ("RGB", "RGB", "RGB", "L", "RGBA", "P", "1", "CMYK")
_WORDS = ("when the tests pass", "nobody:", "me at 3 am", "ONE DOES NOT SIMPLY", "monday again")


def pdq_pictures() -> Iterator[Image.Image]:
    """The pictures, always the same and in the same order, of several modes."""
    for number in range(N_PICTURES):
        rng = np.random.default_rng(number)
        sizes = _LARGE_PX if number % 50 == 49 else _SIZES_PX
        width, height = sizes[(number // 50 if number % 50 == 49 else number) % len(sizes)]
        pixels = _KINDS[number // len(_SIZES_PX) % len(_KINDS)](rng, width, height)
        image = Image.fromarray(pixels.astype(np.uint8))
        yield image.convert(_MODES[int(rng.integers(len(_MODES)))])


def _noise(rng: np.random.Generator, width: int, height: int) -> NDArray[np.int64]:
    return rng.integers(0, 256, (height, width, 3))


def _faint_noise(rng: np.random.Generator, width: int, height: int) -> NDArray[np.int64]:
    return rng.integers(0, 250, 3) + rng.integers(0, 5, (height, width, 3))


def _constant(rng: np.random.Generator, width: int, height: int) -> NDArray[np.int64]:
    return np.broadcast_to(rng.integers(0, 256, 3), (height, width, 3))


def _gradient(rng: np.random.Generator, width: int, height: int) -> NDArray[np.int64]:
    across, down = rng.integers(0, 256, 2)
    ramp = across * np.arange(width)[None, :] // width + down * np.arange(height)[:, None] // height
    return np.stack([ramp % 256, ramp // 2, (255 - ramp) % 256], axis=-1)


def _patches(rng: np.random.Generator, width: int, height: int) -> NDArray[np.int64]:
    """A photo's large shapes: a few colours, each on a block of a grid."""
    grid = rng.integers(0, 256, (*rng.integers(2, 14, 2), 3))
    rows = np.arange(height) * grid.shape[0] // height
    columns = np.arange(width) * grid.shape[1] // width
    blocks: NDArray[np.int64] = grid[rows][:, columns]
    return blocks


def _smooth(rng: np.random.Generator, width: int, height: int) -> NDArray[np.int64]:
    """Colours of a coarse grid and what lies between them, in 256ths of the way."""
    values = rng.integers(0, 256, (*rng.integers(3, 14, 2), 3))
    for axis, side in ((0, height), (1, width)):
        way = np.arange(side) * (values.shape[axis] - 1) * 256 // side
        share = (way % 256).reshape(-1, 1, 1) if axis == 0 else (way % 256).reshape(-1, 1)
        before, after = (np.take(values, way // 256 + step, axis) for step in (0, 1))
        values = (before * (256 - share) + after * share) // 256
    return values


def _shapes(rng: np.random.Generator, width: int, height: int) -> NDArray[np.int64]:
    pixels = np.array(_constant(rng, width, height))
    across, down = np.arange(width)[None, :], np.arange(height)[:, None]
    for _ in range(6):
        x, y, reach = (int(rng.integers(0, side)) for side in (width, height, max(width, height) // 3 + 1))
        is_round = rng.integers(2)
        inside = (across - x) ** 2 + (down - y) ** 2 < reach**2 if is_round else abs(across - x) + abs(down - y) < reach
        pixels[inside] = rng.integers(0, 256, 3)
    return pixels


def _meme(rng: np.random.Generator, width: int, height: int) -> NDArray[np.int64]:
    """White words with a black line around them, drawn in Pillow's own bitmap letters and scaled by whole numbers."""
    pixels = np.array(_smooth(rng, width, height))
    for at in (0, 0.8):
        words = _WORDS[int(rng.integers(len(_WORDS)))]
        drawn = Image.new("L", (8 * len(words), 14))
        ImageDraw.Draw(drawn).text((1, 1), words, fill=255, font=ImageFont.load_default_imagefont())
        times = max(1, width // drawn.width)
        letters = np.kron(np.asarray(drawn) > 127, np.ones((times, times), bool))[:, :width]
        top = min(int(at * height), max(0, height - len(letters)))
        letters = letters[: height - top]
        place = pixels[top : top + len(letters), : letters.shape[1]]
        place[np.roll(letters, (1, 1), (0, 1)) | np.roll(letters, (-1, -1), (0, 1))] = 0
        place[letters] = 255
    return pixels


def _grey_steps(rng: np.random.Generator, width: int, height: int) -> NDArray[np.int64]:
    """Stripes of a step of grey: what is next to the median everywhere."""
    stripes = rng.integers(100, 103, max(width, height))
    grey = np.broadcast_to(stripes[:width], (height, width)) + np.arange(height)[:, None] % 2
    return np.stack([grey] * 3, axis=-1)


_KINDS: tuple[Callable[[np.random.Generator, int, int], NDArray[np.int64]], ...] = (
    _noise, _gradient, _patches, _smooth, _shapes, _meme, _constant, _faint_noise, _grey_steps, _meme,
)  # fmt: skip

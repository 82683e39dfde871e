"""Tables of small rendered memes for benchmarks of ``memeguard batch``."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from training.data.meme_renderer import STYLES, render_meme

_WORDS = (
    *("when", "the", "tests", "pass", "at", "once", "and", "nobody", "knows", "why"),
    *("so", "we", "ship", "it", "on", "friday", "evening", "before", "a", "holiday"),
)


def draw(folder: Path, n: int) -> list[Path]:
    """``n`` different memes of 300 x 225 pixels or a little taller, as JPEG files; the same ones each time."""
    folder.mkdir(parents=True)
    files = [folder / f"{seed:06}.jpg" for seed in range(n)]
    for seed, file in enumerate(files):
        rng = np.random.default_rng(seed)
        picture = Image.fromarray(rng.integers(40, 200, size=(45, 60, 3), dtype=np.uint8)).resize((300, 225))
        words = " ".join(rng.permutation(_WORDS)[: rng.integers(3, 9)])
        render_meme(picture, [words], style=STYLES[seed % len(STYLES)], rng=rng).image.save(file)
    return files


def words_of(number: int) -> str:
    """Seven words that an item brings."""
    return " ".join(_WORDS[(number * index) % len(_WORDS)] for index in range(1, 8))


def write_table(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """A JSON Lines file."""
    with path.open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path

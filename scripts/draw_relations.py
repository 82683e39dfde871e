"""Every relation of ``memeguard stress`` at its strongest, in one picture: ``python scripts/draw_relations.py``.

Draws one harmless sentence by each relation that makes pictures and writes ``docs/stress_relations.webp``, to be looked
at by eye. Of files with several frames the last is shown, of transparent ones what is seen on white.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from training.data.meme_renderer import default_font
from training.stress.relations.base import Relation, Seed, StressItem, relations_named
from training.stress.scenes import drawn_scene

DRAWING = Path(__file__).resolve().parents[1] / "docs" / "stress_relations.webp"
SEED = Seed("example", "Never wake two cats before their morning coffee", hateful=False)
_COLUMNS, _CELL_PX, _TITLE_PX, _MARGIN_PX = 6, (200, 170), 18, 6


def drawing(relations: Iterable[Relation]) -> Image.Image:
    """A cell for each relation that applies, titled with its name and strength."""
    cells = []
    for number, relation in enumerate(relations):
        rng = np.random.default_rng(number)
        item = relation.apply(SEED, drawn_scene(rng), relation.strengths[-1], rng)
        if item is not None and item.picture is not None:
            cells.append(_cell(f"{relation.name}: {relation.strengths[-1]}", shown(item)))
    width, height = (side + _MARGIN_PX for side in cells[0].size)
    sheet = Image.new("RGB", (_COLUMNS * width, -(-len(cells) // _COLUMNS) * height), "white")
    for at, cell in enumerate(cells):
        sheet.paste(cell, (at % _COLUMNS * width, at // _COLUMNS * height))
    return sheet


def shown(item: StressItem) -> Image.Image:
    """The picture as the last frame looks on a white page."""
    picture = Image.open(io.BytesIO(item.picture or b""))
    picture.seek(getattr(picture, "n_frames", 1) - 1)
    page = Image.new("RGBA", picture.size, "white")
    page.alpha_composite(picture.convert("RGBA"))
    return page.convert("RGB")


def _cell(title: str, picture: Image.Image) -> Image.Image:
    cell = Image.new("RGB", (_CELL_PX[0], _CELL_PX[1] + _TITLE_PX), (228, 230, 233))
    ImageDraw.Draw(cell).text((3, 2), title, font=default_font(12), fill="black")
    picture.thumbnail(_CELL_PX)
    cell.paste(picture, ((_CELL_PX[0] - picture.width) // 2, _TITLE_PX))
    return cell


if __name__ == "__main__":
    drawing(relations_named("all")).save(DRAWING, "WEBP", quality=70)

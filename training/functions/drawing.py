"""Pictures of the cases: the shapes of ``drawings.yaml``, drawn with Pillow. The same pixels on every machine."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageColor, ImageDraw

from training.datasets import DatasetError

SIDE_PX = 320
#: Drawn so much larger and shrunk, for smooth edges.
_OVERSAMPLED = 2
#: Units of the square that shapes are given in.
_UNITS = 100
#: The inner corners of a star lie at this share of its radius.
_INNER = 0.4

Place = Sequence[float]
Shape = Callable[[ImageDraw.ImageDraw, Place, str, int], None]


def draw(name: str, drawings: Mapping[str, Any]) -> Image.Image:
    """The picture called ``name``, RGB of 320 by 320 pixels; raises ``DatasetError`` for one that cannot be drawn."""
    if name not in drawings:
        raise DatasetError(f"there is no drawing {name!r}; there are {', '.join(drawings)}")
    side = SIDE_PX * _OVERSAMPLED
    drawing = drawings[name]
    try:
        image = Image.new("RGB", (side, side), ImageColor.getrgb(drawing["background"]))
        on = ImageDraw.Draw(image)
        for shape in drawing["shapes"]:
            _draw_shape(on, shape, side / _UNITS)
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"drawing {name!r}: {error}; its form is told at the head of drawings.yaml") from error
    return image.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)


def draw_all(names: Sequence[str], drawings: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """A PNG file of each drawing below ``folder``, by name; each name once."""
    paths = {name: folder / f"{name}.png" for name in dict.fromkeys(names)}
    for name, path in paths.items():
        draw(name, drawings).save(path)
    return paths


def _draw_shape(on: ImageDraw.ImageDraw, shape: Mapping[str, Any], px: float) -> None:
    """``px``: pixels a unit."""
    (kind,) = shape.keys() & _SHAPES.keys()
    place: list[float] = shape[kind]
    # Angles and the number of a star's points are no lengths.
    n_lengths = {"arc": 4, "pie": 4, "star": 3}.get(kind, len(place))
    scaled = [value * px for value in place[:n_lengths]] + list(place[n_lengths:])
    _SHAPES[kind](on, scaled, shape["fill"], round(shape.get("width", 1) * px))


def _star(on: ImageDraw.ImageDraw, place: Place, fill: str, width_px: int) -> None:
    x, y, radius, n_points = place
    corners = []
    for corner in range(2 * int(n_points)):
        at, angle = radius * (_INNER if corner % 2 else 1), math.pi * (corner / n_points - 0.5)
        corners += [x + at * math.cos(angle), y + at * math.sin(angle)]
    on.polygon(corners, fill)


_SHAPES: dict[str, Shape] = {
    "rect": lambda on, place, fill, width: on.rectangle(place, fill),
    "ellipse": lambda on, place, fill, width: on.ellipse(place, fill),
    "polygon": lambda on, place, fill, width: on.polygon(place, fill),
    "line": lambda on, place, fill, width: on.line(place, fill, width, joint="curve"),
    "arc": lambda on, place, fill, width: on.arc(place[:4], place[4], place[5], fill, width),
    "pie": lambda on, place, fill, width: on.pieslice(place[:4], place[4], place[5], fill),
    "star": _star,
}

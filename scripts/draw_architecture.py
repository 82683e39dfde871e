"""Drawing of the three packages, made from their imports: ``python scripts/draw_architecture.py``.

Writes ``docs/architecture.svg``. A box is a room (a folder) or a module at a package's top; an arrow runs from a box to
one that it imports. An import that a longer way of arrows implies is not drawn (transitive reduction), or nobody could
read the drawing. Boxes lie in layers, so that every arrow runs down; a circle of imports has no layers and is refused.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import quoteattr

import grimp

ROOT = Path(__file__).resolve().parents[1]
DRAWING = ROOT / "docs" / "architecture.svg"
#: Every import between two packages goes this way (law 1).
PACKAGES = ("training", "serving", "model")
#: Folders that hold no code of the program itself.
_LEFT_OUT = ("model.bundles", "training.configs")

_BOX_HEIGHT, _LAYER_HEIGHT, _GAP, _MARGIN, _TITLE = 26, 62, 14, 18, 34
_CHARACTER, _LANE = 7.1, 10  # widths in px: of a character of a name, of an arrow that passes through a layer
_COLOURS = {"training": ("#e8f1e4", "#4d7a3a"), "serving": ("#e3edf7", "#2f6299"), "model": ("#fbeedc", "#a0651a")}
_SWEEPS = 24

Edge = tuple[str, str]


@dataclass
class Panel:
    """One package with its boxes in layers, from top to bottom. ``lanes`` are places where a long arrow passes."""

    package: str
    edges: list[Edge]
    layers: list[list[str]]
    routes: dict[Edge, list[str]]
    left: float = 0
    top: float = 0
    centres: dict[str, float] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """Pixels, the frame included."""
        return max(_row_width(layer) for layer in self.layers) + 2 * _MARGIN

    @property
    def height(self) -> float:
        """Pixels, the frame included."""
        return _TITLE + len(self.layers) * _LAYER_HEIGHT - (_LAYER_HEIGHT - _BOX_HEIGHT) + _MARGIN


def room_imports(root: Path = ROOT) -> dict[str, set[str]]:
    """By room (``serving.http``, ``model.meme``): the rooms that it imports, of its own package or another."""
    sys.path.insert(0, str(root))
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    sys.path.remove(str(root))
    rooms = {module for package in PACKAGES for module in graph.find_children(package)} - set(_LEFT_OUT)
    imports: dict[str, set[str]] = {room: set() for room in rooms}
    for module in graph.modules:
        source = room_of(module)
        for imported in graph.find_modules_directly_imported_by(module):
            target = room_of(imported)
            if source in rooms and target != source:
                imports[source].add(target)
    return imports


def room_of(module: str) -> str:
    """``serving.http`` of ``serving.http.app``; a package itself is its own."""
    return ".".join(module.split(".")[:2])


def reduced(imports: dict[str, set[str]]) -> list[Edge]:
    """The edges that no longer way implies."""
    order = list(TopologicalSorter(imports).static_order())
    below: dict[str, set[str]] = {}
    for node in order:
        below[node] = set().union(*({near} | below[near] for near in imports[node]))
    return [
        (node, near)
        for node in sorted(imports)
        for near in sorted(imports[node])
        if not any(near in below[other] for other in imports[node])
    ]


def panel_of(package: str, imports: dict[str, set[str]]) -> Panel:
    """The package's rooms in layers; each lies one below the lowest of those that import it."""
    rooms = {room for room in imports if room.startswith(f"{package}.")}
    own = {room: imports[room] & rooms for room in rooms}
    edges = reduced(own)
    depth: dict[str, int] = {}
    for room in reversed(list(TopologicalSorter({room: sorted(own[room]) for room in sorted(rooms)}).static_order())):
        depth[room] = max((depth[above] + 1 for above in rooms if room in own[above]), default=0)
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for room in sorted(rooms):
        layers[depth[room]].append(room)
    routes: dict[Edge, list[str]] = {}
    for source, target in edges:
        lanes = [f"|{source}>{target}|{level}" for level in range(depth[source] + 1, depth[target])]
        for level, lane in enumerate(lanes, depth[source] + 1):
            layers[level].append(lane)
        routes[source, target] = [source, *lanes, target]
    panel = Panel(package, edges, layers, routes)
    _untangle(panel)
    return panel


def _untangle(panel: Panel) -> None:
    """Order each layer by the mean index of its neighbours, down and up again; keep the order that crosses least."""
    steps = [step for route in panel.routes.values() for step in pairwise(route)]
    best = (_crossings(panel.layers, steps), [list(layer) for layer in panel.layers])
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in panel.layers if down else reversed(panel.layers):
            index = {node: at / len(row) for row in panel.layers for at, node in enumerate(row)}
            neighbours = {
                node: [index[a if down else b] for a, b in steps if node == (b if down else a)] for node in layer
            }
            layer.sort(key=lambda node: (_mean(neighbours[node], index[node]), node))
        best = min(best, (_crossings(panel.layers, steps), [list(layer) for layer in panel.layers]))
    panel.layers = best[1]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(layers: Sequence[Sequence[str]], steps: Iterable[Edge]) -> int:
    index = {node: number for layer in layers for number, node in enumerate(layer)}
    level = {node: number for number, layer in enumerate(layers) for node in layer}
    ends = [(level[a], index[a], index[b]) for a, b in steps]
    return sum(
        one[0] == other[0] and (one[1] - other[1]) * (one[2] - other[2]) < 0
        for number, one in enumerate(ends)
        for other in ends[:number]
    )


def _node_width(node: str) -> float:
    return _LANE if node.startswith("|") else len(label(node)) * _CHARACTER + 16


def _row_width(layer: Sequence[str]) -> float:
    return sum(map(_node_width, layer)) + _GAP * (len(layer) - 1)


def label(room: str) -> str:
    """What is written in the box: ``http/`` for a folder, ``meme.py`` for a module."""
    path = ROOT.joinpath(*room.split("."))
    return f"{path.name}/" if path.is_dir() else f"{path.name}.py"


def _placed(panel: Panel, left: float, top: float) -> Panel:
    panel.left, panel.top = left, top
    for layer in panel.layers:
        at = left + (panel.width - _row_width(layer)) / 2
        for node in layer:
            panel.centres[node] = at + _node_width(node) / 2
            at += _node_width(node) + _GAP
    return panel


def _level_top(panel: Panel, level: int) -> float:
    return panel.top + _TITLE + level * _LAYER_HEIGHT


def _panel_svg(panel: Panel) -> Iterator[str]:
    fill, ink = _COLOURS[panel.package]
    frame = f'x="{panel.left:.0f}" y="{panel.top:.0f}" width="{panel.width:.0f}" height="{panel.height:.0f}"'
    yield f'<rect {frame} rx="10" fill="{fill}"/>'
    yield f'<text x="{panel.left + 14:.0f}" y="{panel.top + 22:.0f}" class="title" fill="{ink}">{panel.package}/</text>'
    level_of = {node: level for level, layer in enumerate(panel.layers) for node in layer}
    for (source, target), route in panel.routes.items():
        points = [(panel.centres[node], _level_top(panel, level_of[node])) for node in route]
        yield _arrow(source, target, _curve(points), ink)
    for node, level in level_of.items():
        if not node.startswith("|"):
            yield from _box(node, panel.centres[node], _level_top(panel, level), ink)


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """From the bottom of the first box, straight through the lanes, to the top of the last."""
    path = f"M{points[0][0]:.0f} {points[0][1] + _BOX_HEIGHT:.0f}"
    for number, ((x0, y0), (x1, y1)) in enumerate(pairwise(points), 1):
        start, end = y0 + _BOX_HEIGHT, y1 - (4 if number == len(points) - 1 else 0)
        half = (start + end) / 2
        path += f" C{x0:.0f} {half:.0f} {x1:.0f} {half:.0f} {x1:.0f} {end:.0f}"
        if number < len(points) - 1:
            path += f" V{y1 + _BOX_HEIGHT:.0f}"
    return path


def _arrow(source: str, target: str, path: str, ink: str, width: float = 1.2) -> str:
    ends = f"data-from={quoteattr(source)} data-to={quoteattr(target)}"
    return f'<path {ends} d="{path}" stroke="{ink}" stroke-width="{width}" fill="none" marker-end="url(#head)"/>'


def _box(node: str, centre: float, top: float, ink: str) -> Iterator[str]:
    width = _node_width(node)
    yield (
        f'<rect x="{centre - width / 2:.0f}" y="{top:.0f}" width="{width:.0f}" height="{_BOX_HEIGHT}" rx="5" '
        f'fill="#ffffff" stroke="{ink}"/>'
    )
    yield f'<text x="{centre:.0f}" y="{top + 17:.0f}" text-anchor="middle">{label(node)}</text>'


def drawing(imports: dict[str, set[str]]) -> str:
    """The SVG: training and serving side by side, model under both."""
    training, serving, model = (panel_of(package, imports) for package in PACKAGES)
    width = max(training.width + serving.width + _MARGIN, model.width) + 2 * _MARGIN
    gap = (width - training.width - serving.width) / 3
    _placed(training, gap, _MARGIN)
    _placed(serving, 2 * gap + training.width, _MARGIN)
    below = _MARGIN + max(training.height, serving.height) + _LAYER_HEIGHT
    _placed(model, (width - model.width) / 2, below)
    parts = []
    for panel in (training, serving):
        if any(target.split(".")[0] == "model" for room in imports for target in _of(panel, room, imports)):
            x, start = panel.left + panel.width / 2, panel.top + panel.height
            x = min(max(x, model.left + 40), model.left + model.width - 40)
            path = f"M{x:.0f} {start:.0f} L{x:.0f} {model.top - 8:.0f}"
            parts.append(_arrow(panel.package, "model", path, _COLOURS[panel.package][1], 2.5))
        parts += _panel_svg(panel)
    parts += _panel_svg(model)
    height = below + model.height + _MARGIN
    return "\n".join([*_head(width, height), *parts, "</svg>", ""])


def _of(panel: Panel, room: str, imports: dict[str, set[str]]) -> set[str]:
    return imports[room] if room.startswith(f"{panel.package}.") else set()


def _head(width: float, height: float) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        "<title>The rooms of training, serving and model, and what imports what</title>",
        "<!-- Made by `python scripts/draw_architecture.py` from the imports; do not edit by hand. -->",
        "<style>text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #222 } "
        ".title { font-weight: bold; font-size: 15px }</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto" '
        'markerUnits="userSpaceOnUse"><path d="M0 0 L8 4 L0 8 z" fill="#444"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
    ]


if __name__ == "__main__":
    DRAWING.write_text(drawing(room_imports()), encoding="utf-8")

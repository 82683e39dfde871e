"""Plots of the leads' page: numbers to the places of a drawing, which ``plots.html.j2`` writes as SVG.

No attribute ``style`` is written, which the pages' Content-Security-Policy would not let through: colours are classes,
so that a drawing follows the page from light to dark.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: A drawing is as wide as this many of its own units; on the page it is as wide as its column.
WIDTH = 480
_BAR_PLOT_HEIGHT, _ROW_HEIGHT = 190, 30
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 20, 14, 38
#: Of rows: where their labels end and the scale from 0 to 1 begins, and where it ends.
_SCALE_LEFT, _SCALE_RIGHT = 160, 370
#: More labels than these would lie over each other.
_MOST_LABELS = 8


@dataclass(frozen=True)
class Bar:
    """One bar: its rectangle, the middle of its foot, and the lines of its label (none where there is no room)."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    label: tuple[str, ...]
    value: int


@dataclass(frozen=True)
class BarPlot:
    """Counts as bars beside each other. ``foot`` is the height of 0, ``top`` that of ``highest``."""

    height: int
    foot: float
    top: float
    highest: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Measured:
    """A share, or another number from ``IntervalPlot.lowest`` to 1, with its interval where it has one.

    ``n`` is how many it was measured on; ``value`` None: too few to say.
    """

    label: str
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    """One measured number: where its point and the ends of its interval lie."""

    y: float
    of: Measured
    x: float | None
    x_low: float | None
    x_high: float | None


@dataclass(frozen=True)
class IntervalPlot:
    """Numbers below each other, each with its interval. ``ticks`` are places on the scale with what stands there."""

    height: int
    foot: float
    ticks: tuple[tuple[float, str], ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Calibrated:
    """Decisions whose scores lie near ``score``: the share ``labelled`` that reviewers labelled positive."""

    score: float
    labelled: float
    n: int
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """One point of the calibration, with the ends of its interval and its size."""

    x: float
    y: float
    y_low: float
    y_high: float
    radius: float
    of: Calibrated


@dataclass(frozen=True)
class CalibrationPlot:
    """What reviewers labelled against what the model said, in a square from (0, 0) to (1, 1)."""

    side: int
    left: float
    foot: float
    size: float
    points: tuple[Point, ...]


def bar_plot(counts: Sequence[tuple[str, int]]) -> BarPlot:
    """Bars of counts, in their order."""
    foot, top = float(_BAR_PLOT_HEIGHT - _BOTTOM), float(_TOP)
    highest = max([1, *(count for _, count in counts)])
    step = (WIDTH - _LEFT - _RIGHT) / max(len(counts), 1)
    width = min(step * 0.75, 60)
    every = -(-len(counts) // _MOST_LABELS)
    bars = []
    for place, (label, count) in enumerate(counts):
        middle, height = _LEFT + (place + 0.5) * step, (foot - top) * count / highest
        is_labelled = (len(counts) - 1 - place) % every == 0  # the last one always is
        lines = _in_lines(label) if is_labelled else ()
        bars.append(Bar(middle - width / 2, foot - height, width, height, middle, lines, count))
    return BarPlot(_BAR_PLOT_HEIGHT, foot, top, highest, tuple(bars))


def interval_plot(measured: Sequence[Measured], lowest: float = 0.0) -> IntervalPlot:
    """Rows of numbers from ``lowest`` to 1; what is below that is drawn at its edge."""

    def x(value: float | None) -> float | None:
        if value is None:
            return None
        share = min(max((value - lowest) / (1 - lowest), 0.0), 1.0)
        return _SCALE_LEFT + share * (_SCALE_RIGHT - _SCALE_LEFT)

    foot = float(_TOP + _ROW_HEIGHT * len(measured))
    rows = tuple(
        Row(_TOP + (place + 0.5) * _ROW_HEIGHT, one, x(one.value), x(one.low), x(one.high))
        for place, one in enumerate(measured)
    )
    shown = sorted({lowest, 0.0, 0.5, 1.0})
    ticks = tuple(
        (_SCALE_LEFT + (at - lowest) / (1 - lowest) * (_SCALE_RIGHT - _SCALE_LEFT), f"{at:g}") for at in shown
    )
    return IntervalPlot(int(foot + _BOTTOM), foot, ticks, rows)


def calibration_plot(points: Sequence[Calibrated]) -> CalibrationPlot:
    """A point for each band of scores; the more decisions it stands for, the larger."""
    side, left = 320, 44.0
    size = side - left - 14
    foot = 14 + size
    most = max([1, *(point.n for point in points)])

    def y(share: float) -> float:
        return foot - share * size

    drawn = tuple(
        Point(left + one.score * size, y(one.labelled), y(one.low), y(one.high), 3 + 5 * (one.n / most) ** 0.5, one)
        for one in points
    )
    return CalibrationPlot(side, left, foot, size, drawn)


def _in_lines(label: str) -> tuple[str, ...]:
    """The last word below the others."""
    return tuple(label.rsplit(" ", 1))

"""Two distributions of one feature to the places of a drawing, which ``page.html.j2`` writes as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.drift.compare import names, numbers, share, values
from serving.drift.features import Feature
from serving.drift.window import Window

#: A drawing is as wide as this many of its own units.
WIDTH = 480
_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 170, 40.0, 468.0, 12.0, 140.0
_BINS = 20
_ROW, _BAR_LEFT, _BAR_RIGHT = 34, 170.0, 400.0
#: Of values that are no numbers, more than these are "other".
_MOST_ROWS = 8


@dataclass(frozen=True)
class Steps:
    """Histograms of both windows as outlines; ``highest`` is the share at the top, ``ticks`` places on the axis."""

    window: str
    against: str
    highest: float
    ticks: tuple[tuple[float, str], ...]
    height: int = _HEIGHT
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    foot: float = _FOOT


@dataclass(frozen=True)
class BarRow:
    """One value with its share in both windows, and the widths of its bars."""

    y: float
    label: str
    window: float
    against: float
    width: float
    width_against: float


@dataclass(frozen=True)
class Bars:
    """Shares of values below each other."""

    height: int
    left: float
    rows: tuple[BarRow, ...]


def steps(window: Window, against: Window, feature: Feature) -> Steps:
    """Of a number: 20 bins from 0 to 1, or else to what nearly all are below."""
    samples = [numbers(window, feature), numbers(against, feature)]
    end = 1.0 if feature.is_probability else _most(samples)
    shares = [_binned(sample, end) for sample in samples]
    highest = max(max(one) for one in shares) or 1.0
    outlines = [_outline(one, highest) for one in shares]
    ticks = tuple((_LEFT + at * (_RIGHT - _LEFT), f"{at * end:g}") for at in (0.0, 0.25, 0.5, 0.75, 1.0))
    return Steps(outlines[0], outlines[1], highest, ticks)


def bars(window: Window, against: Window, feature: Feature) -> Bars:
    """Of what is no number: its most frequent values."""
    found = [str(value) for value in values(window, against, feature)]
    shown = found if len(found) <= _MOST_ROWS else found[: _MOST_ROWS - 1]
    pairs = [(value, share(window, feature, value), share(against, feature, value)) for value in shown]
    if len(shown) < len(found):
        pairs.append((f"{len(found) - len(shown)} others", *_rest(window, against, feature, set(shown))))
    scale = _BAR_RIGHT - _BAR_LEFT
    rows = tuple(
        BarRow(_TOP + place * _ROW, label, now, before, now * scale, before * scale)
        for place, (label, now, before) in enumerate(pairs)
    )
    return Bars(int(_TOP + _ROW * len(rows)), _BAR_LEFT, rows)


def _rest(window: Window, against: Window, feature: Feature, shown: set[str]) -> tuple[float, float]:
    found = []
    for one in (window, against):
        counts = names(one, feature)
        found.append(sum(n for value, n in counts.items() if value not in shown) / max(one.n(feature), 1))
    return found[0], found[1]


def _most(samples: Sequence[Mapping[float, int]]) -> float:
    """What 99 of 100 are not above, in both samples together; in whole bins."""
    values = sorted({value for sample in samples for value in sample})
    total, seen = sum(sum(sample.values()) for sample in samples), 0
    for value in values:
        seen += sum(sample.get(value, 0) for sample in samples)
        if seen >= 0.99 * total:
            return float(-(-value // _BINS) * _BINS) or float(_BINS)
    return float(_BINS)


def _binned(sample: Mapping[float, int], end: float) -> list[float]:
    """Shares of the bins; what is beyond the end is in the last."""
    found, total = [0] * _BINS, sum(sample.values())
    for value, n in sample.items():
        found[min(int(value / end * _BINS), _BINS - 1)] += n
    return [n / max(total, 1) for n in found]


def _outline(shares: Sequence[float], highest: float) -> str:
    """Points of a polyline along the tops of the bins."""
    points, width = [(_LEFT, _FOOT)], (_RIGHT - _LEFT) / _BINS
    for place, one in enumerate(shares):
        y = _FOOT - (_FOOT - _TOP) * one / highest
        points += [(_LEFT + place * width, y), (_LEFT + (place + 1) * width, y)]
    points.append((_RIGHT, _FOOT))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)

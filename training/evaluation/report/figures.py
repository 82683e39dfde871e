"""The plots of a report, each an inline SVG that needs nothing else.

Text and axes take the page's own colour (``currentColor``), so that one drawing serves light, dark and paper. Data have
colours that are told apart on both and by colour-blind readers, and differ in dash or marker as well.
"""

import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation.curves import Curves
from training.evaluation.metrics.bootstrap import Estimate

#: Stands for the page's text colour until the drawing is finished.
_INK = "#0a0b0c"
COLOURS = ("#3b8ed0", "#e07b1a", "#2f9e77", "#c45ab3", "#8a8f98")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_MARKERS = ("o", "D", "s", "^", "v")
_STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.fonttype": "none",
    "svg.hashsalt": "memeguard",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "grid.color": _INK,
    "grid.alpha": 0.15,
}
_numbers = itertools.count(1)

#: Name of a row, and by series its estimate.
Row = tuple[str, Mapping[str, Estimate]]


def roc_plot(curves: Mapping[str, Curves]) -> str:
    """Recall against false positive rate, a line a column."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_INK, alpha=0.7, linewidth=1, linestyle=":")
        for index, (name, found) in enumerate(curves.items()):
            axes.plot(*zip(*found.roc, strict=True), label=name, **_line(index))
        _unit_axes(axes, "false positive rate", "recall")
        axes.legend(loc="lower right")

    return _drawn(draw, "ROC curve")


def pr_plot(curves: Mapping[str, Curves], share_positive: float) -> str:
    """Precision against recall; the dotted line is what guessing reaches."""

    def draw(axes: Axes) -> None:
        axes.axhline(share_positive, color=_INK, alpha=0.7, linewidth=1, linestyle=":")
        for index, (name, found) in enumerate(curves.items()):
            axes.plot(*zip(*found.pr, strict=True), label=name, **_line(index))
        _unit_axes(axes, "recall", "precision")
        axes.legend(loc="lower left")

    return _drawn(draw, "Precision-recall curve")


def reliability_plot(curves: Curves) -> str:
    """Share of positives against mean probability; the larger a dot, the more items are in its bin."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_INK, alpha=0.7, linewidth=1, linestyle=":")
        probability, share, items = zip(*curves.reliability, strict=True)
        axes.plot(probability, share, color=COLOURS[0], linewidth=1.2)
        sizes = [20 + 280 * n / max(items) for n in items]
        axes.scatter(probability, share, s=sizes, color=COLOURS[0], alpha=0.75, linewidth=0)
        _unit_axes(axes, "mean probability", "share of positives")

    return _drawn(draw, "Reliability diagram")


def histogram_plot(curves: Curves, classes: Sequence[str], thresholds: Mapping[str, float]) -> str:
    """Items by probability and label, with the policy's thresholds."""

    def draw(axes: Axes) -> None:
        bins = len(curves.histogram[0])
        edges = [index / bins for index in range(bins + 1)]
        for index, counts in enumerate(curves.histogram):
            axes.stairs(counts, edges, fill=True, alpha=0.3, color=COLOURS[index])
            axes.stairs(counts, edges, color=COLOURS[index], label=classes[index], linewidth=1.4)
        for name, value in thresholds.items():
            axes.axvline(value, color=_INK, linewidth=0.9, linestyle="--")
            axes.annotate(
                name, (value, 1), (3, -2), xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
                fontsize=9,
            )  # fmt: skip
        axes.set(xlim=(0, 1), xlabel="probability", ylabel="items")
        axes.grid(visible=True, axis="y")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)

    return _drawn(draw, "Histogram of probabilities by label")


def confusion_plot(table: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """Items by labelled class (row) and decided class (column), shaded by their share of the row."""
    side_in = max(3.4, 0.95 * len(classes))

    def draw(axes: Axes) -> None:
        for row, counts in enumerate(table):
            for column, n in enumerate(counts):
                share = n / max(1, sum(counts))
                colour = COLOURS[0] if row == column else COLOURS[1]
                axes.add_patch(mpl.patches.Rectangle((column, row), 1, 1, color=colour, alpha=0.08 + 0.6 * share))
                axes.text(column + 0.5, row + 0.5, f"{n}\n{share:.0%}", ha="center", va="center")
        ticks = [index + 0.5 for index in range(len(classes))]
        names = [name.replace("_", "\n") for name in classes]
        axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names)
        axes.set(xlim=(0, len(classes)), ylim=(len(classes), 0), xlabel="decided", ylabel="labelled")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return _drawn(draw, "Confusion matrix", (side_in + 1, side_in))


def interval_plot(rows: Sequence[Row], title: str, label: str, *, reference: float | None = None) -> str:
    """Values with their intervals, a line a row and a marker a series; rows without a value are left empty."""

    def draw(axes: Axes) -> None:
        series = list(dict.fromkeys(name for _, values in rows for name in values))
        step = 0.6 / max(1, len(series))
        for index, name in enumerate(series):
            shift = (index - (len(series) - 1) / 2) * step
            known = [(y + shift, values[name]) for y, (_, values) in enumerate(rows) if _is_known(values.get(name))]
            _intervals(axes, known, name, index)
        if reference is not None:
            axes.axvline(reference, color=_INK, alpha=0.7, linewidth=1, linestyle=":")
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set(xlim=(-0.01, 1.01), ylim=(len(rows) - 0.5, -0.5), xlabel=label)
        axes.grid(visible=True, axis="x")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if len(series) > 1:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(4, len(series)))

    n_series = max((len(values) for _, values in rows), default=1)
    height_in = 1.1 + len(rows) * (0.26 if n_series == 1 else 0.16 + 0.14 * n_series)
    return _drawn(draw, title, (8.6, height_in))


def bar_plot(rows: Sequence[Row], title: str, label: str, reference: float | None = None) -> str:
    """Shares as bars with their intervals, a group of bars a row and a colour a series; no bar without a value."""

    def draw(axes: Axes) -> None:
        series = list(dict.fromkeys(name for _, values in rows for name in values))
        height = 0.8 / max(1, len(series))
        for index, name in enumerate(series):
            shift = (index - (len(series) - 1) / 2) * height
            known = [(y + shift, values[name]) for y, (_, values) in enumerate(rows) if _is_known(values.get(name))]
            places, found = [y for y, _ in known], [estimate for _, estimate in known]
            axes.barh(
                places,
                [estimate.value or 0.0 for estimate in found],
                xerr=_spread(found),
                height=0.9 * height,
                color=COLOURS[(1, 0)[index % 2]],
                label=name,
                error_kw={"ecolor": _INK, "elinewidth": 1.0, "capsize": 2},
            )
        if reference is not None:
            axes.axvline(reference, color=_INK, alpha=0.7, linewidth=1, linestyle=":")
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set(xlim=(0, 1.01), ylim=(len(rows) - 0.5, -0.5), xlabel=label)
        axes.grid(visible=True, axis="x")
        axes.tick_params(axis="y", length=0)
        if len(series) > 1:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(series))

    n_series = max((len(values) for _, values in rows), default=1)
    return _drawn(draw, title, (8.6, 1.1 + len(rows) * (0.1 + 0.16 * n_series)))


def decision_plot(counts_by_class: Mapping[str, Mapping[str, int]]) -> str:
    """Share of each label's memes that the policy allows, sends to review or blocks."""

    def draw(axes: Axes) -> None:
        for y, counts in enumerate(counts_by_class.values()):
            left, total = 0.0, max(1, sum(counts.values()))
            for index, (decision, n) in enumerate(counts.items()):
                colour = (COLOURS[2], COLOURS[1], COLOURS[3])[index]
                axes.barh(y, n / total, left=left, height=0.62, color=colour, label=decision if y == 0 else None)
                if n / total > 0.04:
                    axes.text(left + n / total / 2, y, f"{n} ({n / total:.0%})", ha="center", va="center")
                left += n / total
        axes.set_yticks(range(len(counts_by_class)), list(counts_by_class))
        axes.set(xlim=(0, 1), ylim=(len(counts_by_class) - 0.5, -0.5), xticks=[])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

    return _drawn(draw, "Decisions by label", (8.6, 0.8 + 0.45 * len(counts_by_class)))


def _line(index: int) -> dict[str, Any]:
    """The bundle itself is drawn stronger, and over the others."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": _DASHES[index % len(_DASHES)],
        "linewidth": 2.0 if index == 0 else 1.3,
        "zorder": 4 if index == 0 else 3,
    }


def _unit_axes(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x, ylabel=y, aspect="equal")
    axes.grid(visible=True)


def _is_known(found: Estimate | None) -> bool:
    return found is not None and found.value is not None


def _intervals(axes: Axes, known: Sequence[tuple[float, Estimate]], name: str, index: int) -> None:
    axes.errorbar(
        [found.value or 0.0 for _, found in known],
        [y for y, _ in known],
        xerr=_spread([found for _, found in known]),
        fmt=_MARKERS[index % len(_MARKERS)],
        color=COLOURS[index % len(COLOURS)],
        label=name,
        markersize=5,
        linewidth=1.4,
    )


def _spread(known: Sequence[Estimate]) -> list[list[float]]:
    """How far the intervals reach below and above their values; not at all where there is none."""
    below = [0.0 if found.low is None else (found.value or 0.0) - found.low for found in known]
    above = [0.0 if found.high is None else found.high - (found.value or 0.0) for found in known]
    return [[max(0.0, width) for width in side] for side in (below, above)]


def _drawn(draw: Callable[[Axes], None], title: str, size_in: tuple[float, float] = (4.5, 4.1)) -> str:
    """Run ``draw`` on fresh axes and give the drawing as an SVG element with ``title`` for screen readers."""
    buffer = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size_in, layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inlined(buffer.getvalue(), title, next(_numbers))


def _inlined(svg: str, title: str, number: int) -> str:
    """The element alone, in the page's colour and font, with ids that no other drawing of the page has."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="f{number}-', svg)
    svg = re.sub(r"url\(#", f"url(#f{number}-", svg)
    svg = re.sub(r'href="#', f'href="#f{number}-', svg)
    svg = re.sub(r"(font: [\d. a-z]*px) [^;\"]*", r"\1 system-ui, sans-serif", svg)
    svg = svg.replace(_INK, "currentColor")
    head_end = svg.index(">")
    head = re.sub(r'\s(width|height)="[^"]*"', "", svg[:head_end])
    width_pt = re.search(r'viewBox="0 0 ([\d.]+)', head)
    style = f"width:{width_pt[1] if width_pt else 320}pt"
    return f'{head} role="img" aria-label="{title}" style="{style}"><title>{title}</title>{svg[head_end + 1 :]}'

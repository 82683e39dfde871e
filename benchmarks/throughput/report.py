"""Table, drawing and targets of a run of ``benchmarks.speed``, reckoned from its document."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from matplotlib.figure import Figure

from benchmarks.throughput.document import BARE, KINDS, NOVEMBER, NOW, TESSERACT, Document, Kind, Side, Work
from training.evaluation.report.markdown import markdown_table

#: Kinds that every table has; the third is of the cost alone.
_BOTH: tuple[Kind, ...] = ("words", "ocr")
_HOUR_S, _MILLION = 3600.0, 1_000_000


@dataclass(frozen=True)
class Target:
    """A ratio that is to be reached, and the one that was measured; None where a side was left out."""

    what: str
    bound: float
    value: float | None


def per_core(works: Sequence[Work]) -> float:
    """Memes a second at the median of the rounds."""
    return median(work.per_s for work in works)


def core_seconds(works: Sequence[Work]) -> float:
    """CPU time of one meme at the median of the rounds."""
    return median(work.core_s for work in works)


def ratio(works: Sequence[Work], others: Sequence[Work]) -> float:
    """How many times as many memes a second: the median of the ratios of the rounds."""
    return median(work.per_s / other.per_s for work, other in zip(works, others, strict=True))


def targets(found: Document) -> list[Target]:
    """What this checkout is to reach, beside what it does."""
    names = {side.name for side in found.sides}

    def of(name: str, kind: Kind, against: str) -> float | None:
        return ratio(found.work(name, kind), found.work(against, kind)) if {name, against} <= names else None

    workers = found.batch_per_s
    two = median(b / a for a, b in zip(workers[1], workers[2], strict=True)) if workers else None
    return [
        Target("now against the commit of November, OCR", 2.2, of(NOW, "ocr", NOVEMBER)),
        Target("now against the commit of November, words supplied", 1.4, of(NOW, "words", NOVEMBER)),
        Target("now against FastAPI, torch and pytesseract, OCR", 3.0, of(NOW, "ocr", TESSERACT)),
        Target("now against FastAPI, torch and pytesseract, words supplied", 3.0, of(NOW, "words", TESSERACT)),
        Target("served against the library, OCR", 0.9, of(NOW, "ocr", BARE)),
        Target("served against the library, words supplied", 0.9, of(NOW, "words", BARE)),
        Target("two workers of `memeguard batch` against one, OCR", 1.85, two),
    ]


def render(found: Document) -> str:
    """All of it as Markdown."""
    rates = ("", *(f"{KINDS[kind]}: {what}" for kind in _BOTH for what in ("a second and core", "ratio")))
    pairs = ("two processes: " + KINDS[kind] for kind in _BOTH)
    costs = ("p50 / p99, words", "p50 / p99, OCR", "MiB, one / two processes", "s to ready")
    hours = (f"core-hours a million: {KINDS[kind]}" for kind in KINDS)
    return "\n".join(
        [
            _about(found),
            markdown_table((*rates, *pairs), [tuple(_rate_cells(found, side)) for side in found.sides]),
            markdown_table(("", *costs, *hours), [tuple(_cost_cells(side)) for side in found.sides]),
            markdown_table(("towards", "at least", "measured", "met"), map(_target_cells, targets(found))),
        ]
    )


def _about(found: Document) -> str:
    machine = found.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        f"`{machine.command}` at {machine.commit} on {machine.processor}, cores {machine.cores}, no GPU; Python "
        f"{machine.python}, {packages}. {found.n_memes} {found.memes}, {found.picture_bytes / 1000:.0f} kB each. "
        f"Medians of {found.rounds} paired rounds of {found.seconds:g} s; a ratio is the median of the rounds' ratios, "
        f"against {found.side(_yardstick(found)).title}. One process has one core and one thread, two have two; "
        f"now is {_model(found)}. {found.random_weights}.\n"
    )


def _model(found: Document) -> str:
    """Bundle, and where the server tells them the engines that compute its networks."""
    model = found.now_model
    engines = ", ".join(f"{network} by {engine}" for network, engine in (model.get("engines") or {}).items())
    return f"bundle {model['name']} {model['version']}" + (f" ({engines})" if engines else "")


def _yardstick(found: Document) -> str:
    """The older commit, where it was measured."""
    names = [side.name for side in found.sides]
    return NOVEMBER if NOVEMBER in names else names[0]


def _rate_cells(found: Document, side: Side) -> Iterator[str]:
    yield side.title
    for kind in _BOTH:
        works = side.runs[1].busy[kind]
        yield f"{per_core(works):.2f}"
        yield f"{ratio(works, found.work(_yardstick(found), kind)):.2f}"
    for kind in _BOTH:
        if 2 not in side.runs:
            yield ""
            continue
        rate = per_core(side.runs[2].busy[kind])
        yield f"{rate:.2f} ({rate / per_core(side.runs[1].busy[kind]):.2f} of one)"


def _cost_cells(side: Side) -> Iterator[str]:
    alone = side.runs[1]
    yield side.title
    for kind in _BOTH:
        yield _milliseconds(alone.alone_s.get(kind, []))
    yield " / ".join(f"{run.resident_mib:.0f}" for run in side.runs.values())
    yield f"{median(side.ready_s):.1f}" if side.ready_s else ""
    for kind in KINDS:
        yield f"{core_seconds(alone.busy[kind]) * _MILLION / _HOUR_S:.0f}"


def _milliseconds(seconds: Sequence[float]) -> str:
    """With how many requests there were: the 99th of fewer than a hundred is the longest."""
    if not seconds:
        return ""
    p50, p99 = np.quantile(seconds, (0.5, 0.99)) * 1000
    return f"{p50:.0f} / {p99:.0f} ms of {len(seconds)}"


def _target_cells(target: Target) -> tuple[str, ...]:
    if target.value is None:
        return target.what, f"{target.bound:g}", "not measured", ""
    return target.what, f"{target.bound:g}", f"{target.value:.2f}", "yes" if target.value >= target.bound else "no"


def draw(found: Document, path: Path) -> None:
    """Memes a second and core of every side, as SVG."""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    titles = [side.title for side in found.sides]
    for axes, kind in zip(panels, _BOTH, strict=True):
        works = [side.runs[1].busy[kind] for side in found.sides]
        middle = np.array([per_core(one) for one in works])
        spread = np.array([np.quantile([work.per_s for work in one], (0.1, 0.9)) for one in works]).T
        bars = axes.barh(titles, middle, xerr=np.abs(spread - middle), capsize=3)
        axes.bar_label(bars, labels=[f"{value:.2f}" for value in middle], label_type="center", color="white")
        axes.set(title=KINDS[kind], xlabel="memes a second on one core")
    panels[0].invert_yaxis()
    figure.savefig(path, metadata={"Date": None})

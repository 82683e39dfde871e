"""Results of ``benchmarks.judgement``, the targets that they are held to, and both as Markdown."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from training.evaluation.breakdown import GroupTable
from training.evaluation.false_alarms import AtRecall
from training.evaluation.metrics.bootstrap import Estimate
from training.evaluation.report.markdown import markdown_table
from training.evaluation.report.wording import interval_text, metric_title
from training.evaluation.results import BundleRef

#: Columns of AUROC: whole items, and of memes their words and their picture alone.
FULL_ITEMS, WORDS_ALONE, PICTURE_ALONE = "full", "words alone", "picture alone"
_SHARES: tuple[str, ...] = ("reviewed_negatives", "reviewed_positives", "negatives_at_recall")
_FUNCTION_SHARES: tuple[str, ...] = ("reviewed", "stopped_at_recall")
#: A group with fewer harmless items than this meets or misses no target; with fewer than that it is in no table.
_MIN_GROUP, _MIN_SHOWN = 30, 10


@dataclass(frozen=True)
class Row:
    """Some items of a set: all of them, a group or a function; ``shares`` as ``stop_rates`` names them."""

    name: str
    n: int
    n_harmless: int
    shares: dict[str, Estimate]


@dataclass(frozen=True)
class Judged:
    """One set. ``auroc`` is of whole items and, of memes, of their words and their picture alone.

    ``classes`` are those of the multilabel tasks that the bundle answers and the set has labels for, by task.
    """

    name: str
    split: str
    task: str
    auroc: dict[str, Estimate]
    whole: Row
    at_recall: AtRecall | None
    groups: list[Row]
    functions: list[Row]
    classes: dict[str, GroupTable] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """A number that a bundle is to reach, at least or at most; ``value`` is None where nothing was measured."""

    what: str
    value: float | None
    bound: float
    at_least: bool

    @property
    def met(self) -> bool | None:
        """Whether it is reached; None where nothing was measured."""
        if self.value is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound


@dataclass(frozen=True)
class Judgement:
    """All sets of one bundle, and what was left out."""

    bundle: BundleRef
    sets: list[Judged]
    left_out: list[str]
    targets: list[Target]
    seconds: float
    command: str = field(default_factory=lambda: " ".join(["python -m benchmarks.judgement", *sys.argv[1:]]))


def targets(sets: Sequence[Judged]) -> list[Target]:
    """What the bundle that ships is to reach, beside what this one does."""
    by_name = {judged.name: judged for judged in sets}

    def value(name: str, of: Callable[[Judged], float | None]) -> float | None:
        return of(by_name[name]) if name in by_name else None

    return [
        Target("HateCheck: AUROC", value("HateCheck", _auroc), 0.88, at_least=True),
        Target(
            "HateCheck: harmless stopped at .80 caught, worst group", value("HateCheck", _worst), 0.30, at_least=False
        ),
        Target("HatemojiBuild: AUROC", value("HatemojiBuild", _auroc), 0.80, at_least=True),
        Target("ordinary captions: sent to review", value("ordinary captions", _stopped), 0.10, at_least=False),
        Target("religious_memes: AUROC", value("religious_memes", _auroc), 0.78, at_least=True),
        Target("MultiOFF: AUROC", value("MultiOFF", _auroc), 0.74, at_least=True),
    ]


def _auroc(judged: Judged) -> float | None:
    return judged.auroc[FULL_ITEMS].value


def _stopped(judged: Judged) -> float | None:
    return judged.whole.shares["reviewed"].value if "reviewed" in judged.whole.shares else None


def _worst(judged: Judged) -> float | None:
    found = [row.shares["negatives_at_recall"].value for row in judged.groups if row.n_harmless >= _MIN_GROUP]
    return max((value for value in found if value is not None), default=None)


def render(found: Judgement) -> str:
    """All of it as Markdown."""
    bundle = found.bundle
    parts = [
        f"# Judgement of {bundle.name} {bundle.version}\n\nBundle `{bundle.digest[:12]}`, {found.seconds:.0f} s, by "
        f"`{found.command}`. In brackets: 95% intervals (bootstrap for AUROC, Wilson for shares).\n",
        markdown_table(("towards", "bound", "measured", "met"), map(_target_cells, found.targets)),
        markdown_table(
            ("set", "task", "items", "AUROC", "sent to review", *map(metric_title, _SHARES)),
            (_set_cells(judged) for judged in found.sets),
        ),
        *_alone(found.sets),
        *_by(found.sets, "group"),
        *_by(found.sets, "function"),
        *_by_class(found.sets),
    ]
    if found.left_out:
        parts.append(f"Left out: {', '.join(found.left_out)}.\n")
    return "\n".join(parts)


def _target_cells(target: Target) -> list[str]:
    sign = "at least" if target.at_least else "at most"
    measured = "not measured" if target.value is None else f"{target.value:.3f}"
    met = {True: "yes", False: "no", None: ""}[target.met]
    return [target.what, f"{sign} {target.bound:.2f}", measured, met]


def _set_cells(judged: Judged) -> list[str]:
    shares = judged.whole.shares
    return [
        f"{judged.name}, {judged.split}",
        judged.task,
        str(judged.whole.n),
        interval_text(judged.auroc[FULL_ITEMS]),
        *(_share(shares, name) for name in ("reviewed", *_SHARES)),
    ]


def _alone(sets: Sequence[Judged]) -> Iterator[str]:
    """What words and pictures alone are worth, of memes."""
    memes = [judged for judged in sets if len(judged.auroc) > 1]
    if memes:
        heads = ("AUROC of the same memes", WORDS_ALONE, PICTURE_ALONE, "both")
        cells = [
            [judged.name, *(interval_text(judged.auroc[name]) for name in (WORDS_ALONE, PICTURE_ALONE, FULL_ITEMS))]
            for judged in memes
        ]
        yield markdown_table(heads, cells)


def _by(sets: Sequence[Judged], what: str) -> Iterator[str]:
    """Tables of the groups (those of some size; all are in the JSON) or the functions of each set that has some."""
    for judged in sets:
        large = [row for row in judged.groups if row.n_harmless >= _MIN_SHOWN]
        rows, names = (large, _SHARES) if what == "group" else (judged.functions, _FUNCTION_SHARES)
        if rows:
            heads = (f"{judged.name} by {what}", "items", "harmless", *map(metric_title, names))
            cells = [
                [row.name, str(row.n), str(row.n_harmless), *(_share(row.shares, n) for n in names)] for row in rows
            ]
            yield markdown_table(heads, cells)


def _by_class(sets: Sequence[Judged]) -> Iterator[str]:
    for judged in sets:
        for task, table in judged.classes.items():
            heads = (f"{judged.name}, {task}", "items", "positive", *map(metric_title, table.metrics))
            cells = [
                [row.group, str(row.n), str(row.n_positive), *(_share(row.metrics, name) for name in table.metrics)]
                for row in table.rows
            ]
            yield markdown_table(heads, cells)


def _share(shares: dict[str, Estimate], name: str) -> str:
    """Nothing where no policy acts on the task, or no item is of that kind."""
    found = shares.get(name)
    return "" if found is None or found.value is None else interval_text(found)

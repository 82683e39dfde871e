"""What a bundle's judgement is worth: ``python -m benchmarks.judgement BUNDLE --data DATA [--out FOLDER]``.

On test splits that nothing was chosen on: AUROC, and what the bundle's own policy sends to review or blocks, of all
items, of the harmless ones by group, and at the threshold that catches .80 of a set's positives; HateCheck by function
too. DATA has the folders of ``data_cards/``: ``text_hate/``, ``imgflip/``, ``religious_memes/``, ``multioff/``; a set
that is not there is left out and named. Words are taken as the files give them, and ``--cache`` keeps what the image
tower says of pictures. Prints Markdown and writes it as ``judgement.md``, with all numbers in ``judgement.json``.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from model.atomic import write_atomically
from model.bundle import COMPACT_BUNDLE, Bundle, open_bundle
from model.policy.policy import default_policy
from training.datasets import LAYOUTS, Sample, Source, load_source
from training.evaluation.decisions import decide_all
from training.evaluation.evaluate import bundle_ref
from training.evaluation.false_alarms import AtRecall, Stops, at_recall, stop_rates, stops
from training.evaluation.groups import Grouping, by_function, by_whom_they_name
from training.evaluation.labels import labelled, questions
from training.evaluation.metrics.bootstrap import Estimate, bootstrap
from training.evaluation.metrics.measures import AUROC, Ints, Mask
from training.evaluation.report.wording import interval_text, metric_title
from training.evaluation.results import BundleRef
from training.evaluation.scoring import FULL, Scored, View, score_views

_FULL = "full"
_PARTS_OF_MEMES = {"words alone": View(image=False), "picture alone": View(text=False)}
_SHARES: tuple[str, ...] = ("reviewed_negatives", "reviewed_positives", "negatives_at_recall")
_FUNCTION_SHARES: tuple[str, ...] = ("reviewed", "stopped_at_recall")
#: A group with fewer harmless items than this meets or misses no target; with fewer than that it is in no table.
_MIN_GROUP, _MIN_SHOWN = 30, 10


@dataclass(frozen=True)
class Part:
    """A set that is judged: where it lies below DATA, its layout, the task, and how many items are enough."""

    name: str
    folder: str
    layout: str
    task: str = "hateful"
    limit: int | None = None

    def source(self, data: Path, limit: int | None) -> Source | None:
        """Its test split, or dev where it has no other; None where it is not there."""
        root = data / self.folder
        splits = LAYOUTS[self.layout].splits(root) if root.is_dir() else ()
        split = next((name for name in ("test", "dev") if name in splits), None)
        if split is None:
            return None
        return Source(path=root, split=split, layout=self.layout, limit=limit or self.limit)


PARTS = (
    Part("HateCheck", "text_hate", "hatecheck"),
    Part("HatemojiBuild", "text_hate", "hatemoji"),
    Part("ordinary captions", "imgflip", "imgflip", limit=2000),
    Part("RedditBias", "text_hate", "redditbias"),
    Part("ToxiGen", "text_hate", "toxigen"),
    Part("madlibs", "text_hate", "madlibs"),
    Part("religious_memes", "religious_memes", "hateful_memes"),
    Part("MultiOFF", "multioff", "multioff", task="offensive"),
)


@dataclass(frozen=True)
class Options:
    """How sets are scored, and how intervals are drawn."""

    n_resamples: int = 1000
    limit: int | None = None
    threads: int | None = None
    cache: Path | None = None


@dataclass(frozen=True)
class Row:
    """Some items of a set: all of them, a group or a function; ``shares`` as ``stop_rates`` names them."""

    name: str
    n: int
    n_harmless: int
    shares: dict[str, Estimate]


@dataclass(frozen=True)
class Judged:
    """One set. ``auroc`` is of whole items and, of memes, of their words and their picture alone."""

    name: str
    split: str
    task: str
    auroc: dict[str, Estimate]
    whole: Row
    at_recall: AtRecall | None
    groups: list[Row]
    functions: list[Row]


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


def judge_all(bundle: Bundle, data: Path, options: Options, parts: Sequence[Part] = PARTS) -> Judgement:
    """Every set that is there and that the bundle answers for."""
    started, sets, left_out = time.monotonic(), [], []
    for part in parts:
        source = part.source(data, options.limit)
        if source is None or part.task not in {task.name for task in bundle.tasks}:
            reason = f"not in {part.folder}/" if source is None else f"the bundle has no task {part.task}"
            left_out.append(f"{part.name} ({reason})")
            continue
        sets.append(judge(bundle, part, source, options))
    return Judgement(bundle_ref(bundle), sets, left_out, targets(sets), round(time.monotonic() - started, 1))


def judge(bundle: Bundle, part: Part, source: Source, options: Options) -> Judged:
    """One set, with the code that serves the bundle."""
    samples = load_source(source).samples
    columns = _scored(bundle, samples, options)
    full = columns[_FULL]
    (question,) = questions(part.name, full.samples, bundle.tasks, {}, [part.task])
    rows, labels = labelled(question, full.samples)
    scores = {name: column.probabilities[part.task][rows] for name, column in columns.items()}
    picked, decided = [full.samples[row] for row in rows], decide_all(bundle, full)
    chosen = [decided[row] for row in rows]
    held = stops(default_policy(bundle.manifest), question, picked, labels, scores[_FULL], chosen)
    return Judged(
        name=part.name,
        split=source.split,
        task=part.task,
        auroc={
            name: bootstrap(AUROC, labels, values, n_resamples=options.n_resamples) for name, values in scores.items()
        },
        whole=_row("all", np.ones(len(rows), dtype=bool), labels, held),
        at_recall=at_recall(labels, scores[_FULL], held.harmless),
        groups=_rows(by_whom_they_name(picked), labels, held),
        functions=_rows(by_function(picked), labels, held),
    )


def _scored(bundle: Bundle, samples: Sequence[Sample], options: Options) -> dict[str, Scored]:
    parts_of_memes = _PARTS_OF_MEMES if any(sample.image for sample in samples) else {}
    views = {_FULL: FULL, **parts_of_memes}
    return score_views(bundle, samples, views, threads=options.threads, cache=options.cache, progress=True)


def _rows(grouping: Grouping, labels: Ints, held: Stops) -> list[Row]:
    return [_row(name, mask, labels, held) for name, mask in grouping.masks.items()]


def _row(name: str, mask: Mask, labels: Ints, held: Stops) -> Row:
    return Row(name, int(mask.sum()), int((mask & held.harmless).sum()), stop_rates(mask, labels, held))


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
    return judged.auroc[_FULL].value


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
        _table(("towards", "bound", "measured", "met"), map(_target_cells, found.targets)),
        _table(
            ("set", "task", "items", "AUROC", "sent to review", *map(metric_title, _SHARES)),
            (_set_cells(judged) for judged in found.sets),
        ),
        *_alone(found.sets),
        *_by(found.sets, "group"),
        *_by(found.sets, "function"),
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
        interval_text(judged.auroc[_FULL]),
        *(_share(shares, name) for name in ("reviewed", *_SHARES)),
    ]


def _alone(sets: Sequence[Judged]) -> Iterator[str]:
    """What words and pictures alone are worth, of memes."""
    memes = [judged for judged in sets if len(judged.auroc) > 1]
    if memes:
        heads = ("AUROC of the same memes", *_PARTS_OF_MEMES, "both")
        cells = [
            [judged.name, *(interval_text(judged.auroc[name]) for name in (*_PARTS_OF_MEMES, _FULL))]
            for judged in memes
        ]
        yield _table(heads, cells)


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
            yield _table(heads, cells)


def _share(shares: dict[str, Estimate], name: str) -> str:
    """Nothing where no policy acts on the task, or no item is of that kind."""
    found = shares.get(name)
    return "" if found is None or found.value is None else interval_text(found)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(heads), ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="What a bundle's judgement is worth, on test splits.")
    parser.add_argument("bundle", type=Path, nargs="?", default=COMPACT_BUNDLE)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="folder of the report; default: judgement-NAME-VERSION")
    parser.add_argument("--cache", type=Path, help="keeps image features; training's own fits")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=int, help="that many items of each set, spread evenly")
    parser.add_argument("--resamples", type=int, default=1000)
    asked = parser.parse_args(arguments)
    bundle = open_bundle(asked.bundle)
    found = judge_all(bundle, asked.data, Options(asked.resamples, asked.limit, asked.threads, asked.cache))
    out = asked.out or Path(f"judgement-{bundle.manifest.name}-{bundle.manifest.version}")
    out.mkdir(parents=True, exist_ok=True)
    plain = asdict(found) | {"targets": [asdict(target) | {"met": target.met} for target in found.targets]}
    write_atomically(out / "judgement.json", (json.dumps(plain, indent=1, allow_nan=False) + "\n").encode())
    write_atomically(out / "judgement.md", render(found).encode())
    print(render(found))


if __name__ == "__main__":
    main()

"""What sentences teach the text tower, by how many they are.

    python -m benchmarks.text_phase --data DATA --out FOLDER

The phases of the compact recipe that read sentences alone, on a share of each of their sources, as a run of its own
without pictures, memory and teacher; then AUROC of every set of sentences that the recipe is measured on, dev and test,
as Markdown, and with ``--plot FILE.svg`` as a curve. ``--own-shares`` takes a share of HatemojiBuild alone and all of
the others: whether more sentences of the kind that is measured would help. ``--overrides`` are of the recipe
("phases.0.epochs=4"). Killed at any point, the same command goes on.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.retraining import AUROC, TASK, say
from model.atomic import write_atomically
from training.baselines import labels_of
from training.datasets.registry import Source, load_source
from training.evaluation.metrics.bootstrap import Estimate, bootstrap
from training.evaluation.report.markdown import markdown_table
from training.evaluation.report.wording import interval_text
from training.run.config import RunPhase, TrainConfig
from training.run.config.file import config_path, load_train_config, parse_train_config
from training.run.export.restore import RestoredRun, restore
from training.run.folder import RunFolder
from training.run.train import RunContext, train

SHARES, SEEDS = (0.125, 0.25, 0.5, 1.0), (0,)
#: The set whose own share is varied, and its name in samples.
OWN = "hatemoji"
#: Set and split -> labels, and of each seed what the network says.
Scores = dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class Point:
    """A ``share`` of every source; ``is_own``: of HatemojiBuild alone."""

    share: float
    is_own: bool = False

    def of(self, source: Source) -> float:
        """The share of one source."""
        return 1.0 if self.is_own and source.layout != OWN else self.share

    def __str__(self) -> str:
        return f"{self.share:g}{' of HatemojiBuild' if self.is_own else ''}"


@dataclass(frozen=True)
class Bench:
    """Where everything lies."""

    data: Path
    out: Path
    cache: Path
    overrides: tuple[str, ...] = ()

    def scores(self, point: Point, seed: int) -> Scores:
        """What the network of a point says; trained unless it was."""
        name = f"{'own' if point.is_own and point.share < 1 else 'all'}-{point.share:g}-seed{seed}"
        path = self.out / f"{name}.json"
        if not path.is_file():
            run = RunFolder(self.out / "runs" / name)
            recipe = load_train_config(config_path("compact"), self.overrides, self.data)
            train(sentences_alone(recipe, point, seed), RunContext(run, self.cache, sys.argv, say))
            write_atomically(path, json.dumps(_said(restore(run, self.cache))).encode())
        found: Scores = json.loads(path.read_text(encoding="utf-8"))
        return found


def sentences_alone(recipe: TrainConfig, point: Point, seed: int) -> TrainConfig:
    """The recipe's phases that read sentences alone, on a share of their sources."""
    phases = [phase for phase in recipe.phases if phase.modalities == "text"]
    sources = sorted({source for phase in phases for source in recipe.sources_of(phase)})
    plain = recipe.plain()
    plain |= {
        "name": "sentences",
        "seed": seed,
        "seeds": None,
        "twins": [],
        "pick": "best",
        "modalities": "text",
        "image_tower": {},
        "network": plain["network"] | {"tasks": [TASK.name, "target"]},  # no sentence is labelled offensive
        "phases": [_phase(phase, sources) for phase in phases],
        "teacher": None,
        "sentence_teacher": _sentence_teacher(plain["sentence_teacher"], sources),
        "memory": None,
        "baselines": False,
    }
    parts = {
        "train": [_part(recipe.data.train[index], point) for index in sources],
        "dev": [source for source in recipe.data.calibrate or () if _is_sentences(source)],
        "tests": [source for source in recipe.data.tests or () if _is_sentences(source)],
    }
    plain["data"] |= {name: [source.model_dump(mode="json") for source in part] for name, part in parts.items()}
    plain["data"] |= {"calibrate": None, "ordinary": None}
    return parse_train_config(plain, config_path("compact"))


def _phase(phase: RunPhase, sources: Sequence[int]) -> dict[str, Any]:
    """A phase as one of a run of its own, with its sources by their new places."""
    places = None if phase.sources is None else [sources.index(source) for source in phase.sources]
    return phase.model_dump(mode="json") | {"sources": places, "shared_seed": None}


def _sentence_teacher(plain: dict[str, Any] | None, sources: Sequence[int]) -> dict[str, Any] | None:
    """The teacher of sentences with its sources by their new places."""
    return None if plain is None else plain | {"sources": [sources.index(source) for source in plain["sources"]]}


def _is_sentences(source: Source) -> bool:
    return source.render is None and source.layout in {OWN, "hatecheck", "toxigen", "implicit_hate", "edos"}


def _part(source: Source, point: Point) -> Source:
    """A share of a source, of what its own limits leave."""
    share = point.of(source)
    if share == 1:
        return source
    return source.model_copy(update={"limit": max(1, round(len(load_source(source).samples) * share))})


def _said(run: RestoredRun) -> Scores:
    said: Scores = {}
    for split, examples in (("dev", run.dev), *(("test", examples) for examples in run.tests)):
        scores, labels = run.logits(examples)[run.tasks.index(TASK)][:, 0], labels_of(examples, TASK)
        datasets = np.array([sample.dataset for sample in examples.samples])
        for name in dict.fromkeys(datasets.tolist()):
            rows = datasets == name
            said[f"{name} {split}"] = {"labels": labels[rows].tolist(), "scores": scores[rows].tolist()}
    return said


def measured(of_seeds: Sequence[Scores]) -> dict[str, Estimate]:
    """AUROC of each set with its 95% interval over sentences and seeds."""
    return {
        name: bootstrap(
            AUROC,
            np.array(first["labels"], dtype=np.int64),
            *(np.array(one[name]["scores"]) for one in of_seeds),
        )
        for name, first in of_seeds[0].items()
    }


def table(found: dict[Point, dict[str, Estimate]]) -> str:
    """Markdown: a row a point, a column a set."""
    sets = list(next(iter(found.values())))
    rows = ([str(point), *(interval_text(values[name]) for name in sets)] for point, values in found.items())
    return markdown_table(("share of the sentences", *sets), rows)


def draw(found: dict[Point, dict[str, Estimate]], path: Path) -> None:
    """The curve of each set over the share of all sentences, as SVG, and of HatemojiBuild over its own share."""
    figure = Figure(figsize=(6.5, 4), layout="constrained")
    axes = figure.subplots()
    for name in next(iter(found.values())):
        _curve(axes, name, {point.share: values[name] for point, values in found.items() if not point.is_own})
    own = {point.share: values[f"{OWN} test"] for point, values in found.items() if point.is_own}
    if own:
        _curve(axes, f"{OWN} test, by its own share", own, linestyle="--")
    axes.set_xscale("log", base=2)
    shares = sorted({point.share for point in found})
    axes.set_xticks(shares, [f"{share:g}" for share in shares])
    axes.minorticks_off()
    axes.set(xlabel="share of the sentences", ylabel="AUROC")
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))  # beside the curves, not over them
    figure.savefig(path, metadata={"Date": None})


def _curve(axes: Any, label: str, values: dict[float, Estimate], linestyle: str = "-") -> None:
    shares = sorted(values)
    of_shares = (values[share] for share in shares)
    heights = np.array([[one.value, one.low, one.high] for one in of_shares], dtype=np.float64)  # None: nothing drawn
    spread = np.abs(heights[:, 1:] - heights[:, :1]).T
    axes.errorbar(shares, heights[:, 0], yerr=spread, label=label, marker="o", capsize=3, linestyle=linestyle)


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="AUROC of sentences by the share of the recipe's sentences.")
    parser.add_argument("--data", type=Path, required=True, help="holds text_hate/ and imgflip/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs and their scores")
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--own-shares", type=float, nargs="*", default=(), help="of HatemojiBuild alone")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--plot", type=Path, help="an SVG file to draw the curve to")
    parser.add_argument("--overrides", nargs="*", default=(), help="KEY=VALUE on top of the recipe")
    given = parser.parse_args()
    bench = Bench(given.data, given.out, given.cache, tuple(given.overrides))
    points = [*map(Point, given.shares), *(Point(share, is_own=True) for share in given.own_shares)]
    found = {point: measured([bench.scores(point, seed) for seed in given.seeds]) for point in points}
    print(table(found))
    if given.plot is not None:
        draw(found, given.plot)


if __name__ == "__main__":
    main()

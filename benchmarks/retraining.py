"""What few memes of one's own are worth: ``python -m benchmarks.retraining --data DATA --out FOLDER``.

``quickstart`` on 100, 200, 400 and 800 memes of religious_memes:train, over three seeds (balanced subsets, each in the
next larger one), beside a logistic regression on the same frozen features of the same memes; both choose on dev. With
``--split dev`` it measures there, for choices; the table is of test. Prints a Markdown table and draws it with
``--plot FILE.svg``. Killed at any point, the same command goes on.

A bundle whose fusion has learnt religious_memes is no honest start for a curve over them: where quickstart starts from
a fusion, ``retraining_start.yaml`` is trained first, on everything but that set, and the curve starts from its bundle.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from model.atomic import write_atomically
from model.bundle import MANIFEST_NAME
from model.taxonomy import tasks_named
from training.baselines import FrozenTowers, labels_of
from training.baselines.linear import fit_logistic
from training.data.examples import Examples
from training.evaluation.metrics.bootstrap import bootstrap, resamples
from training.evaluation.metrics.measures import MEASURES, Floats, Ints
from training.run.build import picture_source
from training.run.config import TrainConfig
from training.run.config.file import config_path, load_train_config
from training.run.export import export_run
from training.run.export.restore import restore
from training.run.folder import RunFolder
from training.run.load_data import load_run_data
from training.run.train import RunContext, train

SIZES, SEEDS = (100, 200, 400, 800), (0, 1, 2)
START = Path(__file__).with_name("retraining_start.yaml")
(TASK,) = tasks_named(["hateful"])
AUROC = next(measure for measure in MEASURES["binary"] if measure.name == "auroc")
MODELS = {"network": "quickstart", "logistic": "logistic regression"}


@dataclass(frozen=True)
class Bench:
    """Where everything lies, and on which split it is measured."""

    data: Path
    out: Path
    cache: Path
    split: str
    overrides: tuple[str, ...] = ()

    def scores(self, size: int, seed: int) -> dict[str, list[float]]:
        """Labels, and what each model says of every meme; trained unless it was."""
        path = self.out / f"{self.split}-{size}-seed{seed}.json"
        if not path.is_file():
            write_atomically(path, json.dumps(self._measure(size, seed)).encode())
        found: dict[str, list[float]] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def _measure(self, size: int, seed: int) -> dict[str, list[float]]:
        folder, run = self.out / "memes" / f"{size}-seed{seed}", RunFolder(self.out / "runs" / f"{size}-seed{seed}")
        write_subset(self.data / "religious_memes", folder, size, seed)
        config = self.config(folder, seed)
        self._train(config, run)
        restored = restore(run, self.cache)
        data, pictures = load_run_data(config, self.cache), picture_source(config, restored.towers, self.cache)
        examples = partial(Examples, tasks=(TASK,), preprocessor=restored.towers.preprocessor, pictures=pictures)
        known, dev = (examples([s for part in parts for s in part]) for parts in (data.train, [data.dev]))
        measured = dev if self.split == "dev" else examples(data.tests[0])
        network = restored.logits(measured)[restored.tasks.index(TASK)][:, 0]
        logistic = logistic_scores(FrozenTowers(restored.learner.network.text_tower), known, dev, measured)
        labels = labels_of(measured, TASK)
        return {"labels": labels.tolist(), "network": network.tolist(), "logistic": logistic.tolist()}

    def config(self, memes: Path, seed: int) -> TrainConfig:
        """quickstart on a subset in the folder ``memes``, which relative paths in a config are taken from."""
        measured = self.data.resolve() / "religious_memes"
        tests = [] if self.split == "dev" else [f"data.tests=[{measured}:{self.split}]"]
        settings = [f"seed={seed}", "baselines=false", "trackers=[]", *tests, *self.overrides]
        config = load_train_config(config_path("quickstart"), settings, memes)
        if config.start == "fusion":
            start = [f"backbone={{kind: bundle, bundle: {self._start()}}}"]
            config = load_train_config(config_path("quickstart"), [*settings, *start], memes)
        return config

    def _start(self) -> Path:
        """The bundle of a network that has seen everything but religious_memes."""
        run = RunFolder(self.out / "start")
        bundle = run.path / "bundle"
        if not (bundle / MANIFEST_NAME).is_file():
            self._train(load_train_config(START, [], self.data), run)
            export_run(run, bundle, self.cache, say)
        return bundle.resolve()

    def _train(self, config: TrainConfig, run: RunFolder) -> None:
        train(config, RunContext(run, self.cache, sys.argv, say))


def write_subset(source: Path, folder: Path, size: int, seed: int) -> None:
    """``size`` of the memes of train, as many of either class, and all of dev: a folder as a user has one."""
    rows = [json.loads(line) for line in (source / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    rng = np.random.default_rng(seed)
    shuffled = {label: rng.permutation([i for i, row in enumerate(rows) if row["label"] == label]) for label in (0, 1)}
    chosen = sorted(int(place) for order in shuffled.values() for place in order[: size // 2])
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "train.jsonl", "".join(json.dumps(rows[place]) + "\n" for place in chosen).encode())
    write_atomically(folder / "dev.jsonl", (source / "dev.jsonl").read_bytes())
    if not (folder / "img").exists():
        (folder / "img").symlink_to((source / "img").resolve())


def logistic_scores(towers: FrozenTowers, known: Examples, dev: Examples, measured: Examples) -> Floats:
    """Probabilities [N] of a regression on text and picture, its strength chosen on dev."""
    pairs = ((towers(part).both, labels_of(part, TASK)) for part in (known, dev))
    (features, labels), (on_dev, dev_labels) = pairs
    return fit_logistic(TASK, features, labels, on_dev, dev_labels)(towers(measured).both)


@dataclass(frozen=True)
class Point:
    """AUROC of both models at one size with 95% intervals over memes and seeds, and of their difference."""

    size: int
    values: dict[str, tuple[float, float, float]]
    difference: tuple[float, float, float]


def point(size: int, runs: Sequence[dict[str, list[float]]]) -> Point:
    """Of the runs of all seeds at one size, on the same memes."""
    labels: Ints = np.array(runs[0]["labels"], dtype=np.int64)
    scores = {name: [np.array(run[name]) for run in runs] for name in MODELS}
    values = {}
    for name, of_seeds in scores.items():
        found = bootstrap(AUROC, labels, *of_seeds)
        values[name] = (found.value or np.nan, found.low or np.nan, found.high or np.nan)
    pairs = list(zip(scores["network"], scores["logistic"], strict=True))
    draws = np.concatenate(
        [
            np.mean([AUROC.resampled(labels, a, counts) - AUROC.resampled(labels, b, counts) for a, b in pairs], axis=0)
            for counts in resamples(len(labels), 1000, 0)
        ]
    )
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Point(size, values, (values["network"][0] - values["logistic"][0], float(low), float(high)))


def table(points: Sequence[Point]) -> str:
    """Markdown."""
    lines = [f"| memes | {' | '.join(MODELS.values())} | difference |", "|---" * 4 + "|"]
    for one in points:
        cells = [_interval(one.values[name]) for name in MODELS]
        lines.append(f"| {one.size} | {' | '.join(cells)} | {_interval(one.difference)} |")
    return "\n".join(lines)


def draw(points: Sequence[Point], path: Path) -> None:
    """The curve with its intervals, as SVG."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for index, (name, title) in enumerate(MODELS.items()):
        values = np.array([one.values[name] for one in points])
        at = np.array([one.size for one in points]) * (1.03 if index else 0.97)
        spread = np.abs(values[:, 1:] - values[:, :1]).T
        axes.errorbar(at, values[:, 0], yerr=spread, label=title, marker="os"[index], capsize=3)
    sizes = [one.size for one in points]
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set(xlabel="memes to learn from", ylabel="AUROC, mean of the seeds")
    axes.legend(loc="lower right")
    figure.savefig(path, metadata={"Date": None})


def say(line: str) -> None:
    """Progress, beside the table."""
    print(line, file=sys.stderr, flush=True)


def _interval(values: tuple[float, float, float]) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(*values)


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="quickstart against a logistic regression, by the number of memes.")
    parser.add_argument("--data", type=Path, required=True, help="holds religious_memes/ (and the other sets)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs and their scores")
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--plot", type=Path, help="an SVG file to draw the curve to")
    parser.add_argument("--overrides", nargs="*", default=(), help="KEY=VALUE on top of quickstart")
    given = parser.parse_args()
    bench = Bench(given.data, given.out, given.cache, given.split, tuple(given.overrides))
    points = [point(size, [bench.scores(size, seed) for seed in given.seeds]) for size in given.sizes]
    print(table(points))
    if given.plot is not None:
        draw(points, given.plot)


if __name__ == "__main__":
    main()

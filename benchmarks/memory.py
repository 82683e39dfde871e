"""What remembered memes are worth without training: ``python -m benchmarks.memory --data DATA``.

AUROC on the test splits of MultiOFF and religious_memes as 0, 25, 50, 100 and 200 labelled memes of one set's train
split are remembered (balanced, three draws, each in the next larger one), with 95% intervals over memes and draws.
Three ways to start from:

- ``bundle``: a bundle as it is. The one that ships has learnt the train splits of both sets, the remembered memes among
  them, so that little can be new to it.
- ``stranger``: a logistic regression on what the frozen towers see, fitted on the train split of the other set alone:
  the set that is remembered is new to it, as a platform's own memes are. Neither tower was trained on the words or
  pictures of either set. Beside it stands the same regression trained anew on both, with the same new memes.
- ``sentences``: the bundle on the second half of HatemojiBuild's test split; the first half is remembered. No row of
  either half was trained on, other rows of the set were.

Features of pictures are kept below ``--cache``, where training keeps them. Prints Markdown tables.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bundle import COMPACT_BUNDLE, Bundle, open_bundle
from model.calibration import calibrated_by_modality
from model.known.features import MemeFeatures
from model.known.memory import Memory, RememberedMeme
from model.modality import modality_of
from model.runtime import ImageFeatures, Question, Runtime
from model.taxonomy import tasks_named
from training.baselines.linear import fit_logistic
from training.data.feature_cache import FrozenTower
from training.datasets import Sample, Source, load_source
from training.evaluation.metrics.bootstrap import bootstrap
from training.evaluation.metrics.measures import MEASURES

SIZES, SEEDS = (0, 25, 50, 100, 200), (0, 1, 2)
AUROC = next(measure for measure in MEASURES["binary"] if measure.name == "auroc")
(HATEFUL,) = tasks_named(["hateful"])
_BATCH = 16
#: Each set with its layout and the task that its labels are of.
SETS = {"religious_memes": ("hateful_memes", "hateful"), "multioff": ("multioff", "offensive")}
OTHER = {"religious_memes": "multioff", "multioff": "religious_memes"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """Memes of one split as the towers and the bundle see them: calibrated logits [N] and labels [N] of its task."""

    features: list[MemeFeatures]
    logits: Floats
    labels: NDArray[np.int64]

    @property
    def both(self) -> Floats:
        """Unit features of picture and words side by side [N, Di + Dt]; zeros for what is not there."""
        return np.hstack([_units([one.image for one in self.features]), _units([one.text for one in self.features])])

    def half(self, which: int) -> "Seen":
        """Every second row, from the first or from the second on."""
        return Seen(self.features[which::2], self.logits[which::2], self.labels[which::2])


def _units(found: Sequence[NDArray[np.float32] | None]) -> Floats:
    width = max((len(one) for one in found if one is not None), default=0)
    rows = np.array([np.zeros(width) if one is None else one for one in found], dtype=np.float64)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12), dtype=np.float64)


class Bench:
    """The data, and a bundle that looks at them."""

    def __init__(self, data: Path, bundle: Bundle, cache_folder: Path) -> None:
        if bundle.manifest.head.text_output is None:
            raise SystemExit(f"{bundle.path}: its head gives no vectors of texts; export it again with this version")
        self._data, self._bundle = data, bundle
        self._runtime = Runtime(bundle)
        spec = bundle.manifest.image_tower
        self._tower = FrozenTower(bundle.file(spec.file), spec, bundle.preprocessor, cache_folder / "features")

    @cache  # noqa: B019 - one bench lives as long as the program
    def split(self, name: str, split: str) -> Seen:
        """A split of MultiOFF or religious_memes."""
        layout, task = SETS[name]
        return self._look(load_source(Source(path=self._data / name, split=split, layout=layout)).samples, task)

    @cache  # noqa: B019 - as above
    def sentences(self) -> Seen:
        """The test split of HatemojiBuild."""
        source = Source(path=self._data / "text_hate", split="test", layout="hatemoji")
        return self._look(load_source(source).samples, "hateful")

    def _look(self, samples: Sequence[Sample], task: str) -> Seen:
        known = [sample for sample in samples if task in sample.labels]
        parts = [self._part(known[at : at + _BATCH], task) for at in range(0, len(known), _BATCH)]
        features = [one for found, _ in parts for one in found]
        labels = np.array([sample.labels[task] for sample in known], dtype=np.int64)
        return Seen(features, np.concatenate([logits for _, logits in parts]), labels)

    def _part(self, samples: Sequence[Sample], task: str) -> tuple[list[MemeFeatures], Floats]:
        pictured = samples[0].image is not None
        if pictured:
            found = self._tower.features([sample.image for sample in samples if sample.image is not None])
            found = ImageFeatures(found.embeds, found.patches.astype(np.float32))
        else:
            found = self._runtime.no_features(len(samples))
        texts = [sample.text or "" for sample in samples]
        questions = [Question(text, (), row) for row, text in enumerate(texts)]
        mask = np.full(len(samples), int(pictured), dtype=np.int64)
        logits, words = self._runtime.ask_with_text(found, mask, questions, _BATCH)
        if words is None:
            raise ValueError("the head gives no vectors of texts")
        modalities = [modality_of(pictured=pictured, worded=bool(text.strip())) for text in texts]
        calibrated = calibrated_by_modality(logits[task], self._bundle.manifest.calibration[task], modalities)
        features = [
            MemeFeatures(found.embeds[row] if pictured else None, words[row] if text.strip() else None)
            for row, text in enumerate(texts)
        ]
        return features, calibrated[:, 0]


def drawn(labels: NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """Places of ``size`` memes, as many of either class; those of a smaller size are among them."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(np.flatnonzero(labels == label)) for label in (0, 1)]
    counts = (size // 2, size - size // 2)
    return np.sort(np.concatenate([order[:n] for order, n in zip(orders, counts, strict=True)]))


def moved(known: Seen, places: NDArray[np.int64], asked: Seen, logits: Floats) -> Floats:
    """``logits`` [N] of ``asked`` after the votes of the memes of ``known`` at ``places``."""
    memes = [RememberedMeme(known.features[at], {"one": bool(known.labels[at])}) for at in places]
    votes = Memory(memes, ["one"]).votes(asked.features)
    shifts = [0.0 if vote is None else vote.shifts.get("one", 0.0) for vote in votes]
    return np.asarray(logits + np.array(shifts), dtype=np.float64)


#: By size and seed, scores of the memes that are measured on.
Ask = Callable[[int, int], Floats]


def row(title: str, asked: Seen, sizes: Sequence[int], ask: Ask) -> str:
    """A line of a table."""
    cells = []
    for size in sizes:
        runs = [ask(size, seed) for seed in (SEEDS if size else SEEDS[:1])]
        found = bootstrap(AUROC, asked.labels, *runs)
        cells.append(f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})")
    return f"| {title} | {' | '.join(cells)} |"


def of_bundle(bench: Bench, sizes: Sequence[int]) -> list[str]:
    """The bundle as it is, with memes of each set remembered, on both."""
    lines = []
    for name in SETS:
        known = bench.split(name, "train")
        for test in SETS:
            asked = bench.split(test, "test")
            lines.append(row(f"bundle | {name} | {test}", asked, sizes, remembering(known, asked, asked.logits)))
    return lines


def remembering(known: Seen, asked: Seen, logits: Floats) -> Ask:
    """Scores of ``asked`` with so many memes of ``known`` remembered."""
    return lambda size, seed: moved(known, drawn(known.labels, size, seed), asked, logits)


@dataclass(frozen=True)
class Stranger:
    """A regression that knows the set of ``train`` and ``dev``; ``known`` is of the other."""

    known: Seen
    train: Seen
    dev: Seen

    def logits(self, asked: Seen, places: NDArray[np.int64]) -> Floats:
        """Trained on its own set, and on the memes of the other at ``places``."""
        rows = np.vstack([self.train.both, self.known.both[places]])
        labels = np.concatenate([self.train.labels, self.known.labels[places]])
        held = fit_logistic(HATEFUL, rows, labels, self.dev.both, self.dev.labels)(asked.both).clip(1e-9, 1 - 1e-9)
        return np.asarray(np.log(held / (1 - held)), dtype=np.float64)

    def retraining(self, asked: Seen) -> Ask:
        """Scores of ``asked``, trained anew with so many memes."""
        return lambda size, seed: self.logits(asked, drawn(self.known.labels, size, seed))


def of_stranger(bench: Bench, sizes: Sequence[int]) -> list[str]:
    """The regression that knows one set, with memes of the other remembered, and trained anew with them."""
    lines = []
    for name, base in OTHER.items():
        known = bench.split(name, "train")
        stranger = Stranger(known, bench.split(base, "train"), bench.split(base, "dev"))
        for test in (name, base):
            asked = bench.split(test, "test")
            logits = stranger.logits(asked, np.zeros(0, dtype=np.int64))
            lines.append(row(f"stranger | {name} | {test}", asked, sizes, remembering(known, asked, logits)))
            lines.append(row(f"stranger, trained anew | {name} | {test}", asked, sizes, stranger.retraining(asked)))
    return lines


def of_sentences(bench: Bench, sizes: Sequence[int]) -> list[str]:
    """The bundle on sentences."""
    known, asked = bench.sentences().half(0), bench.sentences().half(1)
    title = "bundle | HatemojiBuild, half of test | its other half"
    return [row(title, asked, sizes, remembering(known, asked, asked.logits))]


PARTS = {"bundle": of_bundle, "stranger": of_stranger, "sentences": of_sentences}


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="AUROC as labelled memes are remembered, without training.")
    parser.add_argument("--data", type=Path, required=True, help="holds religious_memes/, multioff/ and text_hate/")
    parser.add_argument("--bundle", type=Path, default=COMPACT_BUNDLE)
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--parts", choices=PARTS, nargs="+", default=list(PARTS), help="default: all")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    given = parser.parse_args()
    bench = Bench(given.data, open_bundle(given.bundle), given.cache)
    titles = ["start", "remembered", "measured on", *map(str, given.sizes)]
    print(f"| {' | '.join(titles)} |\n{'|---' * len(titles)}|")
    for part in given.parts:
        for line in PARTS[part](bench, given.sizes):
            print(line, flush=True)


if __name__ == "__main__":
    main()

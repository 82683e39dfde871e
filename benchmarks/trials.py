"""What brings how much on the compact pair, and where its limit is: ``python -m benchmarks.trials --data DATA``.

Five-fold cross-validation over the train and dev splits of religious_memes and MultiOFF, test splits untouched. Memes
that share their words or nearly their picture are in one fold. A network is chosen on the fold after the one that it is
measured on, and trained on the other three; a kernel machine is fitted on all four. Prints a Markdown table.
"""

import argparse
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from model.network.backbone import build_backbone
from model.network.memefier import MemeFier
from training.compact.config import CompactConfig, load_compact_config
from training.compact.variants import CompactContext, open_workshop, read_sentences, train_variant
from training.data.examples import Examples
from training.data.group_splits import group_samples
from training.data.image_hashes import Fingerprint, fingerprint_files
from training.data.modalities import BOTH
from training.data.near_duplicates import MAX_DISTANCE
from training.datasets import Sample
from training.datasets.base import ABSENT
from training.kernel.memory import tower_views
from training.kernel.ridge import Floats, KernelRidge
from training.trainer.predict import predict

CONFIG = Path(__file__).parent.parent / "training" / "configs" / "compact.yaml"
N_FOLDS = 5
#: Data set -> the task that it is measured by.
MEASURED = {"religious_memes": "hateful", "multioff": "offensive"}
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """Real memes of train and dev, ``fold`` [N] of each, and after them drawn ones, which are in every training set."""

    examples: Examples
    fold: Rows
    n_real: int

    def parts(self, dataset: str) -> Iterator[tuple[Rows, Rows, Rows]]:
        """Per fold: rows to train on (drawn ones left out), to choose on and to measure on, of one data set."""
        own = np.array([sample.dataset == dataset for sample in self.examples.samples[: self.n_real]])
        for held_out in range(N_FOLDS):
            measured, chosen = own & (self.fold == held_out), own & (self.fold == (held_out + 1) % N_FOLDS)
            yield np.flatnonzero(own & ~measured & ~chosen), np.flatnonzero(chosen), np.flatnonzero(measured)


def make_pool(shop: CompactContext, seed: int) -> Pool:
    """Folds by groups, as alike in classes and data sets as the groups allow."""
    real = [s for s in shop.mixture.memes if s.dataset != "rendered"] + shop.mixture.select
    drawn = [s for s in shop.mixture.memes if s.dataset == "rendered"]
    found = fingerprint_files([s.image for s in real if s.image]).items()
    groups = group_samples(real, {path: item for path, item in found if isinstance(item, Fingerprint)}, MAX_DISTANCE)
    strata = [f"{s.dataset} {sorted(s.labels.items())}" for s in real]
    fold = np.zeros(len(real), dtype=np.int64)
    splitter = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    for place, (_, held_out) in enumerate(splitter.split(real, strata, groups)):
        fold[held_out] = place
    return Pool(_examples(shop, real + drawn), fold, len(real))


def _examples(shop: CompactContext, samples: list[Sample]) -> Examples:
    return Examples(samples, shop.network.task_list, shop.preprocessor, shop.tower)


def kernel_auroc(
    pool: Pool, views: list[Floats], dataset: str, ridge: float, *, share: float = 1.0, drawn: bool = False
) -> float:
    """AUROC of a kernel machine over all folds, fitted on ``share`` of each training set."""
    place = [task.name for task in pool.examples.tasks].index(MEASURED[dataset])
    labels, rng = pool.examples.labels(place), np.random.default_rng(0)
    scores = np.full(pool.n_real, np.nan)
    for train, chosen, held_out in pool.parts(dataset):
        fitted = rng.permutation(np.concatenate([train, chosen]))
        fitted = fitted[: round(share * len(fitted))]
        if drawn:
            extra = np.arange(pool.n_real, len(labels))
            fitted = np.concatenate([fitted, extra[labels[extra] != ABSENT]])
        machine = KernelRidge([view[fitted] for view in views], labels[fitted], ridge)
        scores[held_out] = machine.scores([view[held_out] for view in views])
    measured = ~np.isnan(scores)
    return float(roc_auc_score(labels[: pool.n_real][measured], scores[measured]))


def network_aurocs(shop: CompactContext, pool: Pool, read: MemeFier, seed: int) -> dict[str, tuple[float, float]]:
    """Mean AUROC over folds, by data set: of the network alone, and with its memory."""
    found: dict[str, list[tuple[float, float]]] = {dataset: [] for dataset in MEASURED}
    samples = pool.examples.samples
    parts = {dataset: list(pool.parts(dataset)) for dataset in MEASURED}
    for place in range(N_FOLDS):
        train, chosen, held_out = (
            _examples(shop, [samples[row] for dataset in MEASURED for row in parts[dataset][place][kind]] + extra)
            for kind, extra in ((0, samples[pool.n_real :] + shop.mixture.texts_beside_memes), (1, []), (2, []))
        )
        fold_shop = replace(shop, memes=train, select=chosen, calibrate=chosen)
        network = copy.deepcopy(read)
        remembering = train_variant(fold_shop, network, seed, "fused")
        for dataset, task in MEASURED.items():
            at = shop.network.tasks.index(task)
            rows = np.flatnonzero(held_out.labels(at) != ABSENT)
            pair = (predict(model, held_out)[at][rows, 0] for model in (network, remembering))
            alone, together = (float(roc_auc_score(held_out.labels(at)[rows], scores)) for scores in pair)
            found[dataset].append((alone, together))
    means = {dataset: np.mean(pairs, axis=0) for dataset, pairs in found.items()}
    return {dataset: (float(mean[0]), float(mean[1])) for dataset, mean in means.items()}


def kernel_rows(shop: CompactContext, pool: Pool, read: MemeFier) -> Iterator[tuple[str, list[float]]]:
    """Name and AUROC by data set of each kernel machine."""
    untuned = MemeFier(shop.network, build_backbone(shop.backbone).text_tower, *_widths(read))
    every = np.arange(len(pool.examples))
    views = tower_views(read, pool.examples, every, BOTH)
    image, tuned = views["image"], views["text"]
    plain = tower_views(untuned, pool.examples, every, BOTH)["text"]
    trials: list[tuple[str, list[Floats], dict[str, float | bool]]] = [
        ("words, MiniLM as published", [plain], {}),
        ("words, MiniLM tuned on sentences", [tuned], {}),
        ("picture", [image], {}),
        ("picture and words as published", [image, plain], {}),
        ("picture and words tuned", [image, tuned], {}),
        ("the same, drawn memes added", [image, tuned], {"drawn": True}),
        ("picture and words tuned, half of the memes", [image, tuned], {"share": 0.5}),
        ("picture and words tuned, a quarter", [image, tuned], {"share": 0.25}),
    ]
    for name, used, settings in trials:
        ridge = shop.config.teacher.ridge
        yield name, [kernel_auroc(pool, used, dataset, ridge, **settings) for dataset in MEASURED]  # type: ignore[arg-type]


def _widths(network: MemeFier) -> tuple[int, int]:
    return network.widths.image, network.widths.patch


def without_teacher(config: CompactConfig) -> CompactConfig:
    """The recipe with the labels alone."""
    losses = config.meme_phase.losses.model_copy(update={"distillation_weight": 0.0})
    return config.model_copy(update={"meme_phase": config.meme_phase.model_copy(update={"losses": losses})})


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="Trials of the compact recipe by cross-validation.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kernels-only", action="store_true", help="leave out the networks, which take long")
    arguments = parser.parse_args()
    shop = open_workshop(load_compact_config(CONFIG), arguments.data, arguments.cache)
    pool, read = make_pool(shop, arguments.seed), read_sentences(shop, arguments.seed)
    print(f"| trial | {' | '.join(f'{dataset} AUROC' for dataset in MEASURED)} |\n|---|---|---|", flush=True)
    for name, aurocs in kernel_rows(shop, pool, read):
        print(_row(f"kernel machine: {name}", aurocs), flush=True)
    if arguments.kernels_only:
        return
    for name, config in (("labels alone", without_teacher(shop.config)), ("with the teacher's word", shop.config)):
        found = network_aurocs(replace(shop, config=config), pool, read, arguments.seed)
        print(_row(f"network: {name}", [found[dataset][0] for dataset in MEASURED]), flush=True)
        print(_row(f"network: {name}, and the memory", [found[dataset][1] for dataset in MEASURED]), flush=True)


def _row(name: str, values: list[float]) -> str:
    return f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


if __name__ == "__main__":
    main()

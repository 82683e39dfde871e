"""What a smaller side and static int8 cost the image tower, and what they save: ``python -m benchmarks.image_tower``.

    python -m benchmarks.image_tower --data DATA

Quality is the AUROC of kernel ridge regression on the tower's pooled features alone, in five-fold cross-validation over
the train and dev splits of religious_memes and MultiOFF (no test split is read), and the difference to the tower as
published with a 95% interval of a paired bootstrap over memes. Time is of one picture on one thread, towers in turns,
as the median of the rounds' ratios against the tower as published. Prints a Markdown table.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.trials import MEASURED, Pool, folds_of, kernel_scores
from model.meme import Meme
from model.runtime import ImageTower
from training.data.examples import Examples
from training.data.feature_cache import FrozenTower
from training.evaluation.metrics.bootstrap import PairedInterval, paired_bootstrap
from training.evaluation.metrics.measures import AUROC
from training.evaluation.report.markdown import markdown_table
from training.evaluation.report.wording import paired_text
from training.kernel.ridge import Floats
from training.run.backbone import RunTowers, open_towers
from training.run.build import picture_source
from training.run.config import TrainConfig
from training.run.config.file import config_path, load_train_config
from training.run.image_tower import finish_towers
from training.run.load_data import RunData, load_run_data

#: What the others are compared with.
PUBLISHED = "as published: 224 px, int8 by the batch"
_SIDES_PX = (224, 192, 176)
_AS_PUBLISHED = ["image_tower.precision=fp32", "image_tower.side_px=null"]
_N_TIMED, _N_RESAMPLED = 12, 2000


@dataclass(frozen=True)
class Variant:
    """A tower, and what it says of the memes of a pool [N, Di]."""

    name: str
    towers: RunTowers
    embeds: Floats


def variant_configs(sides_px: Sequence[int], data: Path) -> dict[str, TrainConfig]:
    """The compact recipe with the tower as published, and in static int8 at each side; by the tower's name."""
    path = config_path("compact")
    static = {
        f"{side} px, static int8": ["image_tower.precision=static_int8", f"image_tower.side_px={side}"]
        for side in sides_px
    }
    overrides = {PUBLISHED: _AS_PUBLISHED, **static}
    return {name: load_train_config(path, changed, data) for name, changed in overrides.items()}


def real_memes(config: TrainConfig, data: RunData, cache: Path, seed: int, every: int) -> Pool:
    """Every ``every``-th of the real memes of train and dev, in folds; labels alone are read of it."""
    sources = config.sources_of(config.teacher)
    samples = [sample for source in sources for sample in data.train[source]] + data.dev
    real = [sample for sample in samples if sample.image is not None][::every]
    towers = open_towers(config, cache)
    examples = Examples(real, config.network.task_list, towers.preprocessor, picture_source(config, towers, cache))
    return Pool(examples, folds_of(real, seed), len(real))


def open_variant(name: str, config: TrainConfig, data: RunData, pictures: Sequence[Path], cache: Path) -> Variant:
    """Build the tower that ``config`` asks for, and let it look at ``pictures``."""
    towers = finish_towers(open_towers(config, cache), config, data, cache)
    source = picture_source(config, towers, cache)
    if not isinstance(source, FrozenTower):
        raise TypeError("the compact recipe has a frozen image tower")
    return Variant(name, towers, source.features(pictures).embeds.astype(np.float64))


def time_ratios(variants: Sequence[Variant], pictures: Sequence[Path]) -> list[float]:
    """Of each variant, the median over pictures of its time as a multiple of the first one's, on one thread."""
    opened = []
    for variant in variants:
        if variant.towers.image_path is None or variant.towers.spec is None:
            raise TypeError("the compact recipe has an image tower in a file")
        opened.append(ImageTower(variant.towers.image_path, variant.towers.spec, threads=1))
    rounds = []
    for picture in tqdm(pictures, desc="towers in turns", unit="round", disable=None):
        shown = Meme.from_bytes(picture.read_bytes()).picture
        pixels = [variant.towers.preprocessor.pixels(shown)[None] for variant in variants]
        rounds.append([_seconds(tower, values) for tower, values in zip(opened, pixels, strict=True)])
    seconds = np.array(rounds[1:])  # the first call of a session sets up its memory
    return [float(ratio) for ratio in np.median(seconds / seconds[:, :1], axis=0)]


def difference(labels: NDArray[np.int64], ours: Floats, theirs: Floats) -> PairedInterval:
    """AUROC of ``ours`` less that of ``theirs`` on the same memes, and a 95% interval."""
    return paired_bootstrap(AUROC, labels, ours, theirs, n_resamples=_N_RESAMPLED)


def table(variants: Sequence[Variant], pool: Pool, ridge: float, ratios: Sequence[float]) -> str:
    """A row a variant, as Markdown."""
    heads = ["image tower", "time", "MiB", *(f"{name} {head}" for name in MEASURED for head in ("AUROC", "difference"))]
    first = {name: kernel_scores(pool, [variants[0].embeds], name, ridge) for name in MEASURED}
    rows = []
    for variant, ratio in zip(variants, ratios, strict=True):
        size = 0 if variant.towers.image_path is None else variant.towers.image_path.stat().st_size / 2**20
        row = [variant.name, f"{ratio:.2f}", f"{size:.0f}"]
        for dataset, (labels, theirs) in first.items():
            _, ours = kernel_scores(pool, [variant.embeds], dataset, ridge)
            shown = "" if variant is variants[0] else paired_text(difference(labels, ours, theirs))
            row += [f"{AUROC(labels, ours):.3f}", shown]
        rows.append(row)
    return markdown_table(heads, rows)


def _seconds(tower: ImageTower, pixels: NDArray[np.float32]) -> float:
    started = perf_counter()
    tower.encode(pixels)
    return perf_counter() - started


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="Sides and precisions of the image tower, by cross-validation.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="take every Nth meme alone")
    parser.add_argument("--sides", type=int, nargs="+", default=_SIDES_PX, help="of the towers in static int8, in px")
    arguments = parser.parse_args()
    configs = variant_configs(arguments.sides, arguments.data)
    config = configs[PUBLISHED]
    data = load_run_data(config, arguments.cache)
    pool = real_memes(config, data, arguments.cache, arguments.seed, arguments.every)
    pictures = [sample.image for sample in pool.examples.samples if sample.image is not None]
    variants = [open_variant(name, one, data, pictures, arguments.cache) for name, one in configs.items()]
    ridge = config.teacher.ridge if config.teacher is not None else 1.0
    print(table(variants, pool, ridge, time_ratios(variants, pictures[: _N_TIMED + 1])))


if __name__ == "__main__":
    main()

"""Whether a picture belongs to its words, by what sees what: ``python -m benchmarks.repurposing --data DATA``.

Mismatched twins of captions on imgflip's templates (``training.repurposing``), whose pictures hold no words: with
pictures swapped at random and for the most similar ones; with templates held out (those of test are in no training
meme, as ``memeguard data confound`` splits) and seen (captions split at random, every template in every split), which
says what a model can learn by heart of a template. AUROC on test with 95% intervals over templates; chance is .5. The
network is that of ``training/configs/mismatch.yaml``, chosen on dev. Prints a Markdown table, a line at a time.

Features of pictures are kept below ``--cache``, where training keeps them.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bundle import COMPACT_BUNDLE, Bundle, open_bundle
from model.taxonomy import TASKS
from training.baselines import FrozenTowers, labels_of
from training.baselines.linear import fit_logistic
from training.baselines.towers import FrozenFeatures
from training.curation.write_splits import write_splits
from training.data.examples import Examples
from training.data.group_splits import SPLITS, SplitConfig
from training.evaluation.metrics.bootstrap import bootstrap
from training.evaluation.metrics.measures import MEASURES
from training.evaluation.report.wording import interval_text
from training.repurposing.confound import picture_features
from training.repurposing.guards import check_counts
from training.repurposing.pool import Pool, read_pool
from training.repurposing.twins import TASK, Swap, make_twins
from training.run.backbone import open_towers
from training.run.build import TrainingSetup, assemble
from training.run.config.file import config_path, load_train_config
from training.run.image_tower import finish_towers
from training.run.load_data import load_run_data
from training.trainer.predict import predict
from training.trainer.trainer import train_phase

SHARES = SplitConfig(dev=0.15, test=0.3)
SWAPPED: tuple[Swap, ...] = ("random", "similar")
_AUROC = next(measure for measure in MEASURES["binary"] if measure.name == "auroc")
#: Logistic regressions on the features of the towers. The command itself holds TF-IDF of the words to chance.
BASELINES: dict[str, Callable[[FrozenFeatures], NDArray[np.float64]]] = {
    "words alone": lambda features: features.text,
    "picture alone": lambda features: features.image,
    "concatenation": lambda features: features.both,
}


def seen_templates(pool: Pool, seed: int) -> Pool:
    """The same memes, split at random whatever their picture."""
    rng = np.random.default_rng(seed)
    shares = [1 - SHARES.dev - SHARES.test, SHARES.dev, SHARES.test]
    return replace(pool, splits=rng.choice(SPLITS, size=len(pool.samples), p=shares).tolist())


def write_twins(pool: Pool, swap: Swap, bundle: Bundle, cache: Path, out: Path, *, held_out: bool) -> None:
    """Twins of a pool on disk. Where templates are held out they are counted as the command counts them."""
    twins = make_twins(pool, swap, picture_features(pool.samples, bundle, cache), SHARES.seed)
    if held_out:
        check_counts(twins, swap)
    write_splits(out, twins.samples, twins.splits, {"swap": swap, "held_out": held_out})


def auroc(test: Examples, *scores: NDArray[np.floating]) -> str:
    """With its interval over templates; of several seeds their mean."""
    labels = np.array([sample.labels[TASK] for sample in test.samples])
    templates = np.unique([str(sample.image) for sample in test.samples], return_inverse=True)[1]
    runs = [np.asarray(found, dtype=np.float64) for found in scores]
    return interval_text(bootstrap(_AUROC, labels, *runs, groups=templates))


def opened(folder: Path, cache: Path, seed: int) -> TrainingSetup:
    """The config on the twins in ``folder``, its network untrained."""
    config = load_train_config(config_path("mismatch"), [f"seed={seed}"], folder)
    data = load_run_data(config, cache)
    towers = finish_towers(open_towers(config, cache), config, data, cache)
    return assemble(config, data, towers, cache)


def network_scores(folder: Path, cache: Path, seed: int) -> NDArray[np.float32]:
    """Logits [N] of the trained network on test."""
    setup = opened(folder, cache, seed)
    phase = setup.config.phases[0]
    train_phase(setup.learner_of(phase), setup.train_of(phase), setup.dev, phase, seed=seed)
    return predict(setup.learner.network, setup.tests[0])[0][:, 0]


def lines(folder: Path, cache: Path, seeds: Sequence[int]) -> Iterator[tuple[str, str]]:
    """What sees what, and its AUROC."""
    setup = opened(folder, cache, seeds[0])
    towers = FrozenTowers(setup.learner.network.text_tower)
    train, dev, test = (towers(examples) for examples in (setup.train_of(), setup.dev, setup.tests[0]))
    task = TASKS[TASK]
    for title, part in BASELINES.items():
        known, chosen = labels_of(setup.train_of(), task), labels_of(setup.dev, task)
        fitted = fit_logistic(task, part(train), known, part(dev), chosen)
        yield title, auroc(setup.tests[0], fitted(part(test)))
    yield "MemeFier", auroc(setup.tests[0], *(network_scores(folder, cache, seed) for seed in seeds))


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="AUROC of mismatched pictures and words.")
    parser.add_argument("--data", type=Path, required=True, help="holds imgflip/")
    parser.add_argument("--bundle", type=Path, default=COMPACT_BUNDLE)
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--memes", type=int, default=1200, help="captions that are taken; default: 1200")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the network; default: 0")
    given = parser.parse_args()
    bundle = open_bundle(given.bundle)
    pool = read_pool(given.data / "imgflip", SHARES, limit=given.memes)
    print("| templates | swap | sees | AUROC |\n| --- | --- | --- | --- |", flush=True)
    for title, one in (("held out", pool), ("seen", seen_templates(pool, SHARES.seed))):
        for swap in SWAPPED:
            with tempfile.TemporaryDirectory() as folder:
                twins = Path(folder) / "twins"
                write_twins(one, swap, bundle, given.cache, twins, held_out=one is pool)
                for sees, found in lines(twins, given.cache, given.seeds):
                    print(f"| {title} | {swap} | {sees} | {found} |", flush=True)


if __name__ == "__main__":
    main()

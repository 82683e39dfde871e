"""What brings how much on the compact pair, and where its limit is.

    python -m benchmarks.trials --data DATA --run RUN

RUN is a finished run of the recipe: its first phase, in which the text tower reads sentences and no meme, is taken as
it was left there. Memes are learnt anew.

Five-fold cross-validation over the train and dev splits of religious_memes and MultiOFF, test splits untouched. Memes
that share their words or nearly their picture are in one fold. A network is chosen on the fold after the one that it is
measured on, and trained on the other three; a kernel machine is fitted on all four. Prints a Markdown table.
"""

import argparse
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from model.network.memefier import MemeNetwork
from model.network.memory import NetworkWithMemory
from training.data.examples import Examples
from training.data.group_splits import group_samples
from training.data.image_hashes import Fingerprint, fingerprint_files
from training.data.modalities import BOTH
from training.data.near_duplicates import MAX_DISTANCE
from training.datasets import Sample
from training.datasets.base import ABSENT
from training.kernel.config import MemoryConfig, TeacherConfig
from training.kernel.memory import remember, tower_views
from training.kernel.ridge import Floats, KernelRidge
from training.kernel.soft_labels import teach
from training.run.backbone import open_towers
from training.run.build import TrainingSetup, assemble, build_learner, picture_source
from training.run.config import TrainConfig
from training.run.config.file import config_path, load_train_config
from training.run.folder import RunFolder
from training.run.image_tower import finish_towers
from training.run.load_data import RunData, load_run_data
from training.run.source_examples import SourceExamples
from training.run.train import label_of
from training.trainer.checkpoint import CheckpointFile, PhaseState, unpack_state
from training.trainer.learner import Learner
from training.trainer.predict import predict
from training.trainer.trainer import train_phase

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


@dataclass(frozen=True)
class Trial:
    """The recipe on one seed, its data, and the parts of its second phase: real memes, drawn ones, sentences."""

    setup: TrainingSetup
    data: RunData
    cache: Path

    @property
    def config(self) -> TrainConfig:
        """The recipe, of the network that is shown both modalities."""
        return self.setup.config

    @property
    def real(self) -> list[Sample]:
        """Real memes of train and dev."""
        return self._part(self.teacher.sources or ()) + self.data.dev

    @property
    def drawn(self) -> list[Sample]:
        """Memes that were drawn on templates."""
        return self._part(set(self.memory.sources or ()) - set(self.teacher.sources or ()))

    @property
    def sentences(self) -> list[Sample]:
        """Sentences that the second phase sees beside the memes."""
        return self._part(set(self.config.phases[-1].sources or ()) - set(self.memory.sources or ()))

    @property
    def teacher(self) -> TeacherConfig:
        """The recipe's teacher."""
        return self.config.teacher or TeacherConfig()

    @property
    def memory(self) -> MemoryConfig:
        """The recipe's memory."""
        return self.config.memory or MemoryConfig()

    def examples(self, samples: Sequence[Sample]) -> Examples:
        """Examples on the recipe's towers."""
        towers = self.setup.towers
        pictures = picture_source(self.config, towers, self.cache)
        return Examples(samples, self.config.network.task_list, towers.preprocessor, pictures)

    def _part(self, sources: Sequence[int] | set[int]) -> list[Sample]:
        return [sample for source in sorted(sources) for sample in self.data.train[source]]


def open_trial(data: Path, cache: Path, seed: int) -> Trial:
    """Read the data of the recipe and make its network, untrained."""
    config = load_train_config(config_path("compact"), [f"seeds=[{seed}]", "twins=[]"], data)
    found = load_run_data(config, cache)
    towers = finish_towers(open_towers(config, cache), config, found, cache)
    return Trial(assemble(config, found, towers, cache), found, cache)


def make_pool(trial: Trial, seed: int) -> Pool:
    """The real memes in folds, and the drawn ones after them."""
    return Pool(trial.examples(trial.real + trial.drawn), folds_of(trial.real, seed), len(trial.real))


def folds_of(real: Sequence[Sample], seed: int) -> Rows:
    """The fold [N] of each meme: groups stay together, classes and data sets are as alike as the groups allow."""
    found = fingerprint_files([s.image for s in real if s.image]).items()
    groups = group_samples(real, {path: item for path, item in found if isinstance(item, Fingerprint)}, MAX_DISTANCE)
    strata = [f"{s.dataset} {sorted(s.labels.items())}" for s in real]
    fold = np.zeros(len(real), dtype=np.int64)
    splitter = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    for index, (_, held_out) in enumerate(splitter.split(real, strata, groups)):
        fold[held_out] = index
    return fold


def kernel_auroc(
    pool: Pool, views: list[Floats], dataset: str, ridge: float, *, share: float = 1.0, drawn: bool = False
) -> float:
    """AUROC of a kernel machine over all folds, fitted on ``share`` of each training set."""
    labels, scores = kernel_scores(pool, views, dataset, ridge, share=share, drawn=drawn)
    return float(roc_auc_score(labels, scores))


def kernel_scores(
    pool: Pool, views: list[Floats], dataset: str, ridge: float, *, share: float = 1.0, drawn: bool = False
) -> tuple[Rows, Floats]:
    """Labels of the memes of a data set, and what a kernel machine says of each that was not fitted on it."""
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
    return labels[: pool.n_real][measured], scores[measured]


def take_first_phase(setup: TrainingSetup, run: RunFolder) -> None:
    """Take what the first phase of a run of the recipe has left. Raises ``SystemExit`` where it was not finished."""
    phase = setup.config.phases[0]
    found = CheckpointFile(run.checkpoint, label_of("", 0, phase, 0)).read()
    state = unpack_state(found["state"]) if found is not None else PhaseState()
    if not state.finished:
        raise SystemExit(f"{run.path} has not finished its phase {phase.name!r}: memeguard train --config compact")
    unknown = setup.learner.load_state_dict(state.best, strict=False).unexpected_keys
    if unknown:
        raise SystemExit(f"{run.path} is of another network, with {unknown[0]}")


def train_memes(setup: TrainingSetup, teacher: TeacherConfig, memory: MemoryConfig) -> NetworkWithMemory:
    """Second phase, by the labels alone where the recipe has no teacher; then the memory."""
    network, config, phase = setup.learner.network, setup.config, setup.config.phases[1]
    if config.teacher is not None:
        rows = setup.whole_rows(teacher)
        setup.teach(teach(network, setup.remembered, rows, setup.taught, teacher, config.seed, BOTH))
    learner, train, shown = setup.learner_of(phase), setup.train_of(phase), config.modalities_of(phase)
    train_phase(learner, train, setup.dev, phase, seed=config.seed, modalities=shown, label=phase.name)
    return remember(network, setup.remembered, setup.calibrate, memory, BOTH, setup.whole_rows(memory))


def fold_setup(
    trial: Trial, config: TrainConfig, read: Learner, parts: list[list[Sample]], dev: Examples
) -> TrainingSetup:
    """The second phase on ``parts`` (real memes, drawn ones, sentences), from the network ``read``."""
    sources = {"teacher": (0,), "memory": (0, 1)}
    machines = {
        name: machine.model_copy(update={"sources": sources[name]})
        for name, machine in (("teacher", config.teacher), ("memory", config.memory))
        if machine is not None
    }
    phase = config.phases[-1].model_copy(update={"sources": (0, 1, 2)})
    changed = config.model_copy(update={**machines, "phases": (config.phases[0], phase)})
    train = SourceExamples(parts, trial.examples)
    learner = copy.deepcopy(read)
    return replace(trial.setup, config=changed, learner=learner, train=train, dev=dev, calibrate=dev, soft={})


def network_aurocs(trial: Trial, config: TrainConfig, pool: Pool, read: Learner) -> dict[str, tuple[float, float]]:
    """Mean AUROC over folds, by data set: of the network alone, and with its memory."""
    found: dict[str, list[tuple[float, float]]] = {dataset: [] for dataset in MEASURED}
    samples = pool.examples.samples
    parts = {dataset: list(pool.parts(dataset)) for dataset in MEASURED}
    for fold in range(N_FOLDS):
        train, chosen, measured = (
            [samples[row] for dataset in MEASURED for row in parts[dataset][fold][kind]] for kind in range(3)
        )
        held_out = trial.examples(measured)
        setup = fold_setup(trial, config, read, [train, trial.drawn, trial.sentences], trial.examples(chosen))
        remembering = train_memes(setup, setup.config.teacher or trial.teacher, setup.config.memory or trial.memory)
        for dataset, task in MEASURED.items():
            at = config.network.tasks.index(task)
            rows = np.flatnonzero(held_out.labels(at) != ABSENT)
            pair = (predict(model, held_out)[at][rows, 0] for model in (setup.learner.network, remembering))
            alone, together = (float(roc_auc_score(held_out.labels(at)[rows], scores)) for scores in pair)
            found[dataset].append((alone, together))
    means = {dataset: np.mean(pairs, axis=0) for dataset, pairs in found.items()}
    return {dataset: (float(mean[0]), float(mean[1])) for dataset, mean in means.items()}


def kernel_rows(trial: Trial, pool: Pool, read: MemeNetwork, untuned: MemeNetwork) -> Iterator[tuple[str, list[float]]]:
    """Name and AUROC by data set of each kernel machine."""
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
        ridge = trial.teacher.ridge
        yield name, [kernel_auroc(pool, used, dataset, ridge, **settings) for dataset in MEASURED]  # type: ignore[arg-type]


def without_teacher(config: TrainConfig) -> TrainConfig:
    """The recipe with the labels alone."""
    return _with_losses(config, distillation_weight=0.0).model_copy(update={"teacher": None})


def with_rgcl(config: TrainConfig) -> TrainConfig:
    """The recipe with contrastive learning guided by retrieval beside its classification (half of the loss, as in the
    paper); the teacher's word stays."""
    return _with_losses(config, rgcl_weight=0.5)


def _with_losses(config: TrainConfig, **changes: float) -> TrainConfig:
    """The recipe with other losses in its last phase."""
    last = config.phases[-1]
    losses = (last.losses or config.losses).model_copy(update=changes)
    return config.model_copy(update={"phases": (*config.phases[:-1], last.model_copy(update={"losses": losses}))})


#: What is changed in the recipe of the network, by its name in the table.
NETWORKS: dict[str, Callable[[TrainConfig], TrainConfig]] = {
    "labels alone": without_teacher,
    "with the teacher's word": lambda config: config,
    "with the teacher's word and RGCL": with_rgcl,
}


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="Trials of the compact recipe by cross-validation.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="folder of `memeguard train --config compact`")
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--networks", nargs="*", choices=NETWORKS, default=list(NETWORKS), help="they take long")
    arguments = parser.parse_args()
    trial = open_trial(arguments.data, arguments.cache, arguments.seed)
    pool, read = make_pool(trial, arguments.seed), trial.setup.learner
    untuned = build_learner(trial.config, trial.setup.towers.copied()).network
    take_first_phase(trial.setup, RunFolder(arguments.run))
    print(f"| trial | {' | '.join(f'{dataset} AUROC' for dataset in MEASURED)} |\n|---|---|---|", flush=True)
    for name, aurocs in kernel_rows(trial, pool, read.network, untuned):
        print(_row(f"kernel machine: {name}", aurocs), flush=True)
    for name in arguments.networks:
        found = network_aurocs(trial, NETWORKS[name](trial.config), pool, read)
        print(_row(f"network: {name}", [found[dataset][0] for dataset in MEASURED]), flush=True)
        print(_row(f"network: {name}, and the memory", [found[dataset][1] for dataset in MEASURED]), flush=True)


def _row(name: str, values: list[float]) -> str:
    return f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


if __name__ == "__main__":
    main()

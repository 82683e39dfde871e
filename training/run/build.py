"""A config and its samples to what the engine trains: a Learner, and Examples for each phase, dev and calibration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor

from model.atomic import write_atomically
from model.network.memefier import MemeFier
from model.network.tuning import apply_tuning
from model.taxonomy import Task
from training.data.examples import Examples, PictureSource, PixelPictures
from training.data.feature_cache import FrozenTower
from training.data.image_augment import Augmenter
from training.data.modalities import Modalities
from training.data.text_augment import TextNoise
from training.datasets import Sample
from training.errors import ConfigError, RunError
from training.kernel.config import MemoryConfig, TeacherConfig
from training.kernel.memory import check_memory, whole_rows
from training.kernel.ridge import Floats
from training.kernel.soft_labels import taught_tasks
from training.losses.config import LossConfig
from training.run.backbone import RunTowers
from training.run.config import RunPhase, TrainConfig
from training.run.load_data import RunData
from training.run.loss_checks import check_losses
from training.run.source_examples import SourceExamples, Sources, said_of_sentences
from training.trainer.learner import Learner


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that the training of a network reads. ``notes`` say which settings do not apply to this run.

    ``taught`` are the tasks that a teacher speaks of, none without one; ``soft`` is what it said, by source.
    """

    config: TrainConfig
    towers: RunTowers
    learner: Learner
    dev: Examples
    calibrate: Examples
    tests: tuple[Examples, ...]
    taught: list[Task]
    train: SourceExamples = field(repr=False)
    notes: list[str] = field(default_factory=list)
    soft: dict[int, Floats] = field(default_factory=dict)

    def train_of(self, phase: RunPhase | None = None) -> Examples:
        """The training examples of a phase; of None: those for the baselines."""
        sources = self.config.baselines if phase is None else self.config.sources_of(phase)
        return self.train.examples(self.config.sources_of() if isinstance(sources, bool) else sources, self.soft)

    @property
    def remembered(self) -> Examples:
        """The training examples that the network is for, those of its last phase: for teacher and memory."""
        return self.train_of(self.config.phases[-1])

    def whole_rows(self, part: TeacherConfig | MemoryConfig) -> NDArray[np.int64]:
        """Rows of ``remembered`` that a teacher or memory reads: of its sources, with all that the network is shown."""
        chosen = self.train.rows(self.config.sources_of(self.config.phases[-1]), self.config.sources_of(part))
        return np.intersect1d(whole_rows(self.remembered.samples, shown_modalities(self.config)), chosen)

    def teach(self, soft: Floats) -> None:
        """Give the samples of the last phase soft labels [N, n_tasks], in every phase from now on that sees them."""
        self.soft.update(self.train.split(self.config.sources_of(self.config.phases[-1]), soft))

    def learner_of(self, phase: RunPhase) -> Learner:
        """The learner with the losses of a phase."""
        torch.manual_seed(self.config.seed_of(phase))
        return self.learner.with_losses(self.config.losses_of(phase))

    def member(self, config: TrainConfig) -> "TrainingSetup":
        """The same data for another network of the run, which has its own weights and teacher."""
        towers = self.towers.copied()
        taught = _taught_tasks(config, self.train.samples)
        return replace(self, config=config, learner=build_learner(config, towers), taught=taught, soft={})


def assemble(config: TrainConfig, data: RunData, towers: RunTowers, cache: Path) -> TrainingSetup:
    """Compute features, build the run's first network. Raises ``ConfigError`` for losses that data cannot feed."""
    pictures = picture_source(config, towers, cache)
    tasks = config.network.task_list
    noise = TextNoise(config.text_noise) if config.text_noise is not None else None

    def examples(samples: Sequence[Sample], text_noise: TextNoise | None = None) -> Examples:
        return Examples(samples, tasks, towers.preprocessor, pictures, text_noise=text_noise)

    members = list(config.members.values())
    notes = list(dict.fromkeys(note for member in members for note in _notes(member)))
    of_sentences = said_of_sentences(config, data.train, notes.append)
    train = SourceExamples(data.train, partial(examples, text_noise=noise), config.data.train, of_sentences)
    dev = examples(data.dev)
    calibrate = dev if data.calibrate is data.dev else examples(data.calibrate)
    tests = tuple(examples(samples) for samples in data.tests)
    for member in members:
        _check_losses(member, train)
    # The baselines read towers that no network of the run tunes; a network that is alone may have the towers itself.
    learner = build_learner(members[0], towers if len(members) == 1 else towers.copied())
    taught = _taught_tasks(members[0], train.samples)
    return TrainingSetup(members[0], towers, learner, dev, calibrate, tests, taught, train, notes)


def check_remembered(config: TrainConfig, data: RunData) -> None:
    """Raise ``ConfigError`` when the teacher or the memory of a network cannot be made: cheap, so before any work."""

    def samples(sources: Sources) -> list[Sample]:
        return [sample for source in sources for sample in data.train[source]]

    for member in config.members.values():
        if member.memory is not None:
            check_memory(samples(member.sources_of(member.memory)), shown_modalities(member))
        _taught_tasks(member, samples)


def _taught_tasks(config: TrainConfig, samples: Callable[[Sources], list[Sample]]) -> list[Task]:
    """The tasks that a network's teacher speaks of. Raises ``ConfigError`` when there is none."""
    if config.teacher is None:
        return []
    return taught_tasks(
        samples(config.sources_of(config.teacher)), config.network.task_list, config.teacher, shown_modalities(config)
    )


def _notes(config: TrainConfig) -> list[str]:
    """A note for each loss that a twin cannot have: it is never shown the other modality.

    So the twins are trained with the config of the network that they are compared with.
    """
    off = {
        name: None
        for phase in config.phases
        for name in ("caption_weight", "contrastive_weight")
        if getattr(phase.losses or config.losses, name) != getattr(config.losses_of(phase), name)
    }
    return [f"losses.{name} is off: modalities={config.modalities} shows one modality only" for name in off]


def _check_losses(config: TrainConfig, train: SourceExamples) -> None:
    """Refuse losses for which none of their phases has data: one of text may well lack the captions of a later one."""
    by_losses: dict[LossConfig, list[RunPhase]] = {}
    for phase in config.phases:
        # What the teacher says is not known yet; that it says something is.
        losses = config.losses_of(phase).model_copy(update={"distillation_weight": 0.0})
        by_losses.setdefault(losses, []).append(phase)
    for losses, phases in by_losses.items():
        errors = []
        for phase in phases:
            try:
                check_losses(losses, train.examples(config.sources_of(phase)))
            except ConfigError as error:
                errors.append(error)
        if len(errors) == len(phases):
            raise errors[0]


def picture_source(config: TrainConfig, towers: RunTowers, cache: Path) -> PictureSource:
    """Cached features of the frozen tower, or pixels for one that is tuned in the loop."""
    settings = config.augment.settings if config.augment is not None else None
    if towers.image_path is None or towers.spec is None:
        return PixelPictures(towers.preprocessor, Augmenter(settings) if settings is not None else None)
    return FrozenTower(
        towers.image_path,
        towers.spec,
        towers.preprocessor,
        cache / "features",
        augment=settings,
        n_views=config.augment.n_views if config.augment is not None else 0,
        engine="cuda" if config.features_on == "cuda" else "onnxruntime",
    )


def build_learner(config: TrainConfig, towers: RunTowers) -> Learner:
    """The network on its backbone, to be tuned: weights that it starts from, the rest by the first phase's seed."""
    backbone = towers.backbone
    torch.manual_seed(config.seed_of(config.phases[0]))
    try:
        network = MemeFier(config.network, backbone.text_tower, backbone.image_width, backbone.patch_width)
        if config.start == "fusion" and towers.start is not None:
            towers.start.start_fusion(network)
        apply_tuning(network.text_tower, config.towers.text)
        if backbone.image_tower is not None:
            apply_tuning(backbone.image_tower, config.towers.image)
        return Learner(network, config.losses_of(config.phases[0]), backbone.image_tower)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def shown_modalities(config: TrainConfig) -> Modalities:
    """What the run's network is shown when it is measured and when it serves: as in its last phase."""
    return config.modalities_of(config.phases[-1])


def save_weights(learner: Learner, path: Path) -> None:
    """The weights that are exported, in one step: the network's, and those of an image tower in the loop."""
    write_atomically(path, save(_weights(learner)))


def load_weights(learner: Learner, path: Path) -> None:
    """Put what ``save_weights`` wrote into a learner of the same config; raises ``RunError`` when it does not fit."""
    try:
        found = load_file(path)
        ours = _weights(learner)
        if found.keys() != ours.keys():
            raise RunError(f"{path} holds other weights than the run's config asks for; train the run again")
        for prefix, module in _exported(learner).items():
            module.load_state_dict(
                {name.removeprefix(prefix): values for name, values in found.items() if name.startswith(prefix)}
            )
    except (OSError, RuntimeError) as error:
        raise RunError(f"{path}: weights cannot be read ({error}); train the run again") from error


def _weights(learner: Learner) -> dict[str, Tensor]:
    return {
        prefix + name: values.detach().cpu().contiguous()
        for prefix, module in _exported(learner).items()
        for name, values in module.state_dict().items()
    }


def _exported(learner: Learner) -> dict[str, torch.nn.Module]:
    tower = {"image_tower.": learner.image_tower} if learner.image_tower is not None else {}
    return {"network.": learner.network, **tower}

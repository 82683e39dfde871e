"""A config and its samples to what the engine trains: a Learner, and Examples for each phase, dev and calibration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from model.atomic import write_atomically
from model.meme import has_words
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
from training.kernel.memory import check_memory
from training.kernel.ridge import Floats
from training.kernel.soft_labels import taught_tasks
from training.run.backbone import RunTowers
from training.run.config import RunPhase, TrainConfig
from training.run.load_data import RunData
from training.trainer.learner import Learner, LossConfig

Places = tuple[int, ...]


class TrainParts:
    """Examples of any sources, made when they are first asked for; phases with the same sources share them."""

    def __init__(self, parts: Sequence[Sequence[Sample]], make: Callable[[Sequence[Sample]], Examples]) -> None:
        self._parts, self._make = parts, make
        self._made: dict[Places, Examples] = {}
        self._soft: dict[int, Floats] = {}

    def examples(self, places: Places) -> Examples:
        """The samples of these sources, one source after the other."""
        if places not in self._made:
            samples = [sample for place in places for sample in self._parts[place]]
            self._made[places] = self._taught(places, self._make(samples))
        return self._made[places]

    def teach(self, places: Places, soft: Floats) -> None:
        """From now on the samples of these sources have soft labels [N, n_tasks], in every phase that sees them."""
        ends = np.cumsum([len(self._parts[place]) for place in places])
        self._soft |= dict(zip(places, np.split(soft, ends[:-1]), strict=True))
        self._made = {known: self._taught(known, examples) for known, examples in self._made.items()}

    def _taught(self, places: Places, examples: Examples) -> Examples:
        if not any(place in self._soft for place in places):
            return examples
        untaught = {place: np.full((len(self._parts[place]), len(examples.tasks)), np.nan) for place in places}
        return examples.taught(np.concatenate([(untaught | self._soft)[place] for place in places]))


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that training reads. ``notes`` say which settings do not apply to this run.

    ``taught`` are the tasks that a teacher speaks of; none without one.
    """

    config: TrainConfig
    towers: RunTowers
    learner: Learner
    dev: Examples
    calibrate: Examples
    taught: list[Task]
    notes: list[str] = field(default_factory=list)
    _train: TrainParts = field(repr=False, kw_only=True)

    def train_of(self, phase: RunPhase) -> Examples:
        """The training examples of a phase; phases with the same sources share them."""
        return self._train.examples(_places(self.config, phase))

    @property
    def remembered(self) -> Examples:
        """The training examples that the run's network is for, those of its last phase: for teacher and memory."""
        return self.train_of(self.config.phases[-1])

    def teach(self, soft: Floats) -> None:
        """Give the samples of the last phase soft labels [N, n_tasks], in every phase that sees them."""
        self._train.teach(_places(self.config, self.config.phases[-1]), soft)

    @property
    def all_train(self) -> Examples:
        """Every training example, for the baselines."""
        return self._train.examples(tuple(range(len(self.config.data.train))))


def assemble(config: TrainConfig, data: RunData, towers: RunTowers, cache: Path) -> TrainingSetup:
    """Compute features, build the network. Raises ``ConfigError`` for losses that the data cannot feed."""
    losses, notes = losses_of(config)
    pictures = picture_source(config, towers, cache)
    tasks = config.network.task_list
    noise = TextNoise(config.text_noise) if config.text_noise is not None else None

    def examples(samples: Sequence[Sample], text_noise: TextNoise | None = None) -> Examples:
        return Examples(samples, tasks, towers.preprocessor, pictures, text_noise=text_noise)

    train = TrainParts(data.train, partial(examples, text_noise=noise))
    dev = examples(data.dev)
    calibrate = dev if data.calibrate is data.dev else examples(data.calibrate)
    _check_losses(losses, [train.examples(_places(config, phase)) for phase in config.phases])
    learner = build_learner(config, towers, losses)
    return TrainingSetup(config, towers, learner, dev, calibrate, check_remembered(config, data), notes, _train=train)


def _places(config: TrainConfig, phase: RunPhase) -> tuple[int, ...]:
    return phase.sources if phase.sources is not None else tuple(range(len(config.data.train)))


def check_remembered(config: TrainConfig, data: RunData) -> list[Task]:
    """The tasks that the run's teacher speaks of. Raises ``ConfigError`` when teacher or memory cannot be made."""
    shown = shown_modalities(config)
    samples = [sample for place in _places(config, config.phases[-1]) for sample in data.train[place]]
    if config.memory is not None:
        check_memory(samples, shown)
    if config.teacher is None:
        return []
    return taught_tasks(samples, config.network.task_list, config.teacher, shown)


def losses_of(config: TrainConfig) -> tuple[LossConfig, list[str]]:
    """The losses of a run, and a note for each that a twin cannot have: it is never shown the other modality.

    So the twins are trained with the config of the network that they are compared with.
    """
    off = {}
    if config.modalities != "both":
        off = {name: 0.0 for name in ("caption_weight", "contrastive_weight") if getattr(config.losses, name)}
    notes = [f"losses.{name} is off: modalities={config.modalities} shows one modality only" for name in off]
    return config.losses.model_copy(update=off), notes


def _check_losses(losses: LossConfig, phases: Sequence[Examples]) -> None:
    """Refuse losses for which no phase has data: a phase of text alone may well lack the captions of a later one."""
    # What the teacher says is not known yet; that it says something is.
    losses = losses.model_copy(update={"distillation_weight": 0.0})
    errors = []
    for train in phases:
        try:
            check_losses(losses, train)
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
        provider=config.features_on,
    )


def build_learner(config: TrainConfig, towers: RunTowers, losses: LossConfig | None = None) -> Learner:
    """The network on its backbone with fresh weights that the seed alone decides, ready to be tuned."""
    backbone = towers.backbone
    torch.manual_seed(config.seed)
    try:
        network = MemeFier(config.network, backbone.text_tower, backbone.image_width, backbone.patch_width)
        apply_tuning(network.text_tower, config.towers.text)
        if backbone.image_tower is not None:
            apply_tuning(backbone.image_tower, config.towers.image)
        return Learner(network, losses or losses_of(config)[0], backbone.image_tower)
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


def check_losses(losses: LossConfig, train: Examples) -> None:
    """Raise ``ConfigError`` when a loss that is on finds nothing in ``train`` to be computed from.

    Called before any work, since such a loss would be zero throughout without a word.
    """
    samples = train.samples
    has = {
        "image": [sample.image is not None for sample in samples],
        "text": [has_words(sample.text) for sample in samples],
        "caption": [has_words(sample.caption or "") for sample in samples],
    }
    if losses.caption_weight and not any(map(all, zip(has["image"], has["caption"], strict=True))):
        raise ConfigError(
            "caption_weight is above 0, but no training sample has both a picture and a caption: "
            "set caption_weight to 0, or add data with captions"
        )
    if losses.contrastive_weight:
        _check_views(losses, has)
    if losses.rgcl_weight:
        _check_neighbours(losses, train)
    if losses.distillation_weight and not train.has_soft_labels:
        raise ConfigError(
            "distillation_weight is above 0, but no teacher says anything of the training set: set it to 0"
        )


def _check_views(losses: LossConfig, has: dict[str, list[bool]]) -> None:
    n_whole = sum(map(all, zip(*(has[view] for view in losses.contrastive_views), strict=True)))
    if n_whole < 2:
        counts = ", ".join(f"{view}: {sum(has[view])}" for view in losses.contrastive_views)
        raise ConfigError(
            f"contrastive_weight is above 0, but {n_whole} training samples have all of contrastive_views ({counts}), "
            "and it takes two: name fewer views, set contrastive_weight to 0, or add such data"
        )


def _check_neighbours(losses: LossConfig, train: Examples) -> None:
    names = [task.name for task in train.tasks]
    labels = train.labels(names.index(losses.rgcl_task)).tolist() if losses.rgcl_task in names else []
    n_negative, n_positive = labels.count(0), labels.count(1)
    if min(n_negative, n_positive) < 2:
        raise ConfigError(
            f"rgcl_weight is above 0, but of {losses.rgcl_task!r} the training set has {n_negative} negative and "
            f"{n_positive} positive labels, and it takes two of each: name another rgcl_task, set rgcl_weight to 0, "
            "or add such data"
        )

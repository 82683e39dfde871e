"""The typed config of a training run. Everything that can be known to be wrong is refused here, before any work.

``training/run/config/file.py`` reads it from YAML and the command line; ``training/configs/`` holds examples.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, model_validator

from model.bundle import COMPACT_BUNDLE, VERSION_PATTERN
from model.modality import Modality
from model.network.config import BackboneConfig
from training.data.modalities import BY_NAME, Modalities
from training.data.text_augment import TextNoiseConfig
from training.datasets.registry import Source
from training.kernel.config import MemoryConfig, TeacherConfig
from training.losses.config import LossConfig
from training.run.config.checks import check_kernel_machines, check_phases, check_shared_phases, check_towers
from training.run.config.parts import (
    SHIPPED_BUNDLE,
    Backbone,
    BundleBackbone,
    DataConfig,
    ExportChoices,
    ImageTowerChoices,
    Network,
    PictureAugmentation,
    PreprocessChoices,
    RunPhase,
    SentenceTeacher,
    StrictConfig,
    TextFilling,
    Towers,
)

TrackerName = Literal["tensorboard", "mlflow", "wandb"]
#: What a policy may be about, where the config does not say; the first that the network has.
_HARMS = ("hateful", "offensive", "memotion_offensive")
_LOCAL_DIR = "local-dir:"


class TrainConfig(StrictConfig):
    """One run of ``memeguard train``: a network, its data, how it is trained, and how it is exported."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: str = Field(default="0.1.0", pattern=VERSION_PATTERN)
    description: str
    licence: str
    """Of the weights that come out: it follows from the backbone's and the data's."""
    seed: NonNegativeInt = 0
    seeds: tuple[NonNegativeInt, ...] | None = Field(default=None, min_length=1)
    """Several networks that differ in their seed alone; None: one, of ``seed``."""
    modalities: Modality = "both"
    twins: tuple[Literal["text", "image"], ...] = ()
    """Networks of one modality that are trained and measured beside those that are shown both."""
    pick: Literal["best", "average"] = "best"
    """What ships of several seeds: the one that is best on dev at what the last phase selects on, or one head that
    holds all of them and averages their logits."""
    backbone: Backbone
    start: Literal["towers", "fusion"] = "towers"
    """What is taken from a backbone that is a bundle: its towers alone, or its fusion and heads too."""
    image_tower: ImageTowerChoices = ImageTowerChoices()
    preprocess: PreprocessChoices = PreprocessChoices()
    network: Network
    data: DataConfig
    fill_text: TextFilling = TextFilling()
    towers: Towers = Towers()
    losses: LossConfig = LossConfig()
    sentence_teacher: SentenceTeacher | None = None
    teacher: TeacherConfig | None = None
    """Gives samples soft labels, which are ``losses.distillation_weight`` of a target: before the first phase that
    has such a weight and sees samples that the teacher speaks of."""
    memory: MemoryConfig | None = None
    """Of the last phase's samples; it votes beside the network that ships."""
    augment: PictureAugmentation | None = None
    text_noise: TextNoiseConfig | None = None
    phases: tuple[RunPhase, ...] = Field(min_length=1)
    trackers: tuple[TrackerName, ...] = ("tensorboard",)
    features_on: Literal["cpu", "cuda"] = "cpu"
    """Where a frozen image tower is run, once a picture; "cuda" needs the extra "gpu"."""
    baselines: bool | tuple[NonNegativeInt, ...] = True
    """Whether to fit them, and if not on all of ``data.train``, then on which of its sources."""
    export: ExportChoices = ExportChoices()

    @model_validator(mode="after")
    def _possible(self) -> "TrainConfig":
        if getattr(self.backbone, "kind", None) != "open_clip" and self.towers.image.mode != "frozen":
            raise ValueError(
                "towers.image.mode: the image tower of a compact backbone or a bundle is an ONNX file and stays "
                "'frozen'; only kind 'open_clip' can be tuned"
            )
        self._check_image_tower()
        if self.start == "fusion" and self.start_bundle is None:
            raise ValueError(
                f"start: a fusion to start from is in a bundle alone; set backbone to {SHIPPED_BUNDLE!r} or to "
                "{kind: bundle, bundle: FOLDER}, or start to 'towers'"
            )
        self._check_members()
        check_towers(self.towers.modes, self.phases)
        check_phases(self)
        self._check_tasks()
        check_kernel_machines(self)
        check_shared_phases(self)
        return self

    def _check_image_tower(self) -> None:
        if self.image_tower.takes_file_as_is:
            return
        if self.towers.image.mode != "frozen":
            raise ValueError("image_tower: side and precision are for a frozen image tower; leave it out to tune one")
        if self.start_bundle is not None:
            raise ValueError("image_tower: the image tower of a bundle is taken as it is; leave it out")

    def _check_members(self) -> None:
        if self.twins and self.modalities != "both":
            raise ValueError(f"twins: they stand beside networks of both modalities, not of {self.modalities!r}")
        if self.pick == "average" and self.towers.image.mode != "frozen":
            raise ValueError("pick: networks with image towers of their own have no average that one bundle holds")
        for key, values in (("seeds", self.seeds or ()), ("twins", self.twins)):
            if len(set(values)) < len(values):
                raise ValueError(f"{key}: name each once")

    def _check_tasks(self) -> None:
        binary = [task.name for task in self.network.task_list if task.kind == "binary"]
        named = {"export.policy_tasks": self.export.policy_tasks or ()}
        if self.losses.rgcl_weight:
            named["losses.rgcl_task"] = (self.losses.rgcl_task,)
        for key, names in named.items():
            wrong = [name for name in names if name not in binary]
            if wrong:
                raise ValueError(
                    f"{key}: {wrong[0]!r} is no binary task of this network; it has: {', '.join(binary) or 'none'}"
                )

    @property
    def start_bundle(self) -> Path | None:
        """The bundle whose towers the run stands on; None where they are not a bundle's."""
        if isinstance(self.backbone, BundleBackbone):
            return Path(self.backbone.bundle)
        return COMPACT_BUNDLE if self.backbone == SHIPPED_BUNDLE else None

    @property
    def policy_tasks(self) -> tuple[str, ...]:
        """The tasks that get thresholds: a meme is not blocked for being funny."""
        if self.export.policy_tasks is not None:
            return self.export.policy_tasks
        return tuple(name for name in _HARMS if name in self.network.tasks)[:1]

    @property
    def members(self) -> dict[str, "TrainConfig"]:
        """A config for each network of the run, of one seed and what it is shown, by name; "" for one that is alone."""
        seeds, shown = self.seeds or (self.seed,), (self.modalities, *self.twins)
        alone = len(seeds) * len(shown) == 1
        return {
            "" if alone else f"seed{seed}-{modalities}": self.model_copy(
                update={"seed": seed, "seeds": None, "modalities": modalities, "twins": ()}
            )
            for seed in seeds
            for modalities in shown
        }

    @property
    def folder_name(self) -> str:
        """What the run's folder is called, where the user does not say."""
        seeds = f"seed{self.seed}" if self.seeds is None else f"seeds{'-'.join(map(str, self.seeds))}"
        return f"{self.name}-{'-'.join((self.modalities, *self.twins))}-{seeds}"

    def modalities_of(self, phase: RunPhase) -> Modalities:
        """What the network is shown in a phase."""
        return BY_NAME[phase.modalities or self.modalities]

    def seed_of(self, phase: RunPhase) -> int:
        """What all randomness of a phase derives from; that of the first phase decides the weights it begins with."""
        return self.seed if phase.shared_seed is None else phase.shared_seed

    def losses_of(self, phase: RunPhase) -> LossConfig:
        """The losses of a phase, without those that a network of one modality cannot have."""
        losses = phase.losses or self.losses
        if self.modalities == "both":
            return losses
        return losses.model_copy(update=dict.fromkeys(("caption_weight", "contrastive_weight"), 0.0))

    def sources_of(
        self, part: RunPhase | TeacherConfig | MemoryConfig | SentenceTeacher | None = None
    ) -> tuple[int, ...]:
        """Indices into ``data.train`` of what a phase sees, or a teacher or memory reads; of None: all."""
        if isinstance(part, TeacherConfig | MemoryConfig) and part.sources is None:
            part = self.phases[-1]
        found = None if part is None else part.sources
        return tuple(range(len(self.data.train))) if found is None else found

    def listens(self, phase: RunPhase, speaker: TeacherConfig | SentenceTeacher | None) -> bool:
        """Whether the loss of a phase takes the word of a teacher: it weighs something, and of what the phase sees."""
        if speaker is None or not self.losses_of(phase).distillation_weight:
            return False
        return bool({*self.sources_of(phase)} & {*self.sources_of(speaker)})

    @property
    def taught_from(self) -> int | None:
        """The first phase that listens to the teacher of the network; None without one."""
        return next((i for i, phase in enumerate(self.phases) if self.listens(phase, self.teacher)), None)

    @property
    def n_shared_phases(self) -> int:
        """How many of the first phases all networks of a seed go through alike: those are trained once a seed.

        Those among them that have a ``shared_seed`` are trained once for all seeds.
        """
        members = [member for member in self.members.values() if member.seed == (self.seeds or (self.seed,))[0]]
        before_teacher = self.phases[: self.taught_from]
        kinds = [{(one.modalities_of(phase), one.losses_of(phase)) for one in members} for phase in before_teacher]
        return next((i for i, kind in enumerate(kinds) if len(kind) > 1), len(kinds))

    def plain(self) -> dict[str, Any]:
        """Plain values, as they are written to YAML and JSON; validating them gives this config back."""
        return self.model_dump(mode="json")

    def with_paths(self, data_root: Path | None) -> "TrainConfig":
        """Every path made absolute: those of data below ``data_root``, the backbone's below the working folder."""

        def placed(sources: tuple[Source, ...] | None) -> tuple[Source, ...] | None:
            root = data_root or Path()
            return sources and tuple(
                source.model_copy(
                    update={
                        name: (root / path).resolve()
                        for name, path in (("path", source.path), ("render", source.render))
                        if path is not None
                    }
                )
                for source in sources
            )

        data = {name: placed(getattr(self.data, name)) for name in ("train", "dev", "calibrate", "ordinary", "tests")}
        changed: dict[str, Any] = {"data": self.data.model_copy(update=data), "backbone": _absolute(self.backbone)}
        teacher = self.sentence_teacher
        if teacher is not None and teacher.labels is not None:
            changed["sentence_teacher"] = teacher.model_copy(update={"labels": teacher.labels.resolve()})
        return self.model_copy(update=changed)


def _absolute(backbone: "Backbone") -> "Backbone":
    """Local files of a backbone by their absolute paths, so that the run can be exported from another folder."""
    if isinstance(backbone, BundleBackbone):
        return backbone.model_copy(update={"bundle": str(Path(backbone.bundle).resolve())})
    if not isinstance(backbone, BackboneConfig):
        return backbone
    fields = ("pretrained", "tokenizer", "image_tower", "text_tower")
    values = {name: getattr(backbone, name) for name in fields}
    paths: dict[str, Any] = {
        name: str(Path(value).resolve()) for name, value in values.items() if value and Path(value).exists()
    }
    if backbone.name and backbone.name.startswith(_LOCAL_DIR):
        paths["name"] = _LOCAL_DIR + str(Path(backbone.name.removeprefix(_LOCAL_DIR)).resolve())
    return replace(backbone, **paths)

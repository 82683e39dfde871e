"""The typed config of a training run. Everything that can be known to be wrong is refused here, before any work.

``training/run/config_file.py`` reads it from YAML and the command line; ``training/configs/`` holds examples.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from model.bundle import VERSION_PATTERN, Precision
from model.network.config import BackboneConfig, NetworkConfig, TowerTuning, TuningMode
from model.ocr import ENGINES
from model.preprocess import Resize
from training.data.image_augment import AugmentConfig
from training.data.modalities import BY_NAME, Modalities
from training.data.text_augment import TextNoiseConfig
from training.datasets.registry import Source
from training.errors import ConfigError
from training.evaluation.calibrate import CalibrationError, parse_targets
from training.kernel.config import MemoryConfig, TeacherConfig
from training.losses.config import LossConfig
from training.run.config_checks import check_kernel_machines, check_phases, check_towers
from training.trainer.phase import PhaseConfig

__all__ = ["ConfigError", "TrainConfig"]

TrackerName = Literal["tensorboard", "mlflow", "wandb"]
ModalityNames = Literal["both", "text", "image"]
#: The one backbone that is fetched from the package registry (``training.run.pretrained``) instead of a model hub.
COMPACT_PAIR = "compact-pair"
#: What a policy may be about, where the config does not say; the first that the network has.
_HARMS = ("hateful", "offensive", "memotion_offensive")
_LOCAL_DIR = "local-dir:"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _with_preset(value: Any) -> Any:
    """The sizes of ``preset`` ("small" or "large", the paper's) below the settings that are given."""
    if not isinstance(value, dict) or "preset" not in value:
        return value
    settings = {name: setting for name, setting in value.items() if name != "preset"}
    return NetworkConfig.preset(value["preset"], tuple(settings.get("tasks", ()))).to_dict() | settings


def _source(value: Any) -> Any:
    """``PATH:SPLIT`` for a mapping with these two."""
    if not isinstance(value, str):
        return value
    path, colon, split = value.rpartition(":")
    if not colon or not path:
        raise ValueError(f"{value!r}: write PATH:SPLIT, or a mapping with 'path' and 'split'")
    return {"path": path, "split": split}


Backbone = Annotated[
    Annotated[Literal["compact-pair"], Tag("<preset>")] | Annotated[BackboneConfig, Tag("<mapping>")],
    Discriminator(lambda value: "<preset>" if isinstance(value, str) else "<mapping>"),
]
Network = Annotated[NetworkConfig, BeforeValidator(_with_preset)]
SourceText = Annotated[Source, BeforeValidator(_source)]


class PreprocessChoices(_Strict):
    """What is a choice in preprocessing; side, pixel statistics and padding id are the backbone's.

    ``max_text_tokens`` is by default 96, or what the text tower takes if that is less.
    """

    resize: Resize = "squash"
    max_text_tokens: int | None = Field(default=None, gt=2)
    max_tags: PositiveInt = 8
    max_tag_tokens: int = Field(default=16, gt=2)
    emoji_names: bool = True


class DataConfig(_Strict):
    """Where the samples come from.

    - ``dev`` None: the dev split of each training source, or where it has none ``dev_share`` of its groups (near
      duplicates by picture and same texts stay together).
    - ``calibrate``: what calibration and thresholds are fitted on; None: ``dev``.
    - ``tests``: read at the end, by the baselines and at export, to be reported; nothing is chosen on them.
    - ``split_seed`` is not the run's seed: runs with other seeds are compared on the same dev items.
    """

    train: tuple[SourceText, ...] = Field(min_length=1)
    dev: tuple[SourceText, ...] | None = Field(default=None, min_length=1)
    calibrate: tuple[SourceText, ...] | None = Field(default=None, min_length=1)
    tests: tuple[SourceText, ...] | None = Field(default=None, min_length=1)
    dev_share: float = Field(default=0.1, gt=0, lt=0.5)
    split_seed: NonNegativeInt = 17

    @model_validator(mode="after")
    def _apart(self) -> "DataConfig":
        trained = {(source.path, source.split) for source in self.train}
        for name, sources in (("dev", self.dev), ("tests", self.tests)):
            for source in sources or ():
                if (source.path, source.split) in trained:
                    raise ValueError(f"{source.path}:{source.split} is in 'train' and in {name!r}")
        return self


class TextFilling(_Strict):
    """Whose words are trained on: the ``given`` ones, OCR's where they are ``missing``, or ``always`` OCR's."""

    mode: Literal["given", "missing", "always"] = "missing"
    engine: str = "rapidocr"

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str) -> str:
        if engine not in ENGINES:
            raise ValueError(f"unknown OCR engine {engine!r}; known engines: {', '.join(ENGINES)}")
        return engine


class Towers(_Strict):
    """What of each tower is trained."""

    image: TowerTuning = TowerTuning()
    text: TowerTuning = TowerTuning()

    @property
    def modes(self) -> dict[str, TuningMode]:
        """The mode of each tower."""
        return {"image": self.image.mode, "text": self.text.mode}


class PictureAugmentation(_Strict):
    """Changes to training pictures; of a frozen tower ``n_views`` changed views are computed once and cached."""

    settings: AugmentConfig = AugmentConfig()
    n_views: PositiveInt = 4


class RunPhase(PhaseConfig):
    """A phase with the part of the data that it sees: ``sources`` are indices into ``data.train`` (None: all)."""

    name: str = "train"
    sources: tuple[NonNegativeInt, ...] | None = None
    modalities: ModalityNames | None = None
    """None: the run's."""
    losses: LossConfig | None = None
    """None: the run's."""


class ExportChoices(_Strict):
    """What ``memeguard export`` does unless told otherwise."""

    precision: Precision = "fp32"
    targets: tuple[str, ...] = ("recall=0.9", "precision=0.9")
    policy_tasks: tuple[str, ...] | None = None
    """The binary tasks that the bundle's own policy decides by; None: the harm that the network judges first."""

    @field_validator("targets")
    @classmethod
    def _readable(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parse_targets(targets)
        except CalibrationError as error:
            raise ValueError(str(error)) from error
        return targets


class TrainConfig(_Strict):
    """One run of ``memeguard train``: a network, its data, how it is trained, and how it is exported."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: str = Field(default="0.1.0", pattern=VERSION_PATTERN)
    description: str
    licence: str
    """Of the weights that come out: it follows from the backbone's and the data's."""
    seed: NonNegativeInt = 0
    seeds: tuple[NonNegativeInt, ...] | None = Field(default=None, min_length=1)
    """Several networks that differ in their seed alone; None: one, of ``seed``."""
    modalities: ModalityNames = "both"
    twins: tuple[Literal["text", "image"], ...] = ()
    """Networks of one modality that are trained and measured beside those that are shown both."""
    pick: Literal["best", "average"] = "best"
    """What ships of several seeds: the one that is best on dev at what the last phase selects on, or one head that
    holds all of them and averages their logits."""
    backbone: Backbone
    preprocess: PreprocessChoices = PreprocessChoices()
    network: Network
    data: DataConfig
    fill_text: TextFilling = TextFilling()
    towers: Towers = Towers()
    losses: LossConfig = LossConfig()
    teacher: TeacherConfig | None = None
    """Gives samples soft labels, which are ``losses.distillation_weight`` of a target: before the first phase that
    has such a weight."""
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
        onnx_tower = self.backbone == COMPACT_PAIR or getattr(self.backbone, "kind", None) == "compact"
        if onnx_tower and self.towers.image.mode != "frozen":
            raise ValueError(
                "towers.image.mode: the image tower of a compact backbone is an ONNX file and stays 'frozen'; "
                "only kind 'open_clip' can be tuned"
            )
        self._check_members()
        check_towers(self.towers.modes, self.phases)
        check_phases(self)
        self._check_tasks()
        check_kernel_machines(self)
        return self

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

    def losses_of(self, phase: RunPhase) -> LossConfig:
        """The losses of a phase, without those that a network of one modality cannot have."""
        losses = phase.losses or self.losses
        if self.modalities == "both":
            return losses
        return losses.model_copy(update=dict.fromkeys(("caption_weight", "contrastive_weight"), 0.0))

    def sources_of(self, part: RunPhase | TeacherConfig | MemoryConfig | None = None) -> tuple[int, ...]:
        """Indices into ``data.train`` of what a phase sees, or a teacher or memory reads; of None: all."""
        if isinstance(part, TeacherConfig | MemoryConfig) and part.sources is None:
            part = self.phases[-1]
        found = None if part is None else part.sources
        return tuple(range(len(self.data.train))) if found is None else found

    @property
    def taught_from(self) -> int | None:
        """The first phase that listens to the teacher; None without one."""
        if self.teacher is None:
            return None
        return next(i for i, phase in enumerate(self.phases) if self.losses_of(phase).distillation_weight)

    @property
    def n_shared_phases(self) -> int:
        """How many of the first phases all networks of a seed go through alike: those are trained once."""
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

        data = {name: placed(getattr(self.data, name)) for name in ("train", "dev", "calibrate", "tests")}
        return self.model_copy(update={"data": self.data.model_copy(update=data), "backbone": _absolute(self.backbone)})


def _absolute(backbone: "Backbone") -> "Backbone":
    """Local files of a backbone by their absolute paths, so that the run can be exported from another folder."""
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

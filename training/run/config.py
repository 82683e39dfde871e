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
from training.data.modalities import BOTH, Modalities
from training.data.text_augment import TextNoiseConfig
from training.datasets.registry import Source
from training.errors import ConfigError
from training.evaluation.calibrate import CalibrationError, parse_targets
from training.kernel.config import MemoryConfig, TeacherConfig
from training.losses.config import LossConfig
from training.run.config_checks import check_kernel_machines, check_towers
from training.trainer.phase import PhaseConfig

__all__ = ["ConfigError", "TrainConfig"]

TrackerName = Literal["tensorboard", "mlflow", "wandb"]
ModalityNames = Literal["both", "text", "image"]
#: The one backbone that is fetched from the package registry (``training.run.pretrained``) instead of a model hub.
COMPACT_PAIR = "compact-pair"
#: What a policy may be about, where the config does not say; the first that the network has.
_HARMS = ("hateful", "offensive", "memotion_offensive")
_LOCAL_DIR = "local-dir:"
MODALITIES: dict[str, Modalities] = {"both": BOTH, "text": Modalities(image=False), "image": Modalities(text=False)}


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
    - ``split_seed`` is not the run's seed: runs with other seeds are compared on the same dev items.
    """

    train: tuple[SourceText, ...] = Field(min_length=1)
    dev: tuple[SourceText, ...] | None = Field(default=None, min_length=1)
    calibrate: tuple[SourceText, ...] | None = Field(default=None, min_length=1)
    dev_share: float = Field(default=0.1, gt=0, lt=0.5)
    split_seed: NonNegativeInt = 17

    @model_validator(mode="after")
    def _apart(self) -> "DataConfig":
        places = {(source.path, source.split) for source in self.train}
        for source in self.dev or ():
            if (source.path, source.split) in places:
                raise ValueError(f"{source.path}:{source.split} is in 'train' and in 'dev'")
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
    """A phase with the part of the data that it sees: ``sources`` are places in ``data.train`` (None: all)."""

    name: str = "train"
    sources: tuple[NonNegativeInt, ...] | None = None
    modalities: ModalityNames | None = None
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
    modalities: ModalityNames = "both"
    backbone: Backbone
    preprocess: PreprocessChoices = PreprocessChoices()
    network: Network
    data: DataConfig
    fill_text: TextFilling = TextFilling()
    towers: Towers = Towers()
    losses: LossConfig = LossConfig()
    teacher: TeacherConfig | None = None
    """Gives the last phase's samples soft labels, which are ``losses.distillation_weight`` of a target."""
    memory: MemoryConfig | None = None
    """Of the last phase's samples; it votes beside the network that ships."""
    augment: PictureAugmentation | None = None
    text_noise: TextNoiseConfig | None = None
    phases: tuple[RunPhase, ...] = Field(min_length=1)
    trackers: tuple[TrackerName, ...] = ("tensorboard",)
    features_on: Literal["cpu", "cuda"] = "cpu"
    """Where a frozen image tower is run, once a picture; "cuda" needs the extra "gpu"."""
    baselines: bool = True
    export: ExportChoices = ExportChoices()

    @model_validator(mode="after")
    def _possible(self) -> "TrainConfig":
        onnx_tower = self.backbone == COMPACT_PAIR or getattr(self.backbone, "kind", None) == "compact"
        if onnx_tower and self.towers.image.mode != "frozen":
            raise ValueError(
                "towers.image.mode: the image tower of a compact backbone is an ONNX file and stays 'frozen'; "
                "only kind 'open_clip' can be tuned"
            )
        check_towers(self.towers.modes, self.phases)
        self._check_phases()
        self._check_tasks()
        check_kernel_machines(self.teacher, self.memory, self.losses, self.network.task_list, self.towers.modes)
        return self

    def _check_phases(self) -> None:
        for place, phase in enumerate(self.phases):
            outside = [source for source in phase.sources or () if source >= len(self.data.train)]
            if outside:
                last = len(self.data.train) - 1
                raise ValueError(f"phases.{place}.sources: {outside[0]} is no place in data.train (0 to {last})")
            if phase.select_on not in self.network.tasks:
                known = ", ".join(self.network.tasks)
                raise ValueError(f"phases.{place}.select_on: {phase.select_on!r} is no task of this network: {known}")

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

    def modalities_of(self, phase: RunPhase) -> Modalities:
        """What the network is shown in a phase."""
        return MODALITIES[phase.modalities or self.modalities]

    def plain(self) -> dict[str, Any]:
        """Plain values, as they are written to YAML and JSON; validating them gives this config back."""
        return self.model_dump(mode="json")

    def with_paths(self, data_root: Path | None) -> "TrainConfig":
        """Every path made absolute: those of data below ``data_root``, the backbone's below the working folder."""

        def placed(sources: tuple[Source, ...] | None) -> tuple[Source, ...] | None:
            root = data_root or Path()
            return sources and tuple(
                source.model_copy(update={"path": (root / source.path).resolve()}) for source in sources
            )

        data = {name: placed(getattr(self.data, name)) for name in ("train", "dev", "calibrate")}
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

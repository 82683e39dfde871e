"""Parts of the config of a training run, each checked by itself."""

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

from model.bundle import Precision
from model.modality import Modality
from model.network.config import BackboneConfig, NetworkConfig, TowerTuning, TuningMode
from model.ocr import ENGINES
from model.preprocess import EmojiVocabulary, Resize
from training.data.image_augment import AugmentConfig
from training.datasets.registry import Source
from training.evaluation.calibrate import CalibrationError
from training.evaluation.thresholds import parse_targets
from training.losses.config import LossConfig
from training.trainer.phase import PhaseConfig

#: Backbones that are fetched from the package registry (``training.run.pretrained``) instead of a model hub: CLIP's
#: ViT-B/16 with MiniLM-L6, and with MPNet, which is too large to ship and can teach.
COMPACT_PAIR, MPNET_PAIR = "compact-pair", "mpnet-pair"
#: The towers of the bundle that ships with the code.
SHIPPED_BUNDLE = "shipped-bundle"


class StrictConfig(BaseModel):
    """Frozen, and without unknown keys."""

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


class BundleBackbone(StrictConfig):
    """The two towers and the tokenizer of the bundle in the folder ``bundle``."""

    kind: Literal["bundle"]
    bundle: str


def _kind_of_backbone(value: Any) -> str:
    """Which member of ``Backbone`` a value is meant to be."""
    if isinstance(value, str):
        return "<preset>"
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return "<bundle>" if kind == "bundle" else "<mapping>"


Backbone = Annotated[
    Annotated[Literal["compact-pair", "mpnet-pair", "shipped-bundle"], Tag("<preset>")]
    | Annotated[BackboneConfig, Tag("<mapping>")]
    | Annotated[BundleBackbone, Tag("<bundle>")],
    Discriminator(_kind_of_backbone),
]
Network = Annotated[NetworkConfig, BeforeValidator(_with_preset)]
SourceText = Annotated[Source, BeforeValidator(_source)]


class PreprocessChoices(StrictConfig):
    """What is a choice in preprocessing; side, pixel statistics and padding id are the backbone's.

    ``max_text_tokens`` is by default 96, or what the text tower takes if that is less.
    """

    resize: Resize = "squash"
    max_text_tokens: int | None = Field(default=None, gt=2)
    max_tags: PositiveInt = 8
    max_tag_tokens: int = Field(default=16, gt=2)
    emoji_names: bool = True
    emoji_vocabulary: EmojiVocabulary = "cldr"


class DataConfig(StrictConfig):
    """Where the samples come from.

    - ``dev`` None: the dev split of each training source, or where it has none ``dev_share`` of its groups (near
      duplicates by picture and same texts stay together).
    - ``calibrate``: what calibration and thresholds are fitted on; None: ``dev``.
    - ``ordinary``: an ordinary stream, of which next to nothing should be looked at; thresholds with a target of false
      alarms are picked on it. None: the harmless samples of ``calibrate``.
    - ``tests``: read at the end, by the baselines and at export, to be reported; nothing is chosen on them.
    - ``split_seed`` is not the run's seed: runs with other seeds are compared on the same dev items.
    """

    train: tuple[SourceText, ...] = Field(min_length=1)
    dev: tuple[SourceText, ...] | None = Field(default=None, min_length=1)
    calibrate: tuple[SourceText, ...] | None = Field(default=None, min_length=1)
    ordinary: tuple[SourceText, ...] | None = Field(default=None, min_length=1)
    tests: tuple[SourceText, ...] | None = Field(default=None, min_length=1)
    dev_share: float = Field(default=0.1, gt=0, lt=0.5)
    split_seed: NonNegativeInt = 17

    @model_validator(mode="after")
    def _apart(self) -> "DataConfig":
        trained = {(source.path, source.split) for source in self.train}
        for name, sources in self._measured:
            for place, source in enumerate(sources or ()):
                if source.trust:
                    raise ValueError(f"{name}.{place}.{next(iter(source.trust))}: it is for sources in 'train' alone")
        for name, sources in (("dev", self.dev), ("tests", self.tests)):
            for source in sources or ():
                if (source.path, source.split) in trained:
                    raise ValueError(f"{source.path}:{source.split} is in 'train' and in {name!r}")
        return self

    @property
    def _measured(self) -> tuple[tuple[str, tuple[Source, ...] | None], ...]:
        """What is not trained on, by its name."""
        named = {"dev": self.dev, "calibrate": self.calibrate, "ordinary": self.ordinary, "tests": self.tests}
        return tuple(named.items())

    @property
    def sources(self) -> tuple[Source, ...]:
        """All of them."""
        return (*self.train, *(source for _, sources in self._measured for source in sources or ()))


class TextFilling(StrictConfig):
    """Whose words are trained on: the ``given`` ones, OCR's where they are ``missing``, or ``always`` OCR's."""

    mode: Literal["given", "missing", "always"] = "missing"
    engine: str = "rapidocr"

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str) -> str:
        if engine not in ENGINES:
            raise ValueError(f"unknown OCR engine {engine!r}; known engines: {', '.join(ENGINES)}")
        return engine


class Towers(StrictConfig):
    """What of each tower is trained."""

    image: TowerTuning = TowerTuning()
    text: TowerTuning = TowerTuning()

    @property
    def modes(self) -> dict[str, TuningMode]:
        """The mode of each tower."""
        return {"image": self.image.mode, "text": self.text.mode}


class ImageTowerChoices(StrictConfig):
    """How a frozen image tower is run.

    - ``side_px``: the pictures' side; None: the one that the tower was trained on. Smaller is faster, and sees less.
    - ``precision``: ``static_int8`` has fixed scales of activations, fitted on ``calibration_pictures`` of the training
      pictures: faster than fp32 on a CPU, and a quarter of its size.
    """

    side_px: PositiveInt | None = None
    precision: Literal["fp32", "static_int8"] = "fp32"
    calibration_pictures: PositiveInt = 64

    @property
    def takes_file_as_is(self) -> bool:
        """Whether a tower that is an ONNX file is run as it is."""
        return self.side_px is None and self.precision == "fp32"


class PictureAugmentation(StrictConfig):
    """Changes to training pictures; of a frozen tower ``n_views`` changed views are computed once and cached."""

    settings: AugmentConfig = AugmentConfig()
    n_views: PositiveInt = 4


class SentenceTeacher(StrictConfig):
    """Whose word goes beside the labels of sentences, as ``losses.distillation_weight`` of a phase's targets.

    ``labels`` is a file that ``memeguard soft-labels`` made; None: the one that comes with the code. ``sources`` are
    those whose sentences it speaks of, as indices into ``data.train``.
    """

    labels: Path | None = None
    sources: tuple[NonNegativeInt, ...] = Field(min_length=1)


class RunPhase(PhaseConfig):
    """A phase with the part of the data that it sees: ``sources`` are indices into ``data.train`` (None: all)."""

    name: str = "train"
    sources: tuple[NonNegativeInt, ...] | None = None
    modalities: Modality | None = None
    """None: the run's."""
    losses: LossConfig | None = None
    """None: the run's."""
    shared_seed: NonNegativeInt | None = None
    """A seed of the phase's own: it is trained once, and the networks of all seeds and the twins go on from there.
    For the first phases. None: the seed of the network."""


class ExportChoices(StrictConfig):
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

"""The typed config of ``training.compact.__main__``, the recipe of the bundle that ships."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError, field_validator

from model.network.config import NetworkConfig
from model.preprocess import PreprocessConfig
from training.errors import ConfigError
from training.kernel.config import MemoryConfig, TeacherConfig
from training.losses.config import LossConfig
from training.trainer.phase import PhaseConfig


class MixtureConfig(BaseModel):
    """How many items of each source beyond the two labelled meme sets, which are used whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 17
    stormfront_no_hate: NonNegativeInt
    caption_texts: NonNegativeInt
    """Users' meme captions shown as text alone in the first phase, taken as not hateful."""
    texts_beside_memes: NonNegativeInt
    """Sentences of the first phase, drawn at random, that the second phase shows beside the memes."""
    rendered_hatemoji: NonNegativeInt
    rendered_stormfront: NonNegativeInt
    """Drawn half from hateful and half from other sentences."""
    rendered_captions: NonNegativeInt
    rendered_dev_hatemoji: NonNegativeInt
    rendered_dev_captions: NonNegativeInt


class ThresholdConfig(BaseModel):
    """What the default thresholds must reach on dev."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    review_recall: float = Field(gt=0, le=1)
    block_precision: float = Field(gt=0, le=1)


class CompactPhase(PhaseConfig):
    """A phase of the compact recipe, whose two phases have losses of their own."""

    losses: LossConfig = LossConfig()


class CompactConfig(BaseModel):
    """A run of ``training.compact.__main__``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    description: str
    seeds: list[int] = Field(min_length=1)
    network: dict[str, Any]
    preprocess: PreprocessConfig
    mixture: MixtureConfig
    text_phase: CompactPhase
    meme_phase: CompactPhase
    teacher: TeacherConfig
    memory: MemoryConfig
    thresholds: ThresholdConfig

    @field_validator("network")
    @classmethod
    def _builds(cls, network: dict[str, Any]) -> dict[str, Any]:
        try:
            NetworkConfig.from_dict(network)
        except TypeError as error:  # a size in quotes; pydantic reports ValueErrors only
            raise ValueError(str(error)) from error
        return network


def load_compact_config(path: Path) -> CompactConfig:
    """Read a YAML config; raises ``ConfigError`` naming the key that does not fit."""
    try:
        return CompactConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error

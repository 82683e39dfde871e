"""The typed config of a run: ``train_config``, its ``parts`` and ``checks``; ``file`` reads it from YAML and flags."""

from training.errors import ConfigError
from training.run.config.parts import (
    COMPACT_PAIR,
    MPNET_PAIR,
    SHIPPED_BUNDLE,
    DataConfig,
    ImageTowerChoices,
    PreprocessChoices,
    RunPhase,
    TextFilling,
)
from training.run.config.train_config import TrainConfig

__all__ = [
    "COMPACT_PAIR",
    "MPNET_PAIR",
    "SHIPPED_BUNDLE",
    "ConfigError",
    "DataConfig",
    "ImageTowerChoices",
    "PreprocessChoices",
    "RunPhase",
    "TextFilling",
    "TrainConfig",
]

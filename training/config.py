"""The typed config of a training run; unknown keys are refused before any work."""

from training.errors import ConfigError

__all__ = ["ConfigError"]

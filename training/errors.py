"""Errors that any part of training may raise, kept apart so that configs and readers can share them."""

from model.errors import MemeguardError


class ConfigError(MemeguardError):
    """A config does not fit; the message names the key and what is allowed there."""


class RunError(MemeguardError):
    """A run folder is not what the command needs: another run's, damaged, in use or not finished."""

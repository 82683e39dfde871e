"""How a process serves: typed settings, read from ``MEMEGUARD_*`` and checked before anything starts.

A file for each theme; ``CONFIGURATION.md`` lists them all and is written from them.
"""

from serving.settings.environment import ENV_PREFIX, SettingsError, from_env, to_env
from serving.settings.settings import Settings

__all__ = ["ENV_PREFIX", "Settings", "SettingsError", "from_env", "to_env"]

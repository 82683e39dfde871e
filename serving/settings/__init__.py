"""Settings of a serving process, read from ``MEMEGUARD_*`` and checked before anything starts.

``settings.py`` holds them, a class for each theme; ``ledger.py``, ``jobs.py`` and ``security.py`` are the themes with
checks of their own. ``environment.py`` reads them. ``CONFIGURATION.md`` lists them all and is written from them.
"""

from serving.settings.environment import SettingsError, from_env, to_env
from serving.settings.settings import ENV_PREFIX, Settings

__all__ = ["ENV_PREFIX", "Settings", "SettingsError", "from_env", "to_env"]

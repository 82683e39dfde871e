"""Reader of settings from the environment: ``memeguard serve``, ``bentoml serve`` and a container read alike."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource

from model.errors import MemeguardError
from model.errors.validation import in_words, invalid_members
from serving.settings.settings import ENV_PREFIX, Settings

#: Kubernetes puts these into every pod beside a Service called "memeguard"; they are not ours.
_KUBERNETES = re.compile(r"MEMEGUARD_(SERVICE_(HOST|PORT)|PORT)(_\w+)?|MEMEGUARD_PORT_\d+_\w+")


class SettingsError(MemeguardError):
    """A setting that does not exist or cannot have the value it was given; the message names the variable."""


def from_env(environ: Mapping[str, str]) -> Settings:
    """Read ``MEMEGUARD_*``; an empty value counts as not set. Raises ``SettingsError`` naming the variable."""
    given = {
        name: value
        for name, value in environ.items()
        if name.startswith(ENV_PREFIX) and value and not _is_of_kubernetes(name, value)
    }
    for name in given:
        _check_known(name.removeprefix(ENV_PREFIX).lower())
    source = EnvSettingsSource(Settings)
    # Not os.environ itself: the flags of `memeguard serve` may lie over it.
    source.env_vars = {name.lower(): value for name, value in given.items()}
    try:
        return Settings(**source())
    except ValidationError as error:
        raise SettingsError(_in_words(error)) from error


def to_env(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as environment variables; those that are None are left out."""
    return {f"{ENV_PREFIX}{key.upper()}": str(value) for key, value in values.items() if value is not None}


def _is_of_kubernetes(name: str, value: str) -> bool:
    """Its MEMEGUARD_PORT is an address; a number was meant as a setting, which there is not."""
    return _KUBERNETES.fullmatch(name) is not None and (name != f"{ENV_PREFIX}PORT" or "://" in value)


def _check_known(key: str) -> None:
    known = list(Settings.model_fields)
    if key in known:
        return
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {ENV_PREFIX}{near[0].upper()}?" if near else f"known keys: {', '.join(known)}"
    raise SettingsError(f"unknown setting {ENV_PREFIX}{key.upper()}; {hint}")


def _in_words(error: ValidationError) -> str:
    first = invalid_members(error)[0]
    if not first.location:
        return in_words(error, "settings")
    key = str(first.location[0])
    given = "" if _is_secret(key) else f" (got {first.given!r})"
    return f"{ENV_PREFIX}{key.upper()}: {first.message}{given}"


def _is_secret(key: str) -> bool:
    """Whether the value of a setting may never be shown."""
    annotation = Settings.model_fields[key].annotation
    return SecretStr in (annotation, *get_args(annotation))

"""Everything an operator can set, from environment variables named ``MEMEGUARD_<KEY>``.

``memeguard serve`` sets the same variables from its flags, so that it and ``bentoml serve`` are one code path.
"""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.bundle import COMPACT_BUNDLE
from model.errors import MemeguardError
from model.meme import DEFAULT_LIMITS, MemeLimits
from model.ocr import EngineName
from model.runtime import Provider

ENV_PREFIX = "MEMEGUARD_"
#: Kubernetes puts these into every pod beside a Service called "memeguard"; they are not ours.
_KUBERNETES = re.compile(r"MEMEGUARD_(SERVICE_(HOST|PORT)|PORT)(_\w+)?|MEMEGUARD_PORT_\d+_\w+")


class SettingsError(MemeguardError):
    """A setting that does not exist or cannot have the value it was given; the message names the variable."""


class Settings(BaseModel):
    """How this process serves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: Path = Field(COMPACT_BUNDLE, description="Bundle folder to serve.")
    ocr: EngineName = Field("rapidocr", description="OCR engine; none when callers always send the text.")
    provider: Provider = Field("cpu", description="Where the network runs; cuda needs the extra 'gpu'.")
    threads: int | None = Field(None, ge=1, description="Cores that one meme may use; unset: all.")
    concurrency: int | None = Field(None, ge=1, description="Requests judged at once by a worker; unset: one a core.")
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1, description="Largest request body; over it: 413.")
    max_items: int = Field(16, ge=1, description="Most pictures in one request; over it: 413.")
    max_bytes: int = Field(DEFAULT_LIMITS.max_bytes, ge=1, description="Largest picture file; over it: 413.")
    max_pixels: int = Field(DEFAULT_LIMITS.max_pixels, ge=1, description="Largest width x height; over it: 413.")
    max_text_chars: int = Field(DEFAULT_LIMITS.max_text_chars, ge=1, description="Longest text; over it: 413.")
    max_tags: int = Field(DEFAULT_LIMITS.max_tags, ge=0, description="Most tags of a meme; over it: 422.")
    max_tag_chars: int = Field(DEFAULT_LIMITS.max_tag_chars, ge=1, description="Longest tag; over it: 422.")

    @model_validator(mode="after")
    def _limits_hold(self) -> "Settings":
        _ = self.limits  # raises ValueError when max_pixels is beyond what the decoder allows
        return self

    @property
    def limits(self) -> MemeLimits:
        """The limits of one meme, as ``model`` takes them."""
        return MemeLimits(
            max_bytes=self.max_bytes,
            max_pixels=self.max_pixels,
            max_text_chars=self.max_text_chars,
            max_tags=self.max_tags,
            max_tag_chars=self.max_tag_chars,
        )

    @property
    def judges(self) -> int:
        """Threads that judge requests in one worker."""
        return self.concurrency or len(os.sched_getaffinity(0))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read ``MEMEGUARD_*``; an empty value counts as not set. Raises ``SettingsError`` naming the variable."""
        given = {
            name.removeprefix(ENV_PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(ENV_PREFIX) and value and not _KUBERNETES.fullmatch(name)
        }
        for key in given:
            _check_known(key)
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError(_in_words(error)) from error


def to_env(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as environment variables; those that are None are left out."""
    return {f"{ENV_PREFIX}{key.upper()}": str(value) for key, value in values.items() if value is not None}


def _check_known(key: str) -> None:
    known = list(Settings.model_fields)
    if key in known:
        return
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {ENV_PREFIX}{near[0].upper()}?" if near else f"known keys: {', '.join(known)}"
    raise SettingsError(f"unknown setting {ENV_PREFIX}{key.upper()}; {hint}")


def _in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    name = f"{ENV_PREFIX}{first['loc'][0]}".upper() if first["loc"] else "settings"
    return f"{name}: {first['msg']} (got {first['input']!r})" if first["loc"] else f"{name}: {first['msg']}"

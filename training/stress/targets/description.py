"""Schema of a YAML file that describes any HTTP moderator, and what is filled into it: secrets and memes."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from model.errors.validation import in_words
from model.files.yaml_keys import DuplicateKeyError, UniqueKeyLoader
from training.stress.targets.base import TargetError

#: Filled with a meme; a member whose value has none to be filled in is left out.
PLACES = ("{text}", "{image_base64}", "{image_url}", "{image}")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
Pointer = Annotated[str, Field(pattern=r"^(/.*)?$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RequestEntry(_Entry):
    """The body of one request: ``json`` of any depth, or the fields of a ``multipart`` form."""

    json_body: Any = Field(None, alias="json", repr=False)
    multipart: dict[str, str] | None = Field(None, repr=False)

    @model_validator(mode="after")
    def _has_one_body(self) -> Self:
        if (self.json_body is None) == (self.multipart is None):
            raise ValueError("give either json or multipart")
        if not any(place in self.written for place in PLACES):
            raise ValueError(f"it has no place for a meme; write one or more of {', '.join(PLACES)} into it")
        if "{image}" in self.written and self.multipart is None:
            raise ValueError("{image} is a file of a multipart form; in json it is {image_base64} or {image_url}")
        return self

    @property
    def written(self) -> str:
        """The whole template as text."""
        return str(self.json_body if self.multipart is None else self.multipart)

    @property
    def takes_text(self) -> bool:
        """Whether there is a place for words."""
        return "{text}" in self.written

    @property
    def takes_picture(self) -> bool:
        """Whether there is a place for a picture."""
        return any(place in self.written for place in PLACES[1:])

    def with_secrets(self) -> "RequestEntry":
        """With the environment's values in its strings; raises ``TargetError`` for one that is not set."""
        update = {"json_body": _in_strings(self.json_body), "multipart": _in_strings(self.multipart)}
        return self.model_copy(update=update)


class AnswerEntry(_Entry):
    """Where the answer says what it thinks, as JSON pointers (RFC 6901): a ``score``, or a ``flag``, or both."""

    score: Pointer | None = None
    flag: Pointer | None = None
    threshold: float | None = None

    @model_validator(mode="after")
    def _says_what_is_flagged(self) -> Self:
        if self.flag is None and (self.score is None or self.threshold is None):
            raise ValueError("give flag, or score and threshold")
        if self.flag is not None and self.threshold is not None:
            raise ValueError("flag and threshold both say what is flagged; leave one out")
        return self


class Description(_Entry):
    """A moderator. ``${NAME}`` in ``url``, ``headers`` and the strings of ``request`` is taken from the environment."""

    url: str = Field(pattern=r"^https?://")
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    request: RequestEntry
    answer: AnswerEntry
    per_second: float | None = Field(None, gt=0)
    max_calls: int | None = Field(None, ge=1)
    timeout_s: float = Field(30.0, gt=0)

    @field_validator("url")
    @classmethod
    def _holds_no_secret(cls, url: str) -> str:
        """A report shows the address as it is written."""
        parts = urlsplit(url)
        for what, written in (("query", parts.query), ("user or password", parts.netloc.rpartition("@")[0])):
            if written and _VARIABLE.search(written) is None:
                raise ValueError(f"its {what} may be secret; write ${{NAME}} for what the environment holds")
        return url

    @property
    def identity(self) -> dict[str, Any]:
        """What answers depend on: address and templates as they are written, headers by names and one digest."""
        headers = json.dumps(sorted(self.headers.items())).encode()
        return {
            "kind": "described",
            "url": self.url,
            "headers": sorted(self.headers),
            "headers_sha256": hashlib.sha256(headers).hexdigest(),
            "request": self.request.model_dump(by_alias=True, exclude_none=True),
            "answer": self.answer.model_dump(exclude_none=True),
        }


def read_description(path: Path) -> Description:
    """Raises ``TargetError`` for a file that cannot be used; it never repeats what stands in it."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), UniqueKeyLoader)  # noqa: S506
        return Description.model_validate(document)
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror}; name the YAML file of a moderator") from error
    except ValidationError as error:
        raise TargetError(f"{path}: {in_words(error, 'the file')}; docs/stress.md has an example") from error
    except DuplicateKeyError as error:
        raise TargetError(f"{path}: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TargetError(f"{path}: this is no YAML; docs/stress.md has an example") from error


def with_secrets(template: str, what: str) -> str:
    """``template`` with the environment's values; raises ``TargetError`` that names a variable which is not set."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise TargetError(f"{what} needs the environment variable {found[1]}, which is not set")
        return os.environ[found[1]]

    return _VARIABLE.sub(value, template)


def _in_strings(template: Any) -> Any:
    if isinstance(template, str):
        return with_secrets(template, "request")
    if isinstance(template, dict):
        return {key: _in_strings(one) for key, one in template.items()}
    return [_in_strings(one) for one in template] if isinstance(template, list) else template


def filled(template: Any, values: Mapping[str, str | None]) -> Any:
    """``template`` with ``values`` by place. Members and list items of which no place has a value are left out."""
    if isinstance(template, str):
        return _placed(template, values)
    if isinstance(template, dict):
        return {key: filled(one, values) for key, one in template.items() if not _lacks(one, values)}
    if isinstance(template, list):
        return [filled(one, values) for one in template if not _lacks(one, values)]
    return template


def _lacks(template: Any, values: Mapping[str, str | None]) -> bool:
    """Whether it has places, and no value for them: of a text for one of its places, of what holds several for all."""
    if isinstance(template, str):
        return any(place in template and value is None for place, value in values.items())
    parts = template.values() if isinstance(template, dict) else template if isinstance(template, list) else ()
    placed = [part for part in parts if any(place in str(part) for place in values)]
    return bool(placed) and all(_lacks(part, values) for part in placed)


def _placed(template: str, values: Mapping[str, str | None]) -> str:
    """All at once, so that a place's name within somebody's words stays as it is."""
    return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]] or "", template)

"""Files of categories: YAML that names each with a description or with examples, and what may stand in it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from model.errors import MemeguardError
from model.errors.validation import invalid_members
from model.files.yaml_keys import DuplicateKeyError, UniqueKeyLoader
from model.taxonomy import TASKS

LEAST_EXAMPLES, MOST_EXAMPLES, MOST_CATEGORIES = 5, 200, 50
_LONGEST = 2000
#: Names stand in verdicts, policies and command lines.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class CategoryFileError(MemeguardError):
    """A file of categories that cannot be used; the message names file, category and key. It holds no example."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExampleEntry(_Strict):
    """A meme: a picture beside the file, with its words where they are given; or a sentence."""

    image: Annotated[str, Field(min_length=1)] | None = None
    text: Annotated[str, Field(max_length=_LONGEST)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "ExampleEntry":
        if self.image is None and not (self.text or "").strip():
            raise ValueError("give image, text or both")
        return self


def _sentence(given: object) -> object:
    """A sentence may stand without a key."""
    return {"text": given} if isinstance(given, str) else given


Example = Annotated[ExampleEntry, BeforeValidator(_sentence)]


class CategoryEntry(_Strict):
    """One category."""

    description: Annotated[str, Field(min_length=3, max_length=_LONGEST)] | None = None
    examples: Annotated[list[Example], Field(min_length=LEAST_EXAMPLES, max_length=MOST_EXAMPLES)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "CategoryEntry":
        if (self.description is None) == (self.examples is None):
            raise ValueError("give either description or examples")
        return self


class _FileEntry(_Strict):
    format_version: Literal[1]
    categories: dict[Name, CategoryEntry] = Field(min_length=1, max_length=MOST_CATEGORIES)
    background: list[Example] = Field(default_factory=list, max_length=1000)


@dataclass(frozen=True)
class CategoryFile:
    """What a file says. ``digest`` is the sha256 of its bytes and of the pictures that it names."""

    path: Path
    digest: str
    categories: dict[str, CategoryEntry]
    background: tuple[ExampleEntry, ...]

    def picture(self, example: ExampleEntry) -> Path | None:
        """Where the picture of an example lies."""
        return None if example.image is None else self.path.parent / example.image


def read_category_file(path: Path) -> CategoryFile:
    """Read and check a file, and that its pictures are there; raises ``CategoryFileError``."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CategoryFileError(f"{path}: cannot be read ({error.strerror}); give a file that is there") from error
    entry = _parsed(path, content)
    found = CategoryFile(path, "", entry.categories, tuple(entry.background))
    digest = hashlib.sha256(content)
    for place, example in examples_of(found):
        digest.update(_picture_digest(found, place, example))
    return CategoryFile(path, digest.hexdigest(), entry.categories, tuple(entry.background))


def category_names(path: Path | None) -> tuple[str, ...]:
    """The categories of a file, none for None; raises ``CategoryFileError``."""
    return () if path is None else tuple(read_category_file(path).categories)


def examples_of(file: CategoryFile) -> Iterable[tuple[str, ExampleEntry]]:
    """All examples with their places."""
    for name, entry in file.categories.items():
        for at, example in enumerate(entry.examples or (), start=1):
            yield f"categories.{name}.examples: example {at}", example
    for at, example in enumerate(file.background, start=1):
        yield f"background: example {at}", example


def _picture_digest(file: CategoryFile, place: str, example: ExampleEntry) -> bytes:
    picture = file.picture(example)
    try:
        return b"" if picture is None else hashlib.sha256(picture.read_bytes()).digest()
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        reason = error.strerror if isinstance(error, OSError) else "no name of a file"
        raise CategoryFileError(f"{file.path}: {place}: its picture cannot be read ({reason})") from error


def _parsed(path: Path, content: bytes) -> _FileEntry:
    try:
        document = yaml.load(content.decode("utf-8-sig"), UniqueKeyLoader)  # noqa: S506  a SafeLoader
    except UnicodeDecodeError as error:
        raise CategoryFileError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except yaml.YAMLError as error:  # its own message quotes the file
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = error.problem if isinstance(error, DuplicateKeyError) else "this is not YAML"
        raise CategoryFileError(f"{path}: {what}{place}; correct it there") from error
    if not isinstance(document, dict):
        raise CategoryFileError(f"{path}: the file holds no keys; begin it with format_version: 1 and categories:")
    try:
        entry = _FileEntry.model_validate(document)
    except ValidationError as error:
        raise CategoryFileError(f"{path}: {_what(error)}") from error
    for name in entry.categories:
        if name in TASKS:
            raise CategoryFileError(f"{path}: categories.{name}: a task has this name; call the category otherwise")
    return entry


def _what(error: ValidationError) -> str:
    """The first thing that is wrong, with its place; keys are repeated, values never."""
    first = invalid_members(error)[0]
    steps = [f"example {step + 1}" if isinstance(step, int) else step for step in first.location if step != "[key]"]
    return f"{'.'.join(steps)}: {_MESSAGES.get(first.kind, first.message)}"


_MESSAGES = {
    "extra_forbidden": "there is no such key; a category has description or examples, an example image and text",
    "missing": "this key is missing; add it",
    "string_type": 'this is not a string; put it in quotes ("1")',
    "string_pattern_mismatch": "not a name; use up to 64 letters, digits, _ and -, and begin with a letter or digit",
    "too_short": f"too few; give {LEAST_EXAMPLES} to {MOST_EXAMPLES} examples, or at least one category",
    "too_long": f"too many; at most {MOST_EXAMPLES} examples and {MOST_CATEGORIES} categories",
}

"""A training config from its YAML file and ``key=value`` arguments, with errors that name the key and a close match."""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ValidationError
from yaml import YAMLError

from model.errors.validation import InvalidMember, invalid_members
from training.errors import ConfigError
from training.run.config import TrainConfig

CONFIGS = Path(__file__).parents[2] / "configs"
_MAX_ERRORS = 5


def config_path(text: str) -> Path:
    """The file at ``text``, or the config of that name that comes with the code; raises ``ConfigError`` for neither."""
    shipped = {path.stem: path for path in sorted(CONFIGS.glob("*.yaml"))}
    if Path(text).is_file():
        return Path(text)
    if text in shipped:
        return shipped[text]
    raise ConfigError(f"no config at {text!r}; give a YAML file, or the name of one of: {', '.join(shipped)}")


def load_train_config(path: Path, overrides: Sequence[str] = (), data_root: Path | None = None) -> TrainConfig:
    """The config at ``path`` with ``overrides`` ("phases.0.epochs=2") on top and every path made absolute.

    Relative paths of data lie below ``data_root``, or below the working folder. Raises ``ConfigError`` naming every key
    that does not fit (the first five), what is allowed there, and the name that was probably meant.
    """
    document = _document(path)
    for override in overrides:
        _apply(document, override)
    try:
        plain = OmegaConf.to_container(document, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path}: {_first_line(error)}") from error
    placed = parse_train_config(plain, path).with_paths(data_root)
    return parse_train_config(placed.plain(), path)  # two ways of writing one path are the same only now


def parse_train_config(plain: Any, place: Path) -> TrainConfig:
    """The config that plain values make; ``place`` is named in the ``ConfigError`` that is raised when they do not."""
    try:
        return TrainConfig.model_validate(plain)
    except ValidationError as error:
        lines = [_in_words(entry) for entry in _innermost(invalid_members(error))[:_MAX_ERRORS]]
        raise ConfigError(f"{place}: " + "; ".join(lines)) from error


def _document(path: Path) -> DictConfig:
    try:
        document = OmegaConf.load(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({type(error).__name__}); give a YAML file") from error
    except (YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, DictConfig):
        raise ConfigError(f"{path}: a config is a mapping of keys to values; see training/configs/ for examples")
    return document


def _apply(document: DictConfig, override: str) -> None:
    key, equals, _ = override.partition("=")
    if not equals or not key or "" in key.split("."):
        raise ConfigError(f"{override!r}: write key=value, with dots into mappings and lists: phases.0.epochs=2")
    try:
        value = OmegaConf.from_dotlist([f"value{override[len(key) :]}"]).value
        OmegaConf.update(document, key, value, force_add=True)
    except IndexError as error:
        raise ConfigError(f"{override!r}: the list has no such place; lists count from 0") from error
    except (ValueError, TypeError, YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{override!r}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _innermost(members: Sequence[InvalidMember]) -> list[InvalidMember]:
    """Without what follows from an error further in: a list is called too short when its one item does not fit."""
    places = [member.location for member in members]
    return [
        member
        for member in members
        if not any(place != member.location and place[: len(member.location)] == member.location for place in places)
    ]


def _in_words(member: InvalidMember) -> str:
    """One error: where, what, and what is allowed."""
    # Names in angle brackets are members of a union, not keys.
    location = tuple(step for step in member.location if not str(step).startswith("<"))
    key = ".".join(map(str, location)) or "config"
    if member.kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{key}: no such key; {_meant(location)}allowed: {', '.join(_keys_at(location[:-1]))}"
    if member.kind in ("missing", "missing_argument"):
        return f"{key}: is missing"
    shown = "" if member.kind == "value_error" or isinstance(member.given, Mapping) else f", got {member.given!r}"
    return member.message if key == "config" else f"{key}: {member.message}{shown}"


def _meant(location: Sequence[int | str]) -> str:
    """The key that was probably meant: of that very name one level further in, or of a like name in the same place."""
    name = str(location[-1])
    inside = list(_inside(name)) if len(location) == 1 else []
    close = inside or get_close_matches(name, _keys_at(location[:-1]), n=1)
    return f"did you mean {close[0]!r}? " if close else ""


def _inside(name: str) -> Iterator[str]:
    for key, annotation in _types(TrainConfig).items():
        place = f"{key}.0" if get_origin(annotation) is tuple else key
        yield from (f"{place}.{name}" for model in _models_in(annotation) if name in _types(model))


def _keys_at(location: Sequence[int | str]) -> list[str]:
    """Names of the fields of the model, or models, that ``location`` leads to from ``TrainConfig`` on."""
    models: list[Any] = [TrainConfig]
    for step in location:
        inner = [found for model in models if step in _types(model) for found in _models_in(_types(model)[step])]
        models = inner or models  # a step of its own is a place in a list
    return list(dict.fromkeys(name for model in models for name in _types(model)))


def _types(model: Any) -> dict[str, Any]:
    if is_dataclass(model):
        return {field.name: field.type for field in fields(model)}
    return {name: field.annotation for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[Any]:
    """Models and dataclasses named in a type: of ``tuple[Phase, ...] | None`` it is ``Phase``."""
    if get_origin(annotation) in (Union, types.UnionType, tuple, list) or get_args(annotation):
        for part in get_args(annotation):
            yield from _models_in(part)
    elif isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation)):
        yield annotation

"""Sets of templates and the words for their slots, read from YAML and checked.

A slot is the name of a list of words in braces: ``{groups}``. ``{Groups}`` begins with a capital, ``{GROUPS}`` is all
capitals, and ``{a_job}`` comes with its article.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from training.datasets.base import DatasetError, existing

FUNCTIONS_FILE, WORDS_FILE = "functions.yaml", "words.yaml"
SLOT = re.compile(r"\{([A-Za-z_]+)\}")
_ARTICLE = re.compile(r"^an?_")
#: What a slot of a group is called in templates, by the form of the group that fills it.
_GROUP_SLOTS = {"plural": "groups", "one": "one"}
_CLASS = "class"
#: An entry of a file of templates says with it that its sentences keep a group away, which is odd of women or the old.
_APART = "apart"
_EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Group:
    """A group of people: the characteristic for which it is attacked, and its words by the slot that they fill.

    ``is_everywhere``: it is in every family and street.
    """

    name: str
    characteristic: str
    forms: Mapping[str, tuple[str, ...]]
    is_everywhere: bool = False


@dataclass(frozen=True)
class Words:
    """What slots are filled with: forms of one group, and lists that have nothing to do with it."""

    groups: tuple[Group, ...]
    slots: Mapping[str, tuple[str, ...]]
    openers: tuple[str, ...]
    tails: tuple[str, ...]

    @property
    def group_slots(self) -> frozenset[str]:
        """The slots that some group fills."""
        return frozenset(slot for group in self.groups for slot in group.forms)


@dataclass(frozen=True)
class Template:
    """A sentence with slots; ``id`` is of its words, so that it stays when others are added."""

    function: str
    is_hateful: bool
    text: str

    @property
    def id(self) -> str:
        """Eight hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:8]

    @property
    def slots(self) -> frozenset[str]:
        """The names of the lists that its slots are filled from."""
        return frozenset(slot_name(written) for written in SLOT.findall(self.text))


@dataclass(frozen=True)
class TemplateSet:
    """Templates that differ in little and are filled alike; ``is_apart``: not with groups that are everywhere."""

    templates: tuple[Template, ...]
    is_apart: bool = False

    @property
    def id(self) -> str:
        """That of its first template."""
        return self.templates[0].id

    @property
    def slots(self) -> frozenset[str]:
        """Those of all its templates."""
        return frozenset().union(*(template.slots for template in self.templates))


def slot_name(written: str) -> str:
    """The list that a slot is filled from: ``animal`` for ``{A_animal}``; ``{group}`` is ``{one}``."""
    name = _ARTICLE.sub("", written.lower())
    return "one" if name == "group" else name


def read_words(folder: Path) -> Words:
    """The groups and lists of ``words.yaml``; raises ``DatasetError``."""
    document = _mapping(folder / WORDS_FILE)
    groups = tuple(_group(name, forms) for name, forms in document["groups"].items())
    slots = {name: _words(values) for name, values in document["slots"].items()}
    return Words(groups, slots, _words(document["openers"]), _words(document["tails"]))


def read_sets(path: Path, words: Words) -> list[TemplateSet]:
    """The sets of one split. Raises ``DatasetError`` for a function or a slot that is not known."""
    functions = _mapping(path.parent / FUNCTIONS_FILE)
    is_hateful = {name: label == "hateful" for label, names in functions.items() for name in names}
    sets = [_set(entry, is_hateful, path) for entry in _document(path)]
    known = words.group_slots | words.slots.keys()
    for one in sets:
        unknown = sorted(one.slots - known)
        if unknown:
            raise DatasetError(f"{path}: template {one.id} has a slot {unknown[0]!r}; known are: {sorted(known)}")
    return sets


def _set(entry: Mapping[str, Any], is_hateful: Mapping[str, bool], path: Path) -> TemplateSet:
    texts = {name: value for name, value in entry.items() if name != _APART}
    unknown = sorted(texts.keys() - is_hateful.keys())
    if unknown or not texts:
        raise DatasetError(f"{path}: {unknown or entry} is no function of {FUNCTIONS_FILE}")
    templates = tuple(Template(name, is_hateful[name], text) for name, text in texts.items())
    return TemplateSet(templates, is_apart=bool(entry.get(_APART)))


def _group(name: str, given: Mapping[str, Any]) -> Group:
    forms = {_GROUP_SLOTS.get(key, key): _words(value) for key, value in given.items() if key not in _NO_FORMS}
    return Group(name, given[_CLASS], forms, bool(given.get(_EVERYWHERE)))


_NO_FORMS = (_CLASS, _EVERYWHERE)


def _words(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _mapping(path: Path) -> dict[str, Any]:
    document = _document(path)
    if not isinstance(document, dict):
        raise DatasetError(f"{path}: expected a mapping")
    return document


def _document(path: Path) -> Any:
    try:
        return yaml.safe_load(existing(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise DatasetError(f"{path}: not YAML: {' '.join(str(error).split())}") from error

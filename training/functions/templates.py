"""Functions and their pairs of memes as templates, and the words that fill them, read from YAML and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from training.datasets import DatasetError
from training.datasets.base import existing
from training.datasets.minimal_pairs import SHIPPED as MINIMAL_PAIRS
from training.datasets.minimal_pairs.templates import SLOT, Group, read_words, slot_name

#: The folder of the files that ship with the code.
SHIPPED = Path(__file__).parent
CASES_FILE, WORDS_FILE, DRAWINGS_FILE = "cases.yaml", "words.yaml", "drawings.yaml"
#: In place of a drawing's name: the sign of the group.
SIGN = "sign"
_RECLAIMED = "reclaimed"

Label = Literal["hateful", "harmless"]
_LABELS: dict[str, Label] = {label: label for label in get_args(Label)}


@dataclass(frozen=True)
class MemeTemplate:
    """A sentence with slots, and the drawings that it goes with, one a group in turn."""

    text: str
    pictures: tuple[str, ...]

    @property
    def slots(self) -> frozenset[str]:
        """The names of the lists that its slots are filled from."""
        return frozenset(slot_name(written) for written in SLOT.findall(self.text))


@dataclass(frozen=True)
class PairTemplate:
    """A hateful and a harmless meme that differ in the words alone or in the picture alone."""

    hateful: MemeTemplate
    harmless: MemeTemplate

    @property
    def differs_in(self) -> Literal["picture", "words"]:
        """What tells the two apart."""
        return "picture" if self.hateful.text == self.harmless.text else "words"

    def asks_for(self, slot: str) -> bool:
        """Whether one of the two has that slot, or shows the sign of the group (``SIGN``)."""
        both = (self.hateful, self.harmless)
        return any(slot in one.slots or (slot == SIGN and SIGN in one.pictures) for one in both)


@dataclass(frozen=True)
class Function:
    """What a case does. ``label`` is that of the meme which does it; the other one of a pair is its twin."""

    name: str
    label: Label
    says: str
    pairs: tuple[PairTemplate, ...]


@dataclass(frozen=True)
class TargetGroup:
    """A group of people with its forms, and the drawing that says who is meant; None: there is none."""

    group: Group
    sign: str | None
    reclaimed: str | None

    def fits(self, pair: PairTemplate) -> bool:
        """Whether it has the sign and the reclaimed word where the pair asks for them."""
        lacks = {SIGN: self.sign is None, _RECLAIMED: self.reclaimed is None}
        return not any(lacking and pair.asks_for(slot) for slot, lacking in lacks.items())

    @property
    def forms(self) -> dict[str, str]:
        """What it puts into slots: the first form of each kind."""
        forms = {slot: found[0] for slot, found in self.group.forms.items()}
        return forms if self.reclaimed is None else forms | {_RECLAIMED: self.reclaimed}


@dataclass(frozen=True)
class FunctionalTest:
    """All that cases are made of. ``slots`` are lists with one word for each of ``groups``."""

    functions: tuple[Function, ...]
    groups: tuple[TargetGroup, ...]
    slots: Mapping[str, Sequence[str]]
    drawings: Mapping[str, Any]


def read_functional_test(folder: Path = SHIPPED) -> FunctionalTest:
    """The functions, groups, words and drawings of a folder; raises ``DatasetError`` saying what does not fit."""
    words = _document(folder / WORDS_FILE)
    functions = tuple(_function(entry, folder / CASES_FILE) for entry in _document(folder / CASES_FILE))
    groups = _groups(words["groups"], folder / WORDS_FILE)
    test = FunctionalTest(functions, groups, words["slots"], _document(folder / DRAWINGS_FILE))
    _check(test)
    return test


def _function(entry: Mapping[str, Any], path: Path) -> Function:
    try:
        pairs = tuple(_pair(pair) for pair in entry["pairs"])
        return Function(entry["function"], _LABELS[entry["label"]], entry["says"], pairs)
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: function {entry.get('function')!r}: {error}") from error


def _pair(entry: Mapping[str, Any]) -> PairTemplate:
    """Two memes that have ``text`` or ``picture`` in common; raises ``ValueError`` for both or none."""
    if len(entry.keys() & {"text", "picture"}) != 1:
        raise ValueError("a pair has one of text and picture in common, and differs in the other")
    hateful, harmless = entry["hateful"], entry["harmless"]
    if "text" in entry:
        return PairTemplate(*(MemeTemplate(entry["text"], _names(pictures)) for pictures in (hateful, harmless)))
    return PairTemplate(*(MemeTemplate(text, _names(entry["picture"])) for text in (hateful, harmless)))


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _groups(given: Mapping[str, Mapping[str, str]], path: Path) -> tuple[TargetGroup, ...]:
    known = {group.name: group for group in read_words(MINIMAL_PAIRS).groups}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise DatasetError(f"{path}: minimal_pairs has no group {unknown[0]!r}; it has {', '.join(known)}")
    return tuple(TargetGroup(known[name], own.get(SIGN), own.get(_RECLAIMED)) for name, own in given.items())


def _check(test: FunctionalTest) -> None:
    """Raises ``DatasetError`` for a short list of words, and for a drawing or slot that there is not."""
    short = [slot for slot, words in test.slots.items() if len(set(words)) < len(test.groups)]
    if short:
        raise DatasetError(f"{WORDS_FILE}: {short[0]} has fewer words than there are groups ({len(test.groups)})")
    memes = [meme for one in test.functions for pair in one.pairs for meme in (pair.hateful, pair.harmless)]
    pictures = {name for meme in memes for name in meme.pictures} | {one.sign for one in test.groups if one.sign}
    missing = sorted(pictures - test.drawings.keys() - {SIGN})
    if missing:
        raise DatasetError(f"{DRAWINGS_FILE} has no drawing {missing[0]!r}")
    known = test.slots.keys() | {slot for one in test.groups for slot in one.forms}
    odd = sorted({slot for meme in memes for slot in meme.slots} - known)
    if odd:
        raise DatasetError(f"{CASES_FILE} has a slot {odd[0]!r}; known are {', '.join(sorted(known))}")


def _document(path: Path) -> Any:
    try:
        return yaml.safe_load(existing(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise DatasetError(f"{path}: not YAML: {' '.join(str(error).split())}") from error

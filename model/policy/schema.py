"""What may stand in a policy file, key by key."""

import difflib
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from model.bundle import Thresholds
from model.errors.validation import invalid_members
from model.modality import MODALITIES, Modality
from model.policy.policy import Band
from model.policy.word_lists import MAX_ENTRY_CHARS, folded_entry
from model.verdict import Action, Decision, KnownAction

#: Names stand in verdicts, logs and command lines.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Probability = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ThresholdsEntry(_Strict):
    """Probabilities at and above which a task asks for review, or blocks."""

    review: Probability
    block: Probability | Literal["never"]

    @field_validator("block", mode="before")
    @classmethod
    def _is_number_or_never(cls, block: object) -> object:
        if block != "never" and (isinstance(block, bool) or not isinstance(block, int | float)):
            raise ValueError("give a number from 0 to 1, or never")
        return block

    @model_validator(mode="after")
    def _ascend(self) -> "ThresholdsEntry":
        if self.block != "never" and self.block < self.review:
            raise ValueError(f"block {self.block} is below review {self.review}; give block at least review")
        return self

    def thresholds(self) -> Thresholds:
        """As ``decide`` takes them."""
        return Thresholds(review=self.review, block=None if self.block == "never" else self.block)


def _form(given: object) -> str:
    """Which of the two forms of thresholds a file has: those of all memes, or of some modalities."""
    is_by_modality = isinstance(given, dict) and (
        not given.keys().isdisjoint(MODALITIES) or any(isinstance(value, dict) for value in given.values())
    )
    return "<by modality>" if is_by_modality else "<alike>"


ThresholdsEntries = Annotated[
    Annotated[ThresholdsEntry, Tag("<alike>")] | Annotated[dict[Modality, ThresholdsEntry], Tag("<by modality>")],
    Discriminator(_form),
]


class BandEntry(_Strict):
    """A severity and the lowest score that has it."""

    name: Name
    lower: Probability = Field(alias="from")

    def band(self) -> Band:
        """As ``decide`` takes it."""
        return Band(self.name, self.lower)


def _ascending(bands: list[BandEntry]) -> list[BandEntry]:
    bounds = [band.lower for band in bands]
    if not bounds or bounds[0] != 0:
        raise ValueError("the first band begins at another score than 0; give it from: 0")
    if any(after <= before for before, after in pairwise(bounds)):
        raise ValueError("the bands do not ascend; give each a higher from than the one before")
    if len({band.name for band in bands}) < len(bands):
        raise ValueError("two bands have one name; name each differently")
    return bands


Bands = Annotated[list[BandEntry], AfterValidator(_ascending)]


class WordListEntry(_Strict):
    """Words in place, or the name of a file beside the policy with one on each line."""

    action: Action
    entries: list[str] | None = None
    file: str | None = None
    whole_words: bool = Field(True, strict=True)

    @field_validator("entries")
    @classmethod
    def _can_be_found(cls, entries: list[str] | None) -> list[str] | None:
        if entries is not None:
            check_entries(entries)
        return entries

    @field_validator("file")
    @classmethod
    def _is_beside(cls, file: str | None) -> str | None:
        if file is not None and (not file.strip(".") or "/" in file or "\0" in file):
            raise ValueError("not the plain name of a file; put the file beside the policy file and give its name")
        return file

    @model_validator(mode="after")
    def _one_source(self) -> "WordListEntry":
        if (self.entries is None) == (self.file is None):
            raise ValueError("give either entries or file")
        return self


class PartialEntry(_Strict):
    """What is done where something of a meme was not judged."""

    text: Decision = "review"
    picture: Decision = "review"


class BankRuleEntry(_Strict):
    """What is done about a meme that a bank knows, where it is not what the bank asks for."""

    same_meme: KnownAction | None = None
    same_picture: KnownAction | None = None
    same_words: KnownAction | None = None


def _as_asked(given: object) -> object:
    """``NAME:`` with nothing behind it: as the bank asks for."""
    return {} if given is None else given


BankRuleEntries = Annotated[BankRuleEntry, BeforeValidator(_as_asked)]


class PolicyEntry(_Strict):
    """One policy."""

    version: Annotated[str, Field(min_length=1, max_length=64)]
    extends: Literal["bundle"] | None = None
    thresholds: dict[str, ThresholdsEntries] = Field(default_factory=dict)
    severity: dict[str, Bands] = Field(default_factory=dict)
    word_lists: dict[Name, WordListEntry] = Field(default_factory=dict)
    partial: PartialEntry = PartialEntry()
    banks: dict[Name, BankRuleEntries] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> "PolicyEntry":
        if not (self.extends or self.thresholds or self.word_lists or self.banks):
            raise ValueError("it would allow everything; give thresholds, word_lists or banks, or extends: bundle")
        return self


class PolicyFileEntry(_Strict):
    """The whole file."""

    format_version: Literal[1]
    default: Name | None = None
    policies: dict[Name, PolicyEntry] = Field(min_length=1)


def check_entries(entries: list[str]) -> None:
    """Raise ``ValueError`` naming the first entry that is too long or could never be found, by its place."""
    if not entries:
        raise ValueError("there is no entry; give at least one, or leave the list out")
    for place, entry in enumerate(entries, start=1):
        if len(entry) > MAX_ENTRY_CHARS:
            raise ValueError(f"entry {place} has {len(entry)} characters; at most {MAX_ENTRY_CHARS}")
        if not folded_entry(entry):
            raise ValueError(f"entry {place} is blank once it is normalised; take it out")


def parse_document(document: object) -> PolicyFileEntry:
    """What a YAML file holds; raises ``ValueError`` naming policy and key and saying what to do.

    Of what was given it repeats keys and task names alone, never a value.
    """
    if not isinstance(document, dict):
        raise ValueError("the file holds no keys; begin it with format_version: 1 and policies:")  # noqa: TRY004
    try:
        return PolicyFileEntry.model_validate(document)
    except ValidationError as error:
        first = invalid_members(error)[0]
        place = [str(part) for part in first.location if not str(part).startswith(_STEPS_OF_PYDANTIC)]
        raise ValueError(f"{_where(place)}: {_what(first.kind, first.message, place[-1])}") from error


#: What pydantic adds to a place for the branch of a union that was tried, and for a key.
_STEPS_OF_PYDANTIC = ("constrained-", "literal[", "[key]", "<")


def _where(place: list[str]) -> str:
    if place[0] != "policies" or len(place) == 1:
        return ".".join(place)
    inner = ".".join(place[2:])
    return f"policy {place[1]!r}: {inner}" if inner else f"policy {place[1]!r}"


def _what(kind: str, message: str, key: str) -> str:
    if kind == "extra_forbidden":
        known = sorted(_KNOWN_KEYS)
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"take it out, or use one of: {', '.join(known)}"
        return f"there is no such key; {hint}"
    if kind == "missing":
        return "this key is missing; add it"
    if kind == "string_type":
        return 'this is not a string; put it in quotes ("1")'
    if kind == "string_pattern_mismatch":
        return "not a name; use up to 64 letters, digits and _ . - and begin with a letter or digit"
    return message.replace("Input should be", "this should be")


_KNOWN_KEYS = {
    field.alias or name
    for entry in (PolicyFileEntry, PolicyEntry, ThresholdsEntry, BandEntry, WordListEntry, PartialEntry, BankRuleEntry)
    for name, field in entry.model_fields.items()
}

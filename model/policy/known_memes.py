"""What a policy makes of a meme that its banks know: grounds for a decision, or a reason that scores do not count.

A bank's action goes for ``same_meme``. The same picture with other words, or the same words on another picture, may
say something else: of a bank that asks for review or block they are a ground for review, of a benign one for nothing.
A policy may say otherwise for each kind of match.

A benign match takes away the grounds that scores are, and no others: neither those of word lists and of other banks,
nor that something of the meme was not judged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from model.known.matching import BankAction, MatchKind
from model.policy.policy import BankRule
from model.verdict import KnownAction, KnownMeme

_TOLD: dict[MatchKind, str] = {
    "same_meme": "the same meme as",
    "same_picture": "the picture, with other words, of",
    "same_words": "the words, with another picture, of",
}


@dataclass(frozen=True)
class BankMatch:
    """An entry that a meme was found to be, and what its bank asks for about the same meme."""

    bank: str
    entry: str
    kind: MatchKind
    bank_action: BankAction
    picture_distance: int | None = None
    words_distance: float | None = None
    mirrored: bool = False
    quarantined: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON; what the bank asks for is told as ``action``."""
        row = dict(vars(self))
        return row | {"action": row.pop("bank_action")}


@dataclass(frozen=True)
class BankAnswer:
    """What banks say of a meme. ``missing`` are those that were asked for and are not there."""

    matches: tuple[BankMatch, ...] = ()
    missing: tuple[str, ...] = ()


def not_asked(rules: Sequence[BankRule]) -> BankAnswer:
    """The answer where there are no banks to ask."""
    return BankAnswer(missing=tuple(rule.name for rule in rules))


def known_memes(answer: BankAnswer, rules: Sequence[BankRule]) -> tuple[KnownMeme, ...]:
    """The matches, with what they ask for under ``rules``; those of banks that no rule names are left out."""
    by_name = {rule.name: rule for rule in rules}
    return tuple(_known_meme(match, by_name[match.bank]) for match in answer.matches if match.bank in by_name)


def reason_of(known: KnownMeme) -> str:
    """Why a match counts, or does not; it may be logged: it names the entry by its id."""
    where = f"bank {known.bank}: {_TOLD[known.kind]} entry {known.entry}"
    if known.quarantined:
        return f"{where}, which is quarantined for matching too often"
    return f"{where}, which asks for {known.action}"


def missing_reasons(answer: BankAnswer) -> Iterator[tuple[str, str]]:
    """For each bank that is not there, its name and what that means."""
    for name in answer.missing:
        yield name, f"bank {name}: it is not there, so nobody knows whether the meme is in it"


def _known_meme(match: BankMatch, rule: BankRule) -> KnownMeme:
    return KnownMeme(
        match.bank,
        match.entry,
        match.kind,
        _action(match, rule),
        match.picture_distance,
        match.words_distance,
        match.mirrored,
        match.quarantined,
    )


def _action(match: BankMatch, rule: BankRule) -> KnownAction:
    asked: KnownAction | None = getattr(rule, match.kind)
    if asked is None:
        asked = match.bank_action if match.kind == "same_meme" else _of_a_part(match.bank_action)
    if not match.quarantined:
        return asked
    return "review" if asked == "block" else "none" if asked == "benign" else asked


def _of_a_part(bank_action: BankAction) -> KnownAction:
    return "none" if bank_action == "benign" else "review"

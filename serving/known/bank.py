"""Bank of known memes, and its entries, as plain values that have been checked."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from model.errors import MemeguardError
from model.known.fingerprint import Fingerprint
from model.known.matching import BankAction

ACTIONS: tuple[BankAction, ...] = get_args(BankAction)
MAX_NOTE_CHARS = 2000
#: Where a bank says nothing: an entry that matches more often than a meme of one person travels is looked at.
DEFAULT_MATCHES_PER_HOUR = 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HEX_64 = re.compile(r"[0-9a-f]{64}")


class BankError(MemeguardError):
    """A bank or an entry that cannot be made, found or read; the message says what to do."""


class UnknownBankError(BankError):
    """There is no bank of this name."""


class BankExistsError(BankError):
    """There is a bank of this name already."""


class UnknownDecisionError(BankError):
    """There is no such decision, or nothing was kept of it that could be recognised."""


@dataclass(frozen=True)
class Bank:
    """A named list of known memes, and what is done about those that match. Distances that are None are the default."""

    name: str
    action: BankAction
    owner: str | None = None
    note: str | None = None
    expires_at: datetime | None = None
    max_matches_per_hour: int | None = None
    picture_distance: int | None = None
    words_distance: float | None = None

    def __post_init__(self) -> None:
        """Raises ``BankError`` for what no bank may be."""
        check_bank_name(self.name)
        if self.action not in ACTIONS:
            raise BankError(f"{self.action!r} is no action of a bank; give one of: {', '.join(ACTIONS)}")
        check_said(self.owner, self.note, self.expires_at)


@dataclass(frozen=True)
class NewEntry:
    """A known meme to be put into a bank: what it is recognised by, who says so, and until when."""

    fingerprint: Fingerprint
    owner: str | None = None
    note: str | None = None
    expires_at: datetime | None = None
    decision_id: str | None = None

    def __post_init__(self) -> None:
        """Raises ``BankError`` for one that could match nothing."""
        check_said(self.owner, self.note, self.expires_at)
        one = self.fingerprint
        if not one.sha256 and one.pdq is None and one.words_key is None:
            raise BankError("the entry has no hash; give pdq, sha256 or words_key")

    @property
    def hashes(self) -> tuple[str | None, bytes | None, str | None]:
        """What makes two entries of one bank the same."""
        return self.fingerprint.sha256 or None, self.fingerprint.pdq, self.fingerprint.words_key

    def row(self) -> dict[str, Any]:
        """Columns of ``bank_entries``, without those that the bank gives."""
        one = self.fingerprint
        return {
            "owner": self.owner,
            "note": self.note,
            "expires_at": self.expires_at,
            "decision_id": self.decision_id,
            "sha256": one.sha256 or None,
            "pdq": one.pdq,
            "pdq_quality": one.pdq_quality,
            "words_key": one.words_key,
        }


def check_bank_name(name: str) -> str:
    """A name that may stand for a bank: in policies, verdicts, logs and addresses."""
    if not _NAME.fullmatch(name):
        raise BankError("no name for a bank; use up to 64 letters, digits and _ . - and begin with a letter or digit")
    return name


def check_said(owner: str | None, note: str | None, expires_at: datetime | None) -> None:
    """Raise ``BankError`` for an owner, note or expiry that cannot be kept."""
    for name, value, limit in (("owner", owner, 200), ("note", note, MAX_NOTE_CHARS)):
        if value is not None and (len(value) > limit or not value.isprintable()):
            raise BankError(f"{name}: give at most {limit} characters on one line")
    if expires_at is not None and expires_at.tzinfo is None:
        raise BankError("expires_at: the moment has no time zone; give one such as 2027-01-31T00:00:00Z")


def checked_moment(text: str) -> datetime:
    """An ISO 8601 date or moment, in UTC where it names no time zone; raises ``BankError``."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BankError("no moment; give one such as 2027-01-31 or 2027-01-31T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def checked_hash(name: str, text: str) -> str:
    """64 hexadecimal digits, in small letters; raises ``BankError`` naming the field and never repeating the value."""
    found = text.strip().lower()
    if not _HEX_64.fullmatch(found):
        raise BankError(f"{name}: no hash; give 64 hexadecimal digits (got {len(text)} characters)")
    return found

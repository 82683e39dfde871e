"""Documents of ``/v1/banks`` and ``/v1/match``."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, ConfigDict, Field

from model.known.matching import BankAction, MatchKind
from serving.schemas.requests import ClassifyItem, classify_request_body
from serving.schemas.wire import Probability, Wire

_STRICT = ConfigDict(extra="forbid", frozen=True)
_NAME = "Up to 64 letters, digits and _ . - that begin with a letter or digit."
_OWNER = "Who answers for it."
_NOTE = "Why it is there, on one line."
_EXPIRES = "Until when it counts; absent: for good."
_HASH = r"^[0-9A-Fa-f]{64}$"


class BankRequest(Wire):
    """A bank to be made."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description=_NAME)
    action: BankAction = Field(description="What is done about a meme that is in it; benign: its scores do not count.")
    owner: str | None = Field(None, max_length=200, description=_OWNER)
    note: str | None = Field(None, max_length=2000, description=_NOTE)
    expires_at: AwareDatetime | None = Field(None, description=_EXPIRES)
    max_matches_per_hour: int | None = Field(
        None, ge=1, description="An entry that matches more often is quarantined; absent: 1000."
    )
    picture_distance: int | None = Field(None, ge=0, le=256, description="Bits of PDQ that may differ.")
    words_distance: Probability | None = Field(None, description="How far words may be apart.")


class BankDoc(BankRequest):
    """A bank. Distances and limits that are null are those that the server has."""

    created_at: datetime
    entries: int
    quarantined: int = Field(description="Entries that matched too often, and no longer block.")


class BanksDoc(Wire):
    """Every bank, by name."""

    banks: list[BankDoc]


class HashesRequest(Wire):
    """An entry without its meme: a past decision, or hashes alone."""

    model_config = _STRICT

    decision_id: str | None = Field(None, max_length=200, description="What is kept of it; it is deleted with it.")
    sha256: str | None = Field(None, pattern=_HASH, description="Digest of a picture file.")
    pdq: str | None = Field(None, pattern=_HASH, description="PDQ of a picture.")
    pdq_quality: int | None = Field(None, ge=0, le=100)
    words_key: str | None = Field(None, max_length=200, description="Key of words, as an answer here has it.")
    owner: str | None = Field(None, max_length=200, description=_OWNER)
    note: str | None = Field(None, max_length=2000, description=_NOTE)
    expires_at: AwareDatetime | None = Field(None, description=_EXPIRES)


class EntryDoc(Wire):
    """An entry of a bank: by what a meme is recognised."""

    entry_id: str
    bank: str
    created_at: datetime
    owner: str | None
    note: str | None
    expires_at: datetime | None
    decision_id: str | None
    sha256: str | None
    pdq: str | None = Field(description="64 hexadecimal digits.")
    pdq_quality: int | None
    words_key: str | None
    quarantined_at: datetime | None


class AddedDoc(Wire):
    """The entries of a request, in its order."""

    entries: list[EntryDoc]


class EntriesDoc(Wire):
    """Entries in the order of their ids; ``next`` is what ``after`` must be for those that follow, null at the end."""

    entries: list[EntryDoc]
    next: str | None


class BankMatchDoc(Wire):
    """An entry that a meme was found to be."""

    bank: str
    entry: str
    kind: MatchKind
    action: BankAction = Field(description="What the bank asks for about the same meme.")
    picture_distance: int | None
    words_distance: Probability | None
    mirrored: bool
    quarantined: bool


class MatchesDoc(Wire):
    """What the banks know of one meme, bank by bank, the nearest first."""

    id: str
    matches: list[BankMatchDoc]


def match_request_body(examples: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI request body of ``/v1/match``: that of ``/v1/classify``, for one meme."""
    body = classify_request_body(examples)
    body["content"]["application/json"]["schema"] = ClassifyItem.model_json_schema()
    return body


def entries_request_body() -> dict[str, Any]:
    """OpenAPI request body of new entries: memes as for ``/v1/classify``, or hashes."""
    body = classify_request_body({})
    json_body = body["content"]["application/json"]
    json_body["schema"]["anyOf"].append(HashesRequest.model_json_schema())
    return body

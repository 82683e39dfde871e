"""API keys: what one looks like, and the file that lists them.

A key is ``mg_ID_SECRET``: ID finds its entry, SECRET is 256 random bits. The file holds a plain SHA-256 of the key. A
slow hash protects words that people choose, which can be guessed; 256 random bits cannot, and a slow hash would make
every request, and above all every wrong one, cost milliseconds.
"""

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from serving.security.token_bucket import Rate

KeyScope = Literal["classify", "feedback", "review", "jobs", "metrics", "admin"]
SCOPES: tuple[KeyScope, ...] = ("classify", "feedback", "review", "jobs", "metrics", "admin")
#: In names of metrics, logs and the ledger, so nothing that would need quoting there.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY = re.compile(r"mg_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NO_HASH = "0" * 64


class KeyEntry(BaseModel):
    """One key as the file lists it. ``rate`` counts requests, ``meme_rate`` memes; None: no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: tuple[KeyScope, ...] = Field(min_length=1)
    rate: str | None = None
    meme_rate: str | None = None
    created: datetime

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        return check_name(value)

    @field_validator("rate", "meme_rate")
    @classmethod
    def _is_a_rate(cls, value: str | None) -> str | None:
        if value is not None:
            Rate.parse(value)
        return value

    def rates(self) -> dict[str, Rate]:
        """The rates of this key by the name that an answer gives them: requests, memes."""
        texts = {"requests": self.rate, "memes": self.meme_rate}
        return {name: Rate.parse(text) for name, text in texts.items() if text is not None}


class KeyList(BaseModel):
    """All keys of a server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    keys: tuple[KeyEntry, ...] = ()

    @model_validator(mode="after")
    def _no_two_alike(self) -> "KeyList":
        for field in ("name", "id"):
            values = [getattr(entry, field) for entry in self.keys]
            if len(set(values)) < len(values):
                raise ValueError(f"two keys have the same {field}")
        return self

    def find(self, key: str) -> KeyEntry | None:
        """The entry of a key as a caller sent it; None for anything else."""
        found = _KEY.fullmatch(key)
        entry = next((one for one in self.keys if found and one.id == found[1]), None)
        # The same work whether the id is known or not: the time of an answer tells nothing.
        same = hmac.compare_digest(digest_of(key), entry.sha256 if entry else _NO_HASH)
        return entry if same else None

    def by_id(self, key_id: str) -> KeyEntry | None:
        """The entry of a key that was recognised before; None: it is in force no more."""
        return next((one for one in self.keys if one.id == key_id), None)


def check_name(name: str) -> str:
    """A name that may stand for a key; raises ``ValueError`` for any other."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a key; use up to 64 letters, digits, dots, dashes and underscores")
    return name


def new_key(name: str, scopes: tuple[KeyScope, ...], rate: str | None, meme_rate: str | None) -> tuple[str, KeyEntry]:
    """A key that nobody has seen, and the entry that recognises it."""
    key_id = secrets.token_hex(6)
    key = f"mg_{key_id}_{secrets.token_urlsafe(32)}"
    created = datetime.now(UTC).replace(microsecond=0)
    entry = KeyEntry(
        name=name,
        id=key_id,
        sha256=digest_of(key),
        scopes=scopes,
        rate=rate,
        meme_rate=meme_rate,
        created=created,
    )
    return key, entry


def digest_of(key: str) -> str:
    """What the file keeps of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()

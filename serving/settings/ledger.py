"""Settings of what is kept of decisions."""

import os
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

OFF = "none"
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_FORMS = "give sqlite:////absolute/path.db, postgresql://user:password@host/database, or none"


class LedgerSettings(BaseModel):
    """Where decisions and feedback are kept, what is kept of them, and for how long."""

    ledger_url: SecretStr | None = Field(
        None,
        description="Database of decisions and feedback: sqlite:////absolute/path.db, or "
        "postgresql://user:password@host/database (needs the extra 'postgres'); none: nothing is kept; "
        "unset: the SQLite file memeguard/ledger.db in $XDG_STATE_HOME or ~/.local/state.",
    )
    ledger_store_text: bool = Field(
        False, description="Keep the judged words, the tags and the word list matches with a decision."
    )
    ledger_store_pictures: bool = Field(False, description="Keep the picture file with a decision.")
    ledger_store_fingerprints: bool = Field(
        False,
        description="Keep hashes of the picture (PDQ) and of its words with a decision: banks find past decisions by "
        "them, and no picture or word can be made of them again.",
    )
    ledger_store_features: bool = Field(
        False,
        description="Keep what the network's towers say of picture and words with a decision: memory and search "
        "compare by it.",
    )
    ledger_retention_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="Delete decisions of this age, with all that was kept of them; unset: keep them.",
    )

    @field_validator("ledger_url")
    @classmethod
    def _understood(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value() != OFF:
            _parsed(value.get_secret_value())
        return value

    @property
    def ledger_database(self) -> URL | None:
        """The database to open; None when the ledger is switched off."""
        if self.ledger_url is None:
            state = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
            return URL.create("sqlite", database=str(Path(state, "memeguard", "ledger.db").absolute()))
        url = self.ledger_url.get_secret_value()
        return None if url == OFF else _parsed(url)


def _parsed(text: str) -> URL:
    """Raises ``ValueError``, which never repeats the URL: there may be a password in it."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(f"this is no database URL; {_FORMS}") from None
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise ValueError(f"the ledger is kept in SQLite or PostgreSQL; {_FORMS}")
    if driver == "sqlite" and not (url.database and Path(url.database).is_absolute()):
        # The server does not run in the folder that it was started in.
        raise ValueError(f"the path of an SQLite file must be absolute; {_FORMS}")
    if driver != "sqlite" and not url.database:
        raise ValueError(f"the URL names no database; {_FORMS}")
    return url.set(drivername=driver)

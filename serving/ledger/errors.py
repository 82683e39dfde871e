"""Errors of the ledger."""

from sqlalchemy.engine import URL

from model.errors import MemeguardError


class LedgerError(MemeguardError):
    """The ledger cannot be used as it is; the message says why and what to do."""


class LedgerUnavailableError(LedgerError):
    """The database cannot be reached or written now. It may be so that it can again in a second."""


def database_name(url: URL) -> str:
    """Which database this is, without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}"
    port = "" if url.port is None else f":{url.port}"
    return f"postgresql://{url.host or ''}{port}/{url.database}"


def error_text(error: BaseException, url: URL) -> str:
    """The first line of what the database or the system said, without the password."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    said = lines[0] if lines else type(cause).__name__
    secrets = [url.password, *(value for key, value in url.query.items() if "password" in key)]
    for secret in secrets:
        said = said.replace(str(secret), "***") if secret else said
    return said

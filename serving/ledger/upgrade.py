"""Migrations: a ledger of any age becomes one that this code can write."""

import threading
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from serving.ledger.errors import LedgerError
from serving.ledger.tables import VERSION_TABLE

#: Any number, as long as it stays the same.
_POSTGRES_LOCK = 0x6D656D65
#: Alembic keeps its state in module globals.
_one_at_a_time = threading.Lock()


def upgrade(connection: sa.Connection, name: str) -> None:
    """Run the migrations that are missing. Of several workers one does it; the others wait and find it done.

    ``connection`` is in a transaction, which in SQLite holds the write lock already. Raises ``LedgerError`` for a
    ledger (``name``, for the message) that a newer Memeguard has written.
    """
    with _one_at_a_time:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        scripts = known_versions()
        current = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
        known = {script.revision for script in scripts.walk_revisions()}
        if current is not None and current not in known:
            raise LedgerError(
                f"the ledger {name} is of version {current}, and this Memeguard knows none after "
                f"{scripts.get_current_head()}: a newer one has used it. Start that one, or set MEMEGUARD_LEDGER_URL "
                "to another database"
            )
        if current == scripts.get_current_head():
            return
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@cache
def known_versions() -> ScriptDirectory:
    """The migrations that this code has, read once: who holds a lock should not read them meanwhile."""
    scripts = ScriptDirectory.from_config(_config())
    scripts.get_current_head()
    return scripts


def _config() -> Config:
    config = Config()
    folder = Path(__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config

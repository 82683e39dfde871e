"""What is older than the operator wants to keep is deleted, a little at a time, with room for decisions between."""

from datetime import datetime, timedelta

from serving.ledger.database import Database
from serving.ledger.queries import claim_chore, decisions_before, delete_decisions

#: How often old decisions are looked for, by one worker of all that share a ledger.
EVERY = timedelta(hours=1)
_AT_ONCE = 500


def purge(database: Database, before: datetime) -> int:
    """Delete decisions made before a moment, with feedback and pictures; how many there were."""
    deleted = 0
    while True:
        with database.writing() as connection:
            ids = decisions_before(connection, before, _AT_ONCE)
            if not ids:
                return deleted
            deleted += delete_decisions(connection, ids)


def purge_if_due(database: Database, before: datetime) -> int:
    """``purge``, unless a worker has done so within the last hour."""
    with database.writing() as connection:
        due = claim_chore(connection, "retention", EVERY)
    return purge(database, before) if due else 0

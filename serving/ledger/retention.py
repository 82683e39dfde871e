"""Deletion of decisions older than the operator keeps, some at a time, with room for new ones between."""

import time
from datetime import datetime, timedelta

from serving.ledger.database import Database
from serving.ledger.queries import claim_chore, decisions_before, delete_decisions
from serving.ledger.tables import review_actions

#: How often old decisions are looked for, by one worker of all that share a ledger.
EVERY = timedelta(hours=1)
#: Between two parts, so that those who write decisions get their turn.
PAUSE_S = 0.1
_BATCH = 500


def is_due(database: Database) -> bool:
    """Whether this worker should purge now; once an hour one of all workers is told so."""
    with database.writing() as connection:
        return claim_chore(connection, "retention", EVERY)


def purge_some(database: Database, before: datetime) -> int:
    """Delete some of the decisions made before a moment, with feedback and pictures; how many, 0 when none is left.

    Then what was done in review that is about no decision, as a sign-in is, goes too.
    """
    with database.deleting() as connection:
        ids = decisions_before(connection, before, _BATCH)
        if ids:
            return delete_decisions(connection, ids)
        connection.execute(
            review_actions.delete().where(review_actions.c.decision_id.is_(None), review_actions.c.created_at < before)
        )
        return 0


def purge(database: Database, before: datetime) -> int:
    """Delete all of them; how many there were."""
    deleted = 0
    while n := purge_some(database, before):
        deleted += n
        time.sleep(PAUSE_S)
    return deleted

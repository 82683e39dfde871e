"""Tables of the ledger. A change here needs a migration in ``migrations/versions``; a test holds both together.

Read ``columns.py``, ``decisions.py``, ``known.py``, ``review.py`` and ``jobs.py``.
"""

from serving.ledger.tables.columns import VERSION_TABLE, CleanText, UtcDateTime, metadata
from serving.ledger.tables.decisions import chores, decisions, feedback, pictures, shadow_decisions
from serving.ledger.tables.jobs import jobs
from serving.ledger.tables.known import (
    bank_entries,
    bank_matches,
    bank_removals,
    banks,
    counters,
    fingerprints,
    memory,
    memory_features,
)
from serving.ledger.tables.review import review_actions, review_golden, review_items, review_sessions

__all__ = [
    "VERSION_TABLE",
    "CleanText",
    "UtcDateTime",
    "bank_entries",
    "bank_matches",
    "bank_removals",
    "banks",
    "chores",
    "counters",
    "decisions",
    "feedback",
    "fingerprints",
    "jobs",
    "memory",
    "memory_features",
    "metadata",
    "pictures",
    "review_actions",
    "review_golden",
    "review_items",
    "review_sessions",
    "shadow_decisions",
]

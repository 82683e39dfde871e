"""Rows of ``review_items``: a decision that a person should look at, made where the decision is written.

An item is "open" until it is decided. Some are reviewed twice ("second" until the other reviewer has spoken), some are
"escalated" to a lead; "golden" ones have a known answer and stay, for each reviewer once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from model import Verdict
from model.verdict import Score
from serving.ledger.tables import review_items

State = Literal["open", "second", "escalated", "golden", "decided"]
#: Why it is an item: a policy asked, it came with an import, it was appealed, or its answer is known.
Source = Literal["policy", "import", "appeal", "golden"]
#: The task whose score stands for the meme in the queues: the first of these that the bundle has.
_SCORE_TASKS = ("hateful", "offensive", "memotion_offensive")


def item_row(
    decision: Mapping[str, Any], source: Source, state: State = "open", *, queued_at: datetime | None = None
) -> dict[str, Any]:
    """The item of a row of ``decisions``, which came into the queue when it was made, or at ``queued_at``."""
    score = leading_score(decision["scores"])
    return {
        "decision_id": decision["decision_id"],
        "queued_at": queued_at or decision["created_at"],
        "source": source,
        "state": state,
        "decision": decision["decision"],
        "policy_name": decision["policy_name"],
        "band": None if score is None else min(int(score * 10), 9),
        "bank": None,
    }


def item_of(verdict: Verdict, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The item of a verdict that is kept as ``row``; None where its policy asks for no review."""
    if verdict.decision != "review":
        return None
    return item_row(row, "policy") | {"bank": verdict.known[0].bank if verdict.known else None}


def leading_score(scores: Mapping[str, Score]) -> float | None:
    """The score that a meme is queued by; None where the bundle has no such task."""
    found = (scores[task] for task in _SCORE_TASKS if task in scores)
    return next((score for score in found if isinstance(score, float | int)), None)


def hand_back(connection: sa.Connection, reviewer: str) -> None:
    """Give back the items that somebody holds, as at the end of a session."""
    held = review_items.c.claimed_by == reviewer
    connection.execute(review_items.update().where(held).values(claimed_by=None, claimed_until=None))

"""Review by people: sessions, items, actions, golden items."""

import sqlalchemy as sa

from serving.ledger.tables.columns import CleanText, UtcDateTime, decision_id, index_where, json_column, metadata

#: Who is signed in to the pages. Of a session's token only the sha256 is kept.
review_sessions = sa.Table(
    "review_sessions",
    metadata,
    sa.Column("token_digest", CleanText, primary_key=True),
    sa.Column("key_id", CleanText),
    sa.Column("key_name", CleanText),
    sa.Column("reviewer", CleanText, nullable=False),
    sa.Column("is_lead", sa.Boolean, nullable=False),
    sa.Column("csrf", CleanText, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)


#: Decisions for people to look at; see ``review_items.py``. What queues are chosen by is copied from the decision, so
#: that the next item is found in an index. New rows come last in each index, so that a commit touches few pages of the
#: file: nothing that is indexed here is as random as a score. Who holds an item stands in it: one person at a time.
review_items = sa.Table(
    "review_items",
    metadata,
    decision_id(primary_key=True),
    sa.Column("queued_at", UtcDateTime, nullable=False),
    sa.Column("source", CleanText, nullable=False),
    sa.Column("state", CleanText, nullable=False),
    sa.Column("decision", CleanText, nullable=False),
    sa.Column("policy_name", CleanText, nullable=False),
    sa.Column("band", sa.Integer),
    sa.Column("bank", CleanText),
    sa.Column("first_reviewer", CleanText),
    sa.Column("claimed_by", CleanText),
    sa.Column("claimed_until", UtcDateTime),
    sa.Index("ix_review_items_age", "state", "queued_at"),
    sa.Index("ix_review_items_policy", "state", "policy_name", "queued_at"),
    sa.Index("ix_review_items_band", "state", "band", "queued_at"),
    index_where("ix_review_items_any_bank", "bank IS NOT NULL", "state", "queued_at"),
    index_where("ix_review_items_bank", "bank IS NOT NULL", "state", "bank", "queued_at"),
    index_where("ix_review_items_claim", "claimed_by IS NOT NULL", "claimed_by"),
)

#: Audit of the review page: all that anybody did there. ``state`` is the item's before, for undo.
review_actions = sa.Table(
    "review_actions",
    metadata,
    sa.Column("action_id", sa.Integer, primary_key=True),
    decision_id(),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sa.Column("kind", CleanText, nullable=False),
    sa.Column("reviewer", CleanText, nullable=False),
    sa.Column("key_name", CleanText),
    sa.Column("state", CleanText),
    sa.Column("labels", json_column()),
    sa.Column("reason", CleanText),
    sa.Column("feedback_id", sa.Integer),
    sa.Column("undone_at", UtcDateTime),
    # With the reviewer: who has spoken of an item is asked of every item that is looked at.
    sa.Index("ix_review_actions_decision", "decision_id", "reviewer"),
    sa.Index("ix_review_actions_reviewer", "reviewer", "action_id"),
)

#: Right answers of golden items, by which reviewers are measured.
review_golden = sa.Table(
    "review_golden",
    metadata,
    decision_id(primary_key=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("labels", json_column(), nullable=False),
    sa.Column("note", CleanText),
    sa.Column("added_by", CleanText),
)

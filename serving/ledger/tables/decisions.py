"""Decisions, what people say of them, and what would have been decided beside them."""

import sqlalchemy as sa

from serving.ledger.tables.columns import CleanText, UtcDateTime, decision_id, json_column, metadata

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("decision_id", CleanText, primary_key=True),
    sa.Column("caller_id", CleanText),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sa.Column("kind", CleanText, nullable=False),
    sa.Column("content_digest", CleanText, nullable=False, index=True),
    sa.Column("text_digest", CleanText, nullable=False),
    sa.Column("text_source", CleanText, nullable=False),
    sa.Column("text_status", CleanText, nullable=False),
    sa.Column("text_engine", CleanText),
    sa.Column("text_engine_version", CleanText),
    sa.Column("scores", json_column(), nullable=False),
    sa.Column("decision", CleanText, nullable=False),
    sa.Column("reasons", json_column(), nullable=False),
    sa.Column("severity", json_column(), nullable=False),
    sa.Column("model_name", CleanText, nullable=False),
    sa.Column("model_version", CleanText, nullable=False),
    sa.Column("model_digest", CleanText, nullable=False),
    sa.Column("model_engines", json_column()),  # null in rows that are older than the choice of an engine
    sa.Column("policy_name", CleanText, nullable=False),
    sa.Column("policy_version", CleanText, nullable=False),
    sa.Column("policy_digest", CleanText, nullable=False),
    sa.Column("key_name", CleanText),
    sa.Column("request_id", CleanText, nullable=False),
    sa.Column("route", CleanText),
    sa.Column("measures", json_column()),  # see ``measures.py``; null in rows that are older than drift
    # Content: filled only when an operator switched it on.
    sa.Column("text", CleanText),
    sa.Column("tags", json_column()),
    sa.Column("matches", json_column()),
)

#: Several rows for one decision are allowed: the last one that names a task counts for it.
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("feedback_id", sa.Integer, primary_key=True),
    sa.Column(
        "decision_id", CleanText, sa.ForeignKey("decisions.decision_id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sa.Column("labels", json_column(), nullable=False),
    sa.Column("reason", CleanText),
    sa.Column("reviewer", CleanText),
    sa.Column("key_name", CleanText),
)

#: Picture files by sha256. In the database and not in a folder: a decision and its picture are written, deleted and
#: backed up together, and servers on several machines need nothing else. Once each, since memes come again and again.
pictures = sa.Table(
    "pictures",
    metadata,
    sa.Column("digest", CleanText, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

#: What one worker does for all of them, and when it was last done.
chores = sa.Table("chores", metadata, sa.Column("name", CleanText, primary_key=True), sa.Column("done_at", UtcDateTime))


#: What a shadow would have decided. ``outcome``: "judged", "dropped" (the server was busy) or "failed" (``detail`` says
#: why); only what was judged has a decision. ``scores`` are a bundle's; under a policy they are the decision's own.
shadow_decisions = sa.Table(
    "shadow_decisions",
    metadata,
    decision_id(primary_key=True),
    sa.Column("kind", CleanText, primary_key=True),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    *(sa.Column(name, CleanText, nullable=False) for name in ("name", "version", "digest", "outcome")),
    *(sa.Column(f"policy_{part}", CleanText) for part in ("name", "version", "digest")),
    *(sa.Column(name, CleanText) for name in ("detail", "decision")),
    *(sa.Column(name, json_column()) for name in ("reasons", "scores")),
)

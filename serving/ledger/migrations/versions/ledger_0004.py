"""Review: sessions, items, actions and golden answers. Decisions that went to review are items from the start."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: The score of a decision, as ``review_items.py`` chooses it, in either dialect.
_SCORE = {
    "sqlite": "COALESCE(json_extract(scores, '$.hateful'), json_extract(scores, '$.offensive'), "
    "json_extract(scores, '$.memotion_offensive'))",
    "postgresql": "CAST(COALESCE(scores ->> 'hateful', scores ->> 'offensive', scores ->> 'memotion_offensive') "
    "AS DOUBLE PRECISION)",
}
_BAND = {"sqlite": "CAST(score * 10 AS INTEGER)", "postgresql": "CAST(FLOOR(score * 10) AS INTEGER)"}


def upgrade() -> None:
    """Create the tables, and an item for each decision that a policy sent to review."""
    _create_sessions()
    _create_items()
    _create_actions()
    op.create_table(
        "review_golden",
        _of_decision(primary_key=True),
        _moment("created_at"),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("added_by", sa.Text),
    )
    _fill_items()


def _create_sessions() -> None:
    op.create_table(
        "review_sessions",
        sa.Column("token_digest", sa.Text, primary_key=True),
        sa.Column("key_id", sa.Text),
        sa.Column("key_name", sa.Text),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("is_lead", sa.Boolean, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False),
        _moment("created_at"),
        _moment("seen_at"),
    )


def _create_items() -> None:
    op.create_table(
        "review_items",
        _of_decision(primary_key=True),
        _moment("queued_at"),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "state", "decision", "policy_name")),
        sa.Column("band", sa.Integer),
        *(sa.Column(name, sa.Text) for name in ("bank", "first_reviewer", "claimed_by")),
        _moment("claimed_until", nullable=True),
    )
    for name, columns in {
        "age": ["state", "queued_at"],
        "policy": ["state", "policy_name", "queued_at"],
        "band": ["state", "band", "queued_at"],
    }.items():
        op.create_index(f"ix_review_items_{name}", "review_items", columns)
    _index_where("any_bank", "bank IS NOT NULL", "state", "queued_at")
    _index_where("bank", "bank IS NOT NULL", "state", "bank", "queued_at")
    _index_where("claim", "claimed_by IS NOT NULL", "claimed_by")


def _index_where(name: str, where: str, *columns: str) -> None:
    condition = sa.text(where)
    op.create_index(
        f"ix_review_items_{name}", "review_items", columns, sqlite_where=condition, postgresql_where=condition
    )


def _create_actions() -> None:
    op.create_table(
        "review_actions",
        sa.Column("action_id", sa.Integer, primary_key=True),
        _of_decision(),
        _moment("created_at"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reviewer", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("key_name", "state")),
        sa.Column("labels", sa.JSON),
        sa.Column("reason", sa.Text),
        sa.Column("feedback_id", sa.Integer),
        _moment("undone_at", nullable=True),
    )
    op.create_index("ix_review_actions_decision", "review_actions", ["decision_id", "reviewer"])
    op.create_index("ix_review_actions_created_at", "review_actions", ["created_at"])
    op.create_index("ix_review_actions_reviewer", "review_actions", ["reviewer", "action_id"])


def _fill_items() -> None:
    """What was reviewed already, by its feedback, is decided."""
    dialect = op.get_bind().dialect.name
    score, band = _SCORE[dialect], _BAND[dialect]
    op.execute(
        # Of constants alone.
        f"""
        INSERT INTO review_items
            (decision_id, queued_at, source, state, decision, policy_name, band)
        SELECT decision_id, created_at, 'policy',
            CASE WHEN EXISTS (SELECT 1 FROM feedback WHERE feedback.decision_id = scored.decision_id)
                THEN 'decided' ELSE 'open' END,
            decision, policy_name, CASE WHEN score >= 1 THEN 9 ELSE {band} END
        FROM (SELECT decisions.*, {score} AS score FROM decisions WHERE decision = 'review') AS scored
        """  # noqa: S608
    )


def _of_decision(*, primary_key: bool = False) -> sa.Column[Any]:
    deleted_with = sa.ForeignKey("decisions.decision_id", ondelete="CASCADE")
    return sa.Column("decision_id", sa.Text, deleted_with, primary_key=primary_key)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)

"""The first tables: decisions, feedback, pictures, chores."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    _create_decisions()
    op.create_table(
        "feedback",
        sa.Column("feedback_id", sa.Integer, primary_key=True),
        sa.Column("decision_id", sa.Text, sa.ForeignKey("decisions.decision_id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("reviewer", sa.Text),
        sa.Column("key_name", sa.Text),
    )
    op.create_index("ix_feedback_decision_id", "feedback", ["decision_id"])
    op.create_index("ix_feedback_created_at", "feedback", ["created_at"])
    op.create_table(
        "pictures",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    chores = op.create_table(
        "chores",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("done_at", sa.DateTime(timezone=True)),
    )
    op.bulk_insert(chores, [{"name": "retention"}, {"name": "write_probe"}])


def _create_decisions() -> None:
    required = (
        "kind", "content_digest", "text_digest", "text_source", "text_status", "decision", "model_name",
        "model_version", "model_digest", "policy_name", "policy_version", "policy_digest", "request_id",
    )  # fmt: skip
    optional = ("caller_id", "text_engine", "text_engine_version", "key_name", "route", "text")
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in required),
        *(sa.Column(name, sa.Text) for name in optional),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("scores", "reasons", "severity")),
        *(sa.Column(name, sa.JSON) for name in ("tags", "matches")),
    )
    op.create_index("ix_decisions_created_at", "decisions", ["created_at"])
    op.create_index("ix_decisions_content_digest", "decisions", ["content_digest"])

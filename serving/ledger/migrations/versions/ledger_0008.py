"""What shadows, policies and bundles that decide nothing, would have decided."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    deleted_with = sa.ForeignKey("decisions.decision_id", ondelete="CASCADE")
    op.create_table(
        "shadow_decisions",
        sa.Column("decision_id", sa.Text, deleted_with, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "version", "digest", "outcome")),
        *(sa.Column(f"policy_{part}", sa.Text) for part in ("name", "version", "digest")),
        *(sa.Column(name, sa.Text) for name in ("detail", "decision")),
        *(sa.Column(name, sa.JSON) for name in ("reasons", "scores")),
    )
    op.create_index("ix_shadow_decisions_created_at", "shadow_decisions", ["created_at"])

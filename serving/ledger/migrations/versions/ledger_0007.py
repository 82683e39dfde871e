"""Jobs: batch runs that are asked for over HTTP."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, empty."""
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text, primary_key=True),
        *_texts("store", nullable=False),
        *_texts("key_name"),
        *_texts("state", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_moments("started_at", "finished_at", "expires_at"),
        *_texts("input_format", nullable=False),
        sa.Column("input_bytes", sa.BigInteger, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("rows_total", sa.Integer),
        sa.Column("rows_done", sa.Integer, nullable=False),
        sa.Column("counts", sa.JSON),
        sa.Column("notes", sa.JSON, nullable=False),
        *_texts("error_code", "error_message"),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("crashes", sa.Integer, nullable=False),
        *_moments("due_at"),
        *_texts("lease_owner"),
        *_moments("lease_until"),
        *_texts("webhook_state"),
        sa.Column("webhook_attempts", sa.Integer, nullable=False),
        *_moments("webhook_due_at"),
        *_texts("webhook_problem"),
    )
    op.create_index("ix_jobs_state", "jobs", ["state", "created_at"])
    op.create_index("ix_jobs_key_name", "jobs", ["key_name", "created_at"])
    condition = sa.text("webhook_due_at IS NOT NULL")
    op.create_index("ix_jobs_webhook", "jobs", ["webhook_due_at"], sqlite_where=condition, postgresql_where=condition)


def _texts(*names: str, nullable: bool = True) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _moments(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime(timezone=True)) for name in names]

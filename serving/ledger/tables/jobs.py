"""Jobs: batch runs over HTTP."""

import sqlalchemy as sa

from serving.ledger.tables.columns import CleanText, UtcDateTime, index_where, json_column, metadata

#: Batch runs that callers of the HTTP interface asked for; see ``serving/jobs``. ``store`` is the folder that holds its
#: files. Whoever runs it holds a lease: ``lease_owner`` until ``lease_until``. ``due_at``: not before, after a crash.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_id", CleanText, primary_key=True),
    sa.Column("store", CleanText, nullable=False),
    sa.Column("key_name", CleanText),
    sa.Column("state", CleanText, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("input_format", CleanText, nullable=False),
    sa.Column("input_bytes", sa.BigInteger, nullable=False),
    sa.Column("options", json_column(), nullable=False),
    sa.Column("rows_total", sa.Integer),
    sa.Column("rows_done", sa.Integer, nullable=False),
    sa.Column("counts", json_column()),
    sa.Column("notes", json_column(), nullable=False),
    sa.Column("error_code", CleanText),
    sa.Column("error_message", CleanText),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("crashes", sa.Integer, nullable=False),
    sa.Column("due_at", UtcDateTime),
    sa.Column("lease_owner", CleanText),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("webhook_state", CleanText),
    sa.Column("webhook_attempts", sa.Integer, nullable=False),
    sa.Column("webhook_due_at", UtcDateTime),
    sa.Column("webhook_problem", CleanText),
    sa.Index("ix_jobs_state", "state", "created_at"),
    sa.Index("ix_jobs_key_name", "key_name", "created_at"),
    index_where("ix_jobs_webhook", "webhook_due_at IS NOT NULL", "webhook_due_at"),
)

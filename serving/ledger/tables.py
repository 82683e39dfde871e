"""The tables of the ledger. A change here needs a migration in ``migrations/versions``; a test holds both together."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

metadata = sa.MetaData()
#: Of alembic; not its usual name, so that the tables may lie beside those of another program.
VERSION_TABLE = "ledger_version"


class Utc(sa.TypeDecorator[datetime]):
    """A moment, in UTC on the way in and out; SQLite alone would forget the time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database; a moment without a time zone is a mistake of ours."""
        if value is not None and value.tzinfo is None:
            raise TypeError("a moment in the ledger needs a time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(sa.TypeDecorator[str]):
    """Text as callers send it, with what no database takes (NUL, half a surrogate pair) replaced."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True)


decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("decision_id", Words, primary_key=True),
    sa.Column("caller_id", Words),
    sa.Column("created_at", Utc, nullable=False, index=True),
    sa.Column("kind", Words, nullable=False),
    sa.Column("content_digest", Words, nullable=False, index=True),
    sa.Column("text_digest", Words, nullable=False),
    sa.Column("text_source", Words, nullable=False),
    sa.Column("text_status", Words, nullable=False),
    sa.Column("text_engine", Words),
    sa.Column("text_engine_version", Words),
    sa.Column("scores", _json(), nullable=False),
    sa.Column("decision", Words, nullable=False),
    sa.Column("reasons", _json(), nullable=False),
    sa.Column("severity", _json(), nullable=False),
    sa.Column("model_name", Words, nullable=False),
    sa.Column("model_version", Words, nullable=False),
    sa.Column("model_digest", Words, nullable=False),
    sa.Column("policy_name", Words, nullable=False),
    sa.Column("policy_version", Words, nullable=False),
    sa.Column("policy_digest", Words, nullable=False),
    sa.Column("key_name", Words),
    sa.Column("request_id", Words, nullable=False),
    sa.Column("route", Words),
    # Content: filled only when an operator switched it on.
    sa.Column("text", Words),
    sa.Column("tags", _json()),
    sa.Column("matches", _json()),
)

#: Several rows for one decision are allowed: the last one that names a task counts for it.
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("feedback_id", sa.Integer, primary_key=True),
    sa.Column(
        "decision_id", Words, sa.ForeignKey("decisions.decision_id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("created_at", Utc, nullable=False, index=True),
    sa.Column("labels", _json(), nullable=False),
    sa.Column("reason", Words),
    sa.Column("reviewer", Words),
    sa.Column("key_name", Words),
)

#: Picture files by sha256. In the database and not in a folder: a decision and its picture are written, deleted and
#: backed up together, and servers on several machines need nothing else. Once each, since memes come again and again.
pictures = sa.Table(
    "pictures",
    metadata,
    sa.Column("digest", Words, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

#: What one worker does for all of them, and when it was last done.
chores = sa.Table("chores", metadata, sa.Column("name", Words, primary_key=True), sa.Column("done_at", Utc))

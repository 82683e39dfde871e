"""Tables of the ledger. A change here needs a migration in ``migrations/versions``; a test holds both together."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

metadata = sa.MetaData()
#: Of alembic; not its usual name, so that the tables may lie beside those of another program.
VERSION_TABLE = "ledger_version"


class UtcDateTime(sa.TypeDecorator[datetime]):
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


class CleanText(sa.TypeDecorator[str]):
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
    sa.Column("scores", _json(), nullable=False),
    sa.Column("decision", CleanText, nullable=False),
    sa.Column("reasons", _json(), nullable=False),
    sa.Column("severity", _json(), nullable=False),
    sa.Column("model_name", CleanText, nullable=False),
    sa.Column("model_version", CleanText, nullable=False),
    sa.Column("model_digest", CleanText, nullable=False),
    sa.Column("model_engines", _json()),  # null in rows that are older than the choice of an engine
    sa.Column("policy_name", CleanText, nullable=False),
    sa.Column("policy_version", CleanText, nullable=False),
    sa.Column("policy_digest", CleanText, nullable=False),
    sa.Column("key_name", CleanText),
    sa.Column("request_id", CleanText, nullable=False),
    sa.Column("route", CleanText),
    sa.Column("measures", _json()),  # see ``measures.py``; null in rows that are older than drift
    # Content: filled only when an operator switched it on.
    sa.Column("text", CleanText),
    sa.Column("tags", _json()),
    sa.Column("matches", _json()),
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
    sa.Column("labels", _json(), nullable=False),
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


def _decision_id(**options: Any) -> sa.Column[str]:
    """The decision that a row is made of; what goes with it when that is deleted."""
    return sa.Column("decision_id", CleanText, sa.ForeignKey("decisions.decision_id", ondelete="CASCADE"), **options)


#: What is recognised again: hashes of the picture and the words, and features, as ``model.known.features`` keeps them.
fingerprints = sa.Table(
    "fingerprints",
    metadata,
    _decision_id(primary_key=True),
    sa.Column("pdq", sa.LargeBinary),
    sa.Column("pdq_quality", sa.Integer),
    sa.Column("words_key", CleanText),
    sa.Column("model_digest", CleanText, nullable=False),
    sa.Column("image_embeds", sa.LargeBinary),
    sa.Column("text_embeds", sa.LargeBinary),
)

#: Lists of known memes. What is null is the default's.
banks = sa.Table(
    "banks",
    metadata,
    sa.Column("name", CleanText, primary_key=True),
    sa.Column("action", CleanText, nullable=False),
    sa.Column("owner", CleanText),
    sa.Column("note", CleanText),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("max_matches_per_hour", sa.Integer),
    sa.Column("picture_distance", sa.Integer),
    sa.Column("words_distance", sa.Float),
    sa.Column("change", sa.BigInteger, nullable=False),
)

#: ``change`` is the value of the counter "banks" when the row was last written: who follows asks for what is above.
bank_entries = sa.Table(
    "bank_entries",
    metadata,
    sa.Column("entry_id", CleanText, primary_key=True),
    sa.Column("bank", CleanText, sa.ForeignKey("banks.name", ondelete="CASCADE"), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("owner", CleanText),
    sa.Column("note", CleanText),
    sa.Column("expires_at", UtcDateTime),
    _decision_id(index=True),
    sa.Column("sha256", CleanText),
    sa.Column("pdq", sa.LargeBinary),
    sa.Column("pdq_quality", sa.Integer),
    sa.Column("words_key", CleanText),
    sa.Column("quarantined_at", UtcDateTime),
    sa.Column("change", sa.BigInteger, nullable=False, index=True),
    sa.Index("ix_bank_entries_bank", "bank", "entry_id"),
    sa.Index("ix_bank_entries_hashes", "bank", "sha256", "pdq", "words_key"),
)

#: What is no longer there, for those who follow: an entry by its id, or a whole bank.
bank_removals = sa.Table(
    "bank_removals",
    metadata,
    sa.Column("removal_id", sa.Integer, primary_key=True),
    sa.Column("change", sa.BigInteger, nullable=False, index=True),
    sa.Column("removed_at", UtcDateTime, nullable=False, index=True),
    sa.Column("bank", CleanText),
    sa.Column("entry_id", CleanText),
)

#: How often an entry matched, by minutes since 1970, over all workers.
bank_matches = sa.Table(
    "bank_matches",
    metadata,
    sa.Column("entry_id", CleanText, sa.ForeignKey("bank_entries.entry_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("minute", sa.BigInteger, primary_key=True, index=True),
    sa.Column("matches", sa.Integer, nullable=False),
)

#: Counters that go up with every change of "banks" and of "memory", so that those who follow need not look at more.
counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", CleanText, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

#: Labelled memes that vote beside the network.
memory = sa.Table(
    "memory",
    metadata,
    sa.Column("memory_id", CleanText, primary_key=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    _decision_id(index=True),
    sa.Column("owner", CleanText),
    sa.Column("note", CleanText),
    sa.Column("labels", _json(), nullable=False),
    sa.Column("weight", sa.Float, nullable=False),
    sa.Column("text", CleanText),
    sa.Column("picture_digest", CleanText),
)

#: Features of a remembered meme by the bundle whose towers gave them, as ``model.known.features`` keeps them.
memory_features = sa.Table(
    "memory_features",
    metadata,
    sa.Column("memory_id", CleanText, sa.ForeignKey("memory.memory_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("model_digest", CleanText, primary_key=True),
    sa.Column("image_embeds", sa.LargeBinary),
    sa.Column("text_embeds", sa.LargeBinary),
)

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


def _index_where(name: str, where: str, *columns: str) -> sa.Index:
    """An index of the rows for which ``where`` holds; the others cost nothing as they are written."""
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


#: Decisions for people to look at; see ``review_items.py``. What queues are chosen by is copied from the decision, so
#: that the next item is found in an index. New rows come last in each index, so that a commit touches few pages of the
#: file: nothing that is indexed here is as random as a score. Who holds an item stands in it: one person at a time.
review_items = sa.Table(
    "review_items",
    metadata,
    _decision_id(primary_key=True),
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
    _index_where("ix_review_items_any_bank", "bank IS NOT NULL", "state", "queued_at"),
    _index_where("ix_review_items_bank", "bank IS NOT NULL", "state", "bank", "queued_at"),
    _index_where("ix_review_items_claim", "claimed_by IS NOT NULL", "claimed_by"),
)

#: Audit of the review page: all that anybody did there. ``state`` is the item's before, for undo.
review_actions = sa.Table(
    "review_actions",
    metadata,
    sa.Column("action_id", sa.Integer, primary_key=True),
    _decision_id(),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sa.Column("kind", CleanText, nullable=False),
    sa.Column("reviewer", CleanText, nullable=False),
    sa.Column("key_name", CleanText),
    sa.Column("state", CleanText),
    sa.Column("labels", _json()),
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
    _decision_id(primary_key=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("labels", _json(), nullable=False),
    sa.Column("note", CleanText),
    sa.Column("added_by", CleanText),
)

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
    sa.Column("options", _json(), nullable=False),
    sa.Column("rows_total", sa.Integer),
    sa.Column("rows_done", sa.Integer, nullable=False),
    sa.Column("counts", _json()),
    sa.Column("notes", _json(), nullable=False),
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
    _index_where("ix_jobs_webhook", "webhook_due_at IS NOT NULL", "webhook_due_at"),
)

#: What a shadow would have decided. ``outcome``: "judged", "dropped" (the server was busy) or "failed" (``detail`` says
#: why); only what was judged has a decision. ``scores`` are a bundle's; under a policy they are the decision's own.
shadow_decisions = sa.Table(
    "shadow_decisions",
    metadata,
    _decision_id(primary_key=True),
    sa.Column("kind", CleanText, primary_key=True),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    *(sa.Column(name, CleanText, nullable=False) for name in ("name", "version", "digest", "outcome")),
    *(sa.Column(f"policy_{part}", CleanText) for part in ("name", "version", "digest")),
    *(sa.Column(name, CleanText) for name in ("detail", "decision")),
    *(sa.Column(name, _json()) for name in ("reasons", "scores")),
)

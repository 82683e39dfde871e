"""Fingerprints of decisions, banks of known memes, and memory of labelled ones."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them, empty; decisions that are there have no fingerprint."""
    op.create_table(
        "fingerprints",
        _of_decision(primary_key=True),
        *_hashes(),
        sa.Column("model_digest", sa.Text, nullable=False),
        *_embeds(),
    )
    _create_banks()
    _create_memory()
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "banks", "value": 0}, {"name": "memory", "value": 0}])


def _create_banks() -> None:
    op.create_table(
        "banks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("action", sa.Text, nullable=False),
        *_said(),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        *(sa.Column(name, sa.Integer) for name in ("max_matches_per_hour", "picture_distance")),
        sa.Column("words_distance", sa.Float),
        sa.Column("change", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "bank_entries",
        sa.Column("entry_id", sa.Text, primary_key=True),
        sa.Column("bank", sa.Text, sa.ForeignKey("banks.name", ondelete="CASCADE"), nullable=False),
        *_said(),
        *(sa.Column(name, sa.DateTime(timezone=True)) for name in ("expires_at", "quarantined_at")),
        _of_decision(),
        sa.Column("sha256", sa.Text),
        *_hashes(),
        sa.Column("change", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "bank_removals",
        sa.Column("removal_id", sa.Integer, primary_key=True),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bank", sa.Text),
        sa.Column("entry_id", sa.Text),
    )
    op.create_table(
        "bank_matches",
        sa.Column("entry_id", sa.Text, sa.ForeignKey("bank_entries.entry_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("minute", sa.BigInteger, primary_key=True),
        sa.Column("matches", sa.Integer, nullable=False),
    )
    op.create_index("ix_bank_entries_bank", "bank_entries", ["bank", "entry_id"])
    _index("bank_entries", "decision_id", "change")
    _index("bank_removals", "change", "removed_at")
    _index("bank_matches", "minute")


def _create_memory() -> None:
    op.create_table(
        "memory",
        sa.Column("memory_id", sa.Text, primary_key=True),
        *_said(),
        _of_decision(),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("picture_digest", sa.Text),
    )
    op.create_table(
        "memory_features",
        sa.Column("memory_id", sa.Text, sa.ForeignKey("memory.memory_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("model_digest", sa.Text, primary_key=True),
        *_embeds(),
    )
    _index("memory", "decision_id")


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(f"ix_{table}_{column}", table, [column])


def _of_decision(*, primary_key: bool = False) -> sa.Column[Any]:
    deleted_with = sa.ForeignKey("decisions.decision_id", ondelete="CASCADE")
    return sa.Column("decision_id", sa.Text, deleted_with, primary_key=primary_key)


def _said() -> list[sa.Column[Any]]:
    """When a row was made, by whom and why."""
    moment = sa.Column("created_at", sa.DateTime(timezone=True), nullable=False)
    return [moment, *(sa.Column(name, sa.Text) for name in ("owner", "note"))]


def _hashes() -> list[sa.Column[Any]]:
    return [
        sa.Column("pdq", sa.LargeBinary),
        sa.Column("pdq_quality", sa.Integer),
        sa.Column("words_key", sa.Text),
    ]


def _embeds() -> list[sa.Column[Any]]:
    return [sa.Column("image_embeds", sa.LargeBinary), sa.Column("text_embeds", sa.LargeBinary)]

"""Known memes: fingerprints of decisions, banks, memory."""

import sqlalchemy as sa

from serving.ledger.tables.columns import CleanText, UtcDateTime, decision_id, json_column, metadata

#: What is recognised again: hashes of the picture and the words, and features, as ``model.known.features`` keeps them.
fingerprints = sa.Table(
    "fingerprints",
    metadata,
    decision_id(primary_key=True),
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
    decision_id(index=True),
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
#: "ledger" stays as it is: the number by which the folder of jobs knows its ledger.
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
    decision_id(index=True),
    sa.Column("owner", CleanText),
    sa.Column("note", CleanText),
    sa.Column("labels", json_column(), nullable=False),
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

"""Statements on the tables of remembered memes, each in the transaction of its caller.

Whoever changes something counts it on the counter "memory", which those who follow look at. Features are kept beside a
meme for each bundle whose towers saw it; a meme without any of the bundle in force sleeps.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from model import MemeguardError
from model.known.features import MemeFeatures, from_half_bytes, to_half_bytes
from model.known.memory import RememberedMeme
from model.taxonomy import TASKS
from serving.ledger.queries import Label, count_change, labels_by_decision
from serving.ledger.tables import counters, decisions, fingerprints, memory, memory_features, pictures

#: A fit takes the square of so many: more are refused.
MOST_MEMES = 10_000


class RememberError(MemeguardError):
    """What was to be remembered cannot be, or there is no such meme."""

    code = "not_remembered"


@dataclass(frozen=True)
class NewMeme:
    """A labelled meme to remember. ``text`` and ``picture`` are None where they are not to be kept.

    ``decision_id`` is the past decision that it was taken from, and goes with. Raises ``RememberError`` without a label
    that can vote.
    """

    labels: Mapping[str, Label]
    features: MemeFeatures | None
    decision_id: str | None = None
    owner: str | None = None
    note: str | None = None
    weight: float = 1.0
    text: str | None = None
    picture: tuple[str, bytes] | None = None
    """Digest and file."""

    def __post_init__(self) -> None:
        if not binary_labels(self.labels):
            raise RememberError("a memory votes on yes/no tasks alone; give a label of one, such as hateful=hateful")

    def remembered(self) -> RememberedMeme | None:
        """As a memory takes it."""
        return _remembered(self)


@dataclass(frozen=True)
class StoredMeme:
    """A remembered meme as it is kept; ``features`` are None where it sleeps under the bundle that was asked for."""

    memory_id: str
    created_at: datetime
    decision_id: str | None
    owner: str | None
    note: str | None
    labels: dict[str, Label]
    weight: float
    features: MemeFeatures | None

    def remembered(self) -> RememberedMeme | None:
        """As a memory takes it."""
        return _remembered(self)


def _remembered(meme: "NewMeme | StoredMeme") -> RememberedMeme | None:
    """With its labels of binary tasks; None without features."""
    return None if meme.features is None else RememberedMeme(meme.features, binary_labels(meme.labels), meme.weight)


def binary_labels(labels: Mapping[str, Label]) -> dict[str, bool]:
    """By binary task, whether its positive class holds."""
    binary = {name: TASKS[name] for name in labels if name in TASKS and TASKS[name].kind == "binary"}
    return {name: labels[name] == task.classes[1] for name, task in binary.items()}


def add_meme(connection: sa.Connection, meme: NewMeme, model_digest: str) -> str:
    """Remember a meme from now on; its id. Raises ``RememberError`` when there are too many."""
    count_change(connection, "memory")  # from here on nobody else changes anything
    if connection.execute(sa.select(sa.func.count()).select_from(memory)).scalar_one() >= MOST_MEMES:
        raise RememberError(f"{MOST_MEMES:,} memes are remembered already; remove some, or train on them")
    memory_id = secrets.token_hex(8)
    digest = None if meme.picture is None else _kept_picture(connection, *meme.picture)
    connection.execute(
        memory.insert().values(
            memory_id=memory_id,
            created_at=datetime.now(UTC),
            decision_id=meme.decision_id,
            owner=meme.owner,
            note=meme.note,
            labels=dict(meme.labels),
            weight=meme.weight,
            text=meme.text,
            picture_digest=digest,
        )
    )
    if meme.features is not None:
        put_features(connection, memory_id, model_digest, meme.features)
    return memory_id


def _kept_picture(connection: sa.Connection, digest: str, content: bytes) -> str:
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(pictures)
    connection.execute(insert.values(digest=digest, content=content).on_conflict_do_nothing())
    return digest


def remove_memes(connection: sa.Connection, ids: Sequence[str]) -> list[str]:
    """Forget memes, with pictures that nothing else is about; those that were there."""
    count_change(connection, "memory")
    gone = memory.delete().where(memory.c.memory_id.in_(ids)).returning(memory.c.memory_id, memory.c.picture_digest)
    found = connection.execute(gone).all()
    digests = [digest for _, digest in found if digest is not None]
    wanted = sa.or_(
        sa.exists().where(decisions.c.content_digest == pictures.c.digest),
        sa.exists().where(memory.c.picture_digest == pictures.c.digest),
    )
    connection.execute(pictures.delete().where(pictures.c.digest.in_(digests), ~wanted))
    return [memory_id for memory_id, _ in found]


def put_features(connection: sa.Connection, memory_id: str, model_digest: str, features: MemeFeatures) -> None:
    """Keep what the towers of a bundle see in a remembered meme; raises ``IntegrityError`` where that is there."""
    connection.execute(
        memory_features.insert().values(
            memory_id=memory_id,
            model_digest=model_digest,
            image_embeds=to_half_bytes(features.image),
            text_embeds=to_half_bytes(features.text),
        )
    )


def stored_memes(connection: sa.Connection, model_digest: str) -> list[StoredMeme]:
    """All remembered memes, the oldest first, with their features of one bundle."""
    of_bundle = sa.and_(
        memory_features.c.memory_id == memory.c.memory_id, memory_features.c.model_digest == model_digest
    )
    asked = sa.select(memory, memory_features.c.model_digest, *_FEATURES).outerjoin(memory_features, of_bundle)
    rows = connection.execute(asked.order_by(memory.c.created_at, memory.c.memory_id)).mappings()
    return [_stored(row) for row in rows]


_FEATURES = (memory_features.c.image_embeds, memory_features.c.text_embeds)
_FIELDS = ("memory_id", "created_at", "decision_id", "owner", "note", "labels", "weight")


def _stored(row: sa.RowMapping) -> StoredMeme:
    return StoredMeme(**{name: row[name] for name in _FIELDS}, features=features_of_row(row))


def features_of_row(row: sa.RowMapping) -> MemeFeatures | None:
    """Features of a row of ``memory_features`` or ``fingerprints``; None where it has neither kind."""
    found = MemeFeatures(from_half_bytes(row["image_embeds"]), from_half_bytes(row["text_embeds"]))
    return None if found.image is None and found.text is None else found


def note_change(connection: sa.Connection) -> None:
    """Tell those who follow that something changed."""
    count_change(connection, "memory")


def memory_number(connection: sa.Connection) -> int:
    """Goes up with every change."""
    value = connection.execute(sa.select(counters.c.value).where(counters.c.name == "memory")).scalar()
    return 0 if value is None else int(value)


@dataclass(frozen=True)
class Content:
    """What is kept of a meme's content, from which features can be made; ``id`` is that of a remembered meme."""

    id: str
    text: str | None
    picture: bytes | None


def next_sleeper(connection: sa.Connection, model_digest: str, after: str) -> Content | None:
    """The first remembered meme after this id that has no features of this bundle, and whose content is kept.

    Of one that was taken from a decision, what is kept of the decision counts.
    """
    awake = sa.select(memory_features.c.memory_id).where(memory_features.c.model_digest == model_digest)
    asked = (
        sa.select(
            memory.c.memory_id.label("id"),
            sa.func.coalesce(memory.c.text, decisions.c.text).label("text"),
            pictures.c.content.label("picture"),
        )
        .outerjoin(decisions, decisions.c.decision_id == memory.c.decision_id)
        .outerjoin(pictures, pictures.c.digest == sa.func.coalesce(memory.c.picture_digest, decisions.c.content_digest))
        .where(memory.c.memory_id > after, memory.c.memory_id.not_in(awake))
        .where(sa.or_(pictures.c.content.is_not(None), sa.and_(_is_worded, ~_is_pictured)))
        .order_by(memory.c.memory_id)
        .limit(1)
    )
    row = connection.execute(asked).mappings().first()
    return None if row is None else Content(**row)


_is_pictured = sa.or_(memory.c.picture_digest.is_not(None), sa.func.coalesce(decisions.c.kind, "") == "picture")
_is_worded = sa.func.coalesce(memory.c.text, decisions.c.text).is_not(None)


def kept_content(connection: sa.Connection, decision_id: str) -> Content | None:
    """What is kept of a decision's content; None where no features can be made of it."""
    asked = (
        sa.select(decisions.c.text, pictures.c.content.label("picture"), decisions.c.kind)
        .outerjoin(pictures, pictures.c.digest == decisions.c.content_digest)
        .where(decisions.c.decision_id == decision_id)
    )
    row = connection.execute(asked).mappings().one()
    if row["picture"] is None and (row["kind"] == "picture" or row["text"] is None):
        return None
    return Content(decision_id, row["text"], row["picture"])


def reviewed_labels(connection: sa.Connection, decision_id: str) -> dict[str, Label]:
    """What reviewers say of a decision, the last word on each task; raises ``RememberError`` for no such decision."""
    there = sa.select(sa.literal(1)).where(decisions.c.decision_id == decision_id)
    if connection.execute(there).first() is None:
        raise RememberError(f"no such decision: {decision_id}")
    return labels_by_decision(connection, [decision_id]).get(decision_id, {})


def features_of_decision(connection: sa.Connection, decision_id: str, model_digest: str) -> MemeFeatures | None:
    """What the ledger kept of what this bundle's towers saw in a decision's meme."""
    asked = fingerprints.select().where(
        fingerprints.c.decision_id == decision_id, fingerprints.c.model_digest == model_digest
    )
    row = connection.execute(asked).mappings().first()
    return None if row is None else features_of_row(row)

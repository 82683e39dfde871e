"""Search over the decisions of a ledger: by what it kept of them, a page in memory at a time."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from model.known.features import MemeFeatures, from_half_bytes
from model.known.packed_hashes import bits_apart
from serving.index.vectors import unit
from serving.ledger.database import Database
from serving.ledger.tables import decisions, fingerprints

#: "picture", "meaning", "description": features, of one bundle. "pdq": hashes, whatever the bundle.
LedgerWay = Literal["picture", "pdq", "meaning", "description"]
LEDGER_WAYS: tuple[LedgerWay, ...] = get_args(LedgerWay)
_PAGE = 1000
_COLUMN: dict[LedgerWay, sa.Column[Any]] = {
    "picture": fingerprints.c.image_embeds,
    "pdq": fingerprints.c.pdq,
    "meaning": fingerprints.c.text_embeds,
    "description": fingerprints.c.image_embeds,
}
_TINY = 1e-12


@dataclass(frozen=True)
class LedgerQuery:
    """What is looked for. ``model_digest``: whose features these are. ``decision_id`` is not found again.

    ``description``: the words in the space of pictures; None where the bundle knows no way there.
    """

    features: MemeFeatures = field(repr=False)
    pdq: bytes | None
    model_digest: str
    decision_id: str | None = None
    description: NDArray[np.float32] | None = field(default=None, repr=False)

    def vector(self, way: LedgerWay) -> NDArray[np.float32] | None:
        """Of length one; None where the query has none."""
        of_words = self.description if way == "description" else self.features.text
        found = self.features.image if way == "picture" else of_words
        return None if found is None else unit(found)

    def can(self, way: LedgerWay) -> bool:
        """Whether there is anything to look for in this way."""
        return self.pdq is not None if way == "pdq" else self.vector(way) is not None


@dataclass(frozen=True)
class LedgerHit:
    """A decision that was found, with what it has in common with the query; None: one of the two has it not."""

    decision_id: str
    id: str | None
    created_at: datetime
    decision: str
    scores: dict[str, Any]
    picture: float | None
    meaning: float | None
    description: float | None
    pdq_distance: int | None


def query_of_decision(connection: sa.Connection, decision_id: str, model_digest: str) -> LedgerQuery | None:
    """A past decision by what was kept of it; None where nothing was."""
    asked = fingerprints.select().where(fingerprints.c.decision_id == decision_id)
    row = connection.execute(asked).mappings().first()
    if row is None:
        return None
    of_bundle = row["model_digest"] == model_digest
    features = _features(row) if of_bundle else MemeFeatures(None, None)
    return LedgerQuery(features, row["pdq"], model_digest, decision_id)


def search_ledger(database: Database, query: LedgerQuery, way: LedgerWay, top: int) -> list[LedgerHit]:
    """The ``top`` decisions that fit best, the best first; each page is a transaction of its own."""
    kept: list[tuple[float, str]] = []
    for page in _pages(database, query, way):
        kept = heapq.nlargest(top, [*kept, *_compared(query, way, page)])
    with database.reading() as connection:
        rows = {row["decision_id"]: row for row in connection.execute(_details([id for _, id in kept])).mappings()}
    # One that was deleted meanwhile is not told of.
    return [_hit(rows[id], query) for _, id in kept if id in rows]


def _pages(database: Database, query: LedgerQuery, way: LedgerWay) -> Iterator[list[tuple[str, bytes]]]:
    """Ids of all decisions that have what is compared, and that, some at a time."""
    after = ""
    while True:
        with database.reading() as connection:
            page = [(id, kept) for id, kept in connection.execute(_page(query, way, after))]
        yield page
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def _page(query: LedgerQuery, way: LedgerWay, after: str) -> sa.Select[Any]:
    column = _COLUMN[way]
    asked = (
        sa.select(fingerprints.c.decision_id, column)
        .where(fingerprints.c.decision_id > after, column.is_not(None))
        .order_by(fingerprints.c.decision_id)
        .limit(_PAGE)
    )
    return asked if way == "pdq" else asked.where(fingerprints.c.model_digest == query.model_digest)


def _compared(query: LedgerQuery, way: LedgerWay, page: Sequence[tuple[str, bytes]]) -> list[tuple[float, str]]:
    """How near each decision of a page is, the higher the nearer. What is of another length says nothing."""
    asked = _asked(query, way)
    rows = [(id, kept) for id, kept in page if id != query.decision_id and len(kept) == asked.nbytes]
    kept = np.frombuffer(b"".join(kept for _, kept in rows), dtype=asked.dtype).reshape(len(rows), len(asked))
    if way == "pdq":
        values = -bits_apart(kept, asked.tobytes()).astype(np.float64)
    else:
        vectors = kept.astype(np.float32)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1), _TINY)
        values = np.nan_to_num(vectors @ asked.astype(np.float32) / lengths, nan=-1.0)
    return list(zip(values.tolist(), (id for id, _ in rows), strict=True))


def _asked(query: LedgerQuery, way: LedgerWay) -> NDArray[Any]:
    """The query as such things are kept: uint8 [32] of a hash, float16 of features."""
    vector = query.vector(way)
    if way == "pdq" or vector is None:
        return np.frombuffer(query.pdq or b"", dtype=np.uint8)
    return vector.astype("<f2")


def _details(ids: Sequence[str]) -> sa.Select[Any]:
    told = ("decision_id", "caller_id", "created_at", "decision", "scores", "model_digest")
    kept = ("pdq", "image_embeds", "text_embeds")
    return (
        sa.select(*(decisions.c[name] for name in told), *(fingerprints.c[name] for name in kept))
        .join(fingerprints, fingerprints.c.decision_id == decisions.c.decision_id)
        .where(decisions.c.decision_id.in_(ids))
    )


def _hit(row: Any, query: LedgerQuery) -> LedgerHit:
    of_bundle = row["model_digest"] == query.model_digest
    own = _features(row) if of_bundle else MemeFeatures(None, None)
    return LedgerHit(
        decision_id=row["decision_id"],
        id=row["caller_id"],
        created_at=row["created_at"],
        decision=row["decision"],
        scores=row["scores"],
        picture=_cosine(query.vector("picture"), own.image),
        meaning=_cosine(query.vector("meaning"), own.text),
        description=_cosine(query.vector("description"), own.image),
        pdq_distance=_bits(query.pdq, row["pdq"]),
    )


def _features(row: Any) -> MemeFeatures:
    return MemeFeatures(from_half_bytes(row["image_embeds"]), from_half_bytes(row["text_embeds"]))


def _cosine(query: NDArray[np.float32] | None, kept: NDArray[np.float32] | None) -> float | None:
    """None where either is missing, or the kept one is of another length, as after a mistake in the database."""
    if query is None or kept is None or len(query) != len(kept):
        return None
    return round(float(query @ unit(kept)), 6)


def _bits(query: bytes | None, kept: bytes | None) -> int | None:
    if query is None or kept is None or len(query) != len(kept):
        return None
    return (int.from_bytes(query) ^ int.from_bytes(kept)).bit_count()

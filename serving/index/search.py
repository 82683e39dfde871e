"""Search in an index: by picture, by the words read, by what they mean, and by description."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from serving.index.arrays import HAS_IMAGE, HAS_PDQ, HAS_TEXT
from serving.index.database import IndexedMeme
from serving.index.errors import MemeIndexError
from serving.index.manifest import IndexManifest
from serving.index.queries import Query, Vector
from serving.index.ranking import Ranked, cosines, distances, fused, nearest, nearest_hashes
from serving.index.reader import MemeIndex

#: "picture": features of pictures. "words": full text. "meaning": features of words. "description": features of the
#: query's words against those of pictures.
Way = Literal["picture", "words", "meaning", "description"]
WAYS: tuple[Way, ...] = get_args(Way)
#: How far down each ranking is looked when several are made one.
_DEPTH = 5
_LEAST_DEPTH = 100


@dataclass(frozen=True)
class Hit:
    """A meme that was found, with what it has in common with the query: cosines, the fit of its words (BM25), bits.

    Values that were not asked for, or that one of the two does not have, are None.
    """

    meme: IndexedMeme
    picture: float | None = None
    meaning: float | None = None
    description: float | None = None
    words: float | None = None
    pdq_distance: int | None = None
    same_file: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        meme = self.meme
        told = {"id": meme.id, "address": meme.address, "sha256": meme.sha256, "decision": meme.decision}
        values = {name: _rounded(value) for name, value in vars(self).items() if name not in ("meme", "same_file")}
        return told | {"scores": dict(meme.scores), "words_read": meme.words} | values | {"same_file": self.same_file}


def ways_for(index: MemeIndex, query: Query, asked: Way | None) -> tuple[Way, ...]:
    """How the index is searched: as asked, or in each way that fits; raises ``MemeIndexError`` where none does."""
    reasons = {way: _why_not(index, query, way) for way in WAYS}
    if asked is not None:
        if reason := reasons[asked]:
            raise MemeIndexError(f"{index.folder} cannot be searched by {asked}: {reason}")
        return (asked,)
    fitting = tuple(way for way in WAYS if not reasons[way])
    if not fitting:
        raise MemeIndexError(
            f"{index.folder} cannot be searched for that: {'; '.join(dict.fromkeys(reasons.values()))}"
        )
    # Of a picture, or a meme with one, the picture is meant.
    return ("picture",) if "picture" in fitting else fitting


def search(index: MemeIndex, query: Query, ways: tuple[Way, ...], top: int) -> list[Hit]:
    """The ``top`` memes that fit best, the best first."""
    depth = top + 1 if len(ways) == 1 else max(_LEAST_DEPTH, _DEPTH * top) + 1
    rankings = {way: _RANKED[way](index, query, depth) for way in ways}
    one = next(iter(rankings.values())) if len(rankings) == 1 else fused(rankings.values(), depth)
    rows = [row for row, _ in one if row != query.row][:top]
    memes = index.database.by_rows(rows)
    found = {name: _values(index, query, name, rows) for name in ("picture", "meaning", "description")}
    bits = _bits(index, query, rows)
    words = dict(rankings.get("words", ()))
    return [
        Hit(
            memes[row],
            picture=found["picture"].get(row),
            meaning=found["meaning"].get(row),
            description=found["description"].get(row),
            words=words.get(row),
            pdq_distance=bits.get(row),
            same_file=memes[row].sha256 == query.sha256,
        )
        for row in rows
    ]


def _why_not(index: MemeIndex, query: Query, way: Way) -> str:
    """Why a way is closed; empty where it is open."""
    given = {
        "picture": query.pdq is not None,
        "words": bool(query.terms),
        "meaning": query.text is not None,
        "description": query.description is not None,
    }
    closed = _closed(index.manifest, query, way)
    return closed or ("" if given[way] else f"no {'picture was' if way == 'picture' else 'words were'} given")


def _closed(made: IndexManifest, query: Query, way: Way) -> str:
    """Why a query cannot be answered in a way, whatever it is of."""
    if way == "words" and not made.settings.words:
        return "it was made with --no-words"
    if way == "meaning" and made.text_width is None:
        return f"{made.model_name} {made.model_version} was exported without the features of words"
    if way == "description" and query.terms and query.description is None:
        return (
            f"the towers of {made.model_name} do not share a space, so a description cannot be held against pictures; "
            "that needs an index made with the bundle of an open_clip model"
        )
    return ""


def _by_picture(index: MemeIndex, query: Query, top: int) -> Ranked:
    if query.image is not None and index.arrays.image is not None:
        return nearest(index.arrays.image, query.image, index.arrays.rows_with(HAS_IMAGE), top)
    return nearest_hashes(index.arrays.pdq, query.pdq or b"", index.arrays.rows_with(HAS_PDQ), top)


def _by_words(index: MemeIndex, query: Query, top: int) -> Ranked:
    return index.database.find_words(query.terms, top)


def _by_meaning(index: MemeIndex, query: Query, top: int) -> Ranked:
    return _nearest(index.arrays.text, query.text, index.arrays.rows_with(HAS_TEXT), top)


def _by_description(index: MemeIndex, query: Query, top: int) -> Ranked:
    return _nearest(index.arrays.image, query.description, index.arrays.rows_with(HAS_IMAGE), top)


def _nearest(vectors: Any, asked: Vector | None, rows: np.ndarray[Any, Any], top: int) -> Ranked:
    return [] if vectors is None or asked is None else nearest(vectors, asked, rows, top)


_RANKED: Mapping[Way, Callable[[MemeIndex, Query, int], Ranked]] = {
    "picture": _by_picture,
    "words": _by_words,
    "meaning": _by_meaning,
    "description": _by_description,
}


def _values(index: MemeIndex, query: Query, name: str, rows: list[int]) -> dict[int, float]:
    """Cosines of what both have."""
    arrays = index.arrays
    vectors, flag = (arrays.text, HAS_TEXT) if name == "meaning" else (arrays.image, HAS_IMAGE)
    asked = {"picture": query.image, "meaning": query.text, "description": query.description}[name]
    if vectors is None or asked is None:
        return {}
    return cosines(vectors, asked, _with(index, rows, flag))


def _bits(index: MemeIndex, query: Query, rows: list[int]) -> dict[int, int]:
    return {} if query.pdq is None else distances(index.arrays.pdq, query.pdq, _with(index, rows, HAS_PDQ))


def _with(index: MemeIndex, rows: list[int], flag: int) -> list[int]:
    return [row for row in rows if int(index.arrays.flags[row]) & flag]


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if isinstance(value, float) else value

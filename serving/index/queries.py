"""Queries: what is looked for, as features, hashes and words."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model import Meme, Scorer
from model.judge import ScoringError
from model.known.features import MemeFeatures
from model.known.fingerprint import fingerprint_of
from model.projections.description import description_of
from serving.index.arrays import HAS_IMAGE, HAS_PDQ, HAS_TEXT
from serving.index.errors import MemeIndexError
from serving.index.reader import MemeIndex
from serving.index.vectors import unit

_WORD = re.compile(r"\w+")
_MOST_TERMS = 64
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Query:
    """``title`` says in words what it is. ``row``: a meme of the index itself, which is not found again.

    ``image`` and ``text`` are features of length one, ``description`` those of words in the space of pictures;
    ``terms`` the words for full text.
    """

    title: str
    image: Vector | None = field(default=None, repr=False)
    text: Vector | None = field(default=None, repr=False)
    description: Vector | None = field(default=None, repr=False)
    pdq: bytes | None = None
    sha256: str | None = None
    terms: tuple[str, ...] = ()
    row: int | None = None


def terms_of(text: str) -> tuple[str, ...]:
    """Words to look for, each once."""
    return tuple(dict.fromkeys(_WORD.findall(text)))[:_MOST_TERMS]


def query_of_file(scorer: Scorer, path: Path) -> Query:
    """A picture file. Its words are not read: they are not looked for. Raises ``MemeError`` for a bad file."""
    return query_of_picture(scorer, Meme.from_file(path, limits=scorer.limits), f"pictures like {path.name}")


def query_of_picture(scorer: Scorer, meme: Meme, title: str) -> Query:
    """A decoded picture."""
    features = _features(scorer, Meme(meme.image, meme.digest, text="", views=meme.views))
    known = fingerprint_of(meme, None)
    return Query(title, image=features.image, pdq=known.pdq, sha256=known.sha256)


def query_of_text(scorer: Scorer | None, text: str) -> Query:
    """Words or a description; without a scorer, for full text alone. Raises ``MemeError`` for too many."""
    title = f"memes for the words: {text}"
    if scorer is None:
        return Query(title, terms=terms_of(text))
    meme = Meme.from_text(text, limits=scorer.limits)
    words = _features(scorer, meme).text if meme.text else None
    return Query(title, text=words, description=description_of(scorer.bundle, words), terms=terms_of(text))


def query_like(index: MemeIndex, id: str) -> Query:
    """A meme of the index; raises ``MemeIndexError`` for an id that it does not have."""
    meme = index.database.by_id(id)
    if meme is None:
        raise MemeIndexError(f"{index.folder} has no meme with the id {id!r}")
    arrays, row = index.arrays, meme.row
    flags = int(arrays.flags[row])
    return Query(
        f"memes like {id}",
        image=unit(arrays.image[row]) if arrays.image is not None and flags & HAS_IMAGE else None,
        text=unit(arrays.text[row]) if arrays.text is not None and flags & HAS_TEXT else None,
        pdq=bytes(arrays.pdq[row]) if flags & HAS_PDQ else None,
        sha256=meme.sha256,
        row=row,
    )


def _features(scorer: Scorer, meme: Meme) -> MemeFeatures:
    """What the towers see, of length one. ``scorer`` was opened with features."""
    (judgement,) = scorer.judge([scorer.read(meme)])
    if isinstance(judgement, ScoringError):
        raise judgement
    found = judgement.features
    if found is None:
        raise ValueError("the scorer keeps no features: open it with them")
    return MemeFeatures(*(None if one is None else unit(one) for one in (found.image, found.text)))

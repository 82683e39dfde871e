"""What is said of each cluster: its size, its words, the share that is hateful, whether labels agree, typical memes."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.index.clusters.config import ClusterConfig
from serving.index.clusters.estimators import Points
from serving.index.clusters.labels import Labels, agreement
from serving.index.clusters.telling_words import common_words, telling_words
from serving.index.reader import MemeIndex

_WORDS = 8
_PAIRS = 200
HATEFUL = "hateful"


@dataclass(frozen=True)
class Scores:
    """By the rows of the index [N]: the score of the hateful task (NaN: none), whether the decision is not allow."""

    hateful: NDArray[np.float32]
    flagged: NDArray[np.bool_]


@dataclass(frozen=True)
class ClusterFacts:
    """One cluster. ``n_distinct`` counts near-duplicates once. Shares are of its memes.

    ``agreement``: the share of random pairs with the same label; None without labels. ``sheet``: rows of typical memes.
    """

    number: int
    n_memes: int
    n_distinct: int
    share_hateful: float | None
    share_flagged: float
    agreement: float | None
    words: tuple[str, ...]
    sheet: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return asdict(self)


def scores_of(index: MemeIndex) -> Scores:
    """Scores and decisions of every meme."""
    n = index.manifest.n_rows
    found = Scores(np.full(n, np.nan, dtype=np.float32), np.zeros(n, dtype=bool))
    for meme in index.database.all():
        score = meme.scores.get(HATEFUL)
        found.hateful[meme.row] = score if isinstance(score, float) else np.nan
        found.flagged[meme.row] = meme.decision != "allow"
    return found


def cluster_facts(
    index: MemeIndex,
    clusters: NDArray[np.int64],
    distinct: NDArray[np.int64],
    points: Points,
    scores: Scores,
    labels: Labels | None,
    config: ClusterConfig,
) -> list[ClusterFacts]:
    """Those of each cluster. ``clusters`` [N] by rows; ``distinct`` are the rows that ``points`` are of."""
    words = _words(index, clusters)
    rng = np.random.default_rng(config.seed)
    facts = []
    for number in range(int(clusters.max(initial=-1)) + 1):
        rows = np.flatnonzero(clusters == number)
        own = np.flatnonzero(clusters[distinct] == number)
        agreed = None if labels is None else agreement(labels, rows, _PAIRS, rng)
        facts.append(
            ClusterFacts(
                number=number,
                n_memes=len(rows),
                n_distinct=len(own),
                share_hateful=_share_hateful(scores.hateful[rows], config.hateful_at),
                share_flagged=float(scores.flagged[rows].mean()),
                agreement=None if agreed is None else agreed[0],
                words=words.get(number, ()),
                sheet=tuple(distinct[own][_typical(points[own], config.sheet)].tolist()),
            )
        )
    return facts


def _share_hateful(scores: NDArray[np.float32], hateful_at: float) -> float | None:
    known = scores[~np.isnan(scores)]
    return float((known >= hateful_at).mean()) if len(known) else None


def _typical(points: Points, n: int) -> NDArray[np.int64]:
    """Places of the points that are nearest to their centre."""
    away = ((points - points.mean(axis=0)) ** 2).sum(axis=1) if len(points) else np.zeros(0)
    return np.argsort(away, kind="stable")[:n].astype(np.int64)


def _words(index: MemeIndex, clusters: NDArray[np.int64]) -> Mapping[int, tuple[str, ...]]:
    if not index.manifest.settings.words:
        return {}
    common = common_words(meme.words or "" for meme in index.database.all())
    return telling_words(_worded(index, clusters), common, _WORDS)


def _worded(index: MemeIndex, clusters: NDArray[np.int64]) -> Iterator[tuple[int, str]]:
    """Memes of no cluster are the rest, against which the others are told apart too."""
    return ((int(clusters[meme.row]), meme.words) for meme in index.database.all() if meme.words)

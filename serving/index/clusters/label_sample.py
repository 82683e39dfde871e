"""Sample of an index for people to label: of every cluster, and of low, middle and high scores within it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model import MemeLimits
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.image_loader import ImageLoader
from serving.batch.input.items import Columns
from serving.batch.output.label_rows import ToLabel, rows_to_label, write_rows_to_label
from serving.batch.plan import find_plan
from serving.index.clusters.tables import MemeMap
from serving.index.errors import MemeIndexError
from serving.index.manifest import SCORING
from serving.index.reader import MemeIndex

FOLDER, FILE = "sample", "sample.jsonl"
_BANDS = ("low", "middle", "high")
_NO_SCORE = "no"
#: Times that others are drawn for pictures that are gone; each reads the input once more.
_MOST_DRAWS = 3
_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class LabelSample:
    """What was written. ``n_gone``: memes left out because their pictures can no longer be read.

    ``n_items`` None: a sample was there already, and it was kept, since somebody may have labelled it.
    """

    folder: Path
    n_items: int | None = None
    n_gone: int = 0


def write_label_sample(out: Path, index: MemeIndex, found: MemeMap, n_items: int) -> LabelSample:
    """Write at most ``n_items`` memes, near-duplicates once, into ``OUT/sample``."""
    folder = out / FOLDER
    if (folder / FILE).exists():
        return LabelSample(folder)
    shutil.rmtree(folder, ignore_errors=True)  # of a command that was killed here
    source, images = _input(index)
    lines: dict[str, dict[str, Any]] = {}
    gone: set[str] = set()
    for _ in range(_MOST_DRAWS):
        chosen = _chosen(index, found, n_items, gone)
        wanted = {id: one for id, one in chosen.items() if id not in lines}
        if not wanted:
            break
        new, new_gone = rows_to_label(source.items(), wanted, images, folder)
        lines |= new
        gone |= new_gone
    write_rows_to_label(folder / FILE, dict(list(lines.items())[:n_items]))
    return LabelSample(folder, min(n_items, len(lines)), len(gone))


def stratified(strata: NDArray[np.int64], n_items: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Places of ``strata`` that are drawn: of each stratum its share, and one at least as long as there is room."""
    order = rng.permutation(len(strata))
    kinds, counts = np.unique(strata, return_counts=True)
    rank_within = np.zeros(len(strata))
    for kind, count in zip(kinds, counts, strict=True):
        own = order[strata[order] == kind]
        # The first of every stratum comes before the second of any; the others in proportion to its size.
        rank_within[own] = np.where(np.arange(count) == 0, -1 + rng.random(), np.arange(count) / count)
    return np.sort(np.argsort(rank_within, kind="stable")[:n_items]).astype(np.int64)


def _input(index: MemeIndex) -> tuple[BatchInput, ImageLoader]:
    plan = find_plan(index.folder / SCORING)
    if plan is None:
        raise MemeIndexError(f"{index.folder}/{SCORING} is gone: without it nobody knows where the pictures are")
    source = BatchInput(plan.input, Columns(**plan.columns))
    return source, ImageLoader(frozenset(plan.protocols) | source.protocols, MemeLimits(), _TIMEOUT_S)


def _chosen(index: MemeIndex, found: MemeMap, n_items: int, gone: set[str]) -> dict[str, ToLabel]:
    clusters = found.clusters[found.config.method]
    rows = np.flatnonzero((clusters > -2) & (found.first == np.arange(len(clusters))))
    left_out = set(index.database.rows_of(sorted(gone)).values()) if gone else set()
    rows = np.array([row for row in rows.tolist() if row not in left_out], dtype=np.int64)
    bands = _bands(found.scores.hateful[rows])
    strata = (clusters[rows] + 2) * (len(_BANDS) + 1) + bands
    drawn = stratified(strata, n_items, np.random.default_rng(found.config.seed))
    memes = index.database.by_rows(rows[drawn].tolist())
    chosen = {}
    for place in drawn.tolist():
        meme, cluster, band = memes[int(rows[place])], int(clusters[rows[place]]), int(bands[place])
        why = f"{f'cluster {cluster}' if cluster >= 0 else 'no cluster'}, {(*_BANDS, _NO_SCORE)[band]} score"
        chosen[meme.id] = ToLabel(meme.id, why, meme.decision, meme.words, tuple(meme.scores))
    return chosen


def _bands(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """0 to 2 by thirds of the scores; 3 without one."""
    bands = np.full(len(scores), len(_BANDS), dtype=np.int64)
    known = ~np.isnan(scores)
    if known.any():
        bounds = np.quantile(scores[known], [1 / 3, 2 / 3])
        bands[known] = np.searchsorted(bounds, scores[known], side="right")
    return bands

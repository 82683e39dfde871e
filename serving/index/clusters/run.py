"""A map of an index from its settings to its files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.index.arrays import HAS_MEME
from serving.index.clusters.config import ClusterConfig, Method
from serving.index.clusters.density import density_clusters
from serving.index.clusters.estimators import Points
from serving.index.clusters.facts import cluster_facts, scores_of
from serving.index.clusters.iterative_kmeans import iterative_kmeans
from serving.index.clusters.label_sample import FOLDER as SAMPLE
from serving.index.clusters.label_sample import LabelSample, write_label_sample
from serving.index.clusters.labels import Labels, agreement, agreement_within, read_labels
from serving.index.clusters.layout import drawn, places
from serving.index.clusters.map_page import PAGE, write_map_page
from serving.index.clusters.near_duplicates import near_duplicate_groups
from serving.index.clusters.points import reduced_points, rows_with_features
from serving.index.clusters.tables import CLUSTERS, MEMES_CSV, MEMES_JSONL, MemeMap, write_tables
from serving.index.errors import MemeIndexError
from serving.index.reader import MemeIndex
from serving.index.result_page import check_thumbnails

#: Rows that are no meme, and memes of no cluster.
_NO_MEME, _NO_CLUSTER = -2, -1
_PAIRS = 2000
#: What a command that was killed may leave.
_WRITTEN = {SAMPLE, PAGE, MEMES_CSV, MEMES_JSONL}
Step = Callable[[str], None]


@dataclass(frozen=True)
class ClusterOptions:
    """One ``memeguard cluster``. ``labels``: a table with the column ``label_column``; None: no labels."""

    out: Path
    config: ClusterConfig = field(default_factory=ClusterConfig)
    label_column: str | None = None
    labels: str | None = None
    id_column: str = "id"
    thumbnails: bool = False
    sample: int = 0


def write_map(
    index: MemeIndex, options: ClusterOptions, on_step: Step = lambda _: None
) -> tuple[MemeMap, LabelSample | None]:
    """Cluster an index and write tables, page and sample; the same settings give the same. ``on_step``: what is done.

    Raises ``MemeIndexError`` before any work for a folder of something else, and for what the index does not hold.
    """
    out = options.out
    _check_free(out, index.folder)
    if options.thumbnails:
        check_thumbnails(index)
    with _disk_errors_reported(out):
        out.mkdir(parents=True, exist_ok=True)
        found = make_map(index, options, on_step)
        on_step("writing")
        sample = write_label_sample(out, index, found, options.sample) if options.sample else None
        write_map_page(out, index, found, thumbnails=options.thumbnails)
        write_tables(out, index, found)
        return found, sample


def make_map(index: MemeIndex, options: ClusterOptions, on_step: Step = lambda _: None) -> MemeMap:
    """What ``write_map`` writes."""
    config = options.config
    labels = _labels(index, options)
    on_step("near-duplicates")
    first = near_duplicate_groups(index, config)
    on_step("reducing features")
    rows = rows_with_features(index.arrays)
    distinct = rows[first[rows] == rows]
    points = reduced_points(index.arrays, distinct, config.components, config.seed)
    clusters = _clusters(index, first, distinct, points, config, on_step)
    on_step("describing clusters")
    scores = scores_of(index)
    facts = {
        method: cluster_facts(index, found, distinct, points, scores, labels, config)
        for method, found in clusters.items()
    }
    on_step(f"placing memes on the map ({config.layout})")
    at = drawn(len(distinct), config)
    return MemeMap(
        config=config,
        first=first,
        clusters=clusters,
        facts=facts,
        scores=scores,
        labels=labels,
        agreements=_agreements(labels, clusters[config.method], config),
        drawn=distinct[at],
        places=places(points[at], config),
    )


def _clusters(
    index: MemeIndex,
    first: NDArray[np.int64],
    distinct: NDArray[np.int64],
    points: Points,
    config: ClusterConfig,
    on_step: Step,
) -> dict[Method, NDArray[np.int64]]:
    """Clusters of every row: near-duplicates go with the first of them."""
    on_step("iterative k-means")
    by_means = iterative_kmeans(
        points, config, lambda n, left: on_step(f"iterative k-means: {n} clusters, {left} left")
    )
    on_step("HDBSCAN")
    found: dict[Method, NDArray[np.int64]] = {"kmeans": by_means, "hdbscan": density_clusters(points, config)}
    spread: dict[Method, NDArray[np.int64]] = {}
    is_meme = (np.asarray(index.arrays.flags) & HAS_MEME).astype(bool)
    for method, labels in found.items():
        by_row = np.full(len(first), _NO_CLUSTER, dtype=np.int64)
        by_row[distinct] = labels
        spread[method] = np.where(is_meme, by_row[first], _NO_MEME)
    return spread


def _labels(index: MemeIndex, options: ClusterOptions) -> Labels | None:
    if options.label_column is None:
        return None
    return read_labels(index, options.labels or index.manifest.input, options.label_column, options.id_column)


def _agreements(labels: Labels | None, clusters: NDArray[np.int64], config: ClusterConfig) -> dict[str, float | None]:
    if labels is None:
        return {"random": None, "within": None}
    rng = np.random.default_rng(config.seed)
    random = agreement(labels, np.arange(len(clusters)), _PAIRS, rng)
    within = agreement_within(labels, clusters, _PAIRS, rng)
    return {"random": random and random[0], "within": within and within[0]}


def _check_free(out: Path, index: Path) -> None:
    if out.resolve() == index.resolve() or index.resolve() in out.resolve().parents:
        raise MemeIndexError(f"--out {out} is the index itself: give a folder of its own")
    if out.is_dir() and not (out / CLUSTERS).exists():
        others = sorted(path.name for path in out.iterdir() if ".tmp" not in path.name and path.name not in _WRITTEN)
        if others:
            raise MemeIndexError(f"{out} holds {others[0]!r} and no map: give an --out that is empty or new")


@contextmanager
def _disk_errors_reported(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MemeIndexError(f"{error.filename or out}: {error.strerror or error}") from error

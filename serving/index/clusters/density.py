"""Clusters by density: HDBSCAN on a sample; the others join the cluster of the nearest meme of the sample, if near."""

import numpy as np
from numpy.typing import NDArray

from serving.index.clusters.config import ClusterConfig
from serving.index.clusters.estimators import Labels, Points, fit_hdbscan
from serving.index.vectors import blocks

_BLOCK = 1 << 11
#: A meme joins where it is no farther than so many of a cluster's own memes are from their nearest.
_NEAR_SHARE = 0.95


def density_clusters(points: Points, config: ClusterConfig) -> Labels:
    """Clusters [N] from 0; -1 for noise."""
    rng = np.random.default_rng(config.seed)
    sample = np.sort(rng.choice(len(points), min(config.density_sample, len(points)), replace=False))
    found = fit_hdbscan(points[sample], config.min_cluster_size)
    labels: Labels = np.full(len(points), -1, dtype=np.int64)
    labels[sample] = found
    others = np.setdiff1d(np.arange(len(points)), sample)
    if len(others) and (found >= 0).any():
        reach = _reach(points[sample], found)
        nearest, distances = _nearest(points, others, points[sample])
        joined = found[nearest]
        near = (joined >= 0) & (distances <= reach[np.maximum(joined, 0)])
        labels[others[near]] = joined[near]
    return labels


def _reach(points: Points, labels: Labels) -> NDArray[np.float64]:
    """For each cluster, how far its memes are from the nearest other of it, but for the farthest few."""
    reach = np.zeros(int(labels.max()) + 1)
    for cluster in range(len(reach)):
        members = points[labels == cluster]
        _, distances = _nearest(members, np.arange(len(members)), members, skip_itself=True)
        reach[cluster] = np.quantile(distances, _NEAR_SHARE)
    return reach


def _nearest(
    points: Points, rows: NDArray[np.int64], others: Points, *, skip_itself: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each row the nearest of ``others`` and the distance. ``skip_itself``: they are the same points."""
    lengths = (others.astype(np.float64) ** 2).sum(axis=1)
    places, distances = [], []
    for block in blocks(len(rows), _BLOCK):
        some = points[rows[block]].astype(np.float64)
        squares = (some**2).sum(axis=1)[:, None] + lengths - 2 * (some @ others.T.astype(np.float64))
        if skip_itself:
            squares[np.arange(len(some)), rows[block]] = np.inf
        at = squares.argmin(axis=1)
        places.append(at)
        distances.append(np.sqrt(np.maximum(squares[np.arange(len(some)), at], 0)))
    return np.concatenate(places).astype(np.int64), np.concatenate(distances)

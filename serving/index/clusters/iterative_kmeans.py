"""Iterative k-means: cluster a sample, keep the clusters that hold together, and begin anew with what is left.

How many clusters there are need not be known: K goes up until the fit of the sample stops improving. Every meme that is
left goes to the nearest centre; clusters whose silhouette in the sample is high enough are taken with all their memes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from serving.index.clusters.config import ClusterConfig
from serving.index.clusters.estimators import KMeansFit, Labels, Points, distances_among, fit_kmeans, silhouettes
from serving.index.vectors import blocks

_BLOCK = 1 << 14


def iterative_kmeans(
    points: Points, config: ClusterConfig, on_round: Callable[[int, int], None] = lambda *_: None
) -> Labels:
    """Clusters [N] from 0, the first taken first; -1 for what is left. ``on_round`` is told clusters and memes left."""
    rng = np.random.default_rng(config.seed)
    labels: Labels = np.full(len(points), -1, dtype=np.int64)
    left = np.arange(len(points), dtype=np.int64)
    n_clusters = n_barren = 0
    while len(left) > config.left and n_barren < config.barren_rounds:
        sample = rng.choice(left, min(config.sample_size, len(left)), replace=False)
        fit, held = _best_fit(points[sample], config)
        good = np.flatnonzero(held > config.silhouette)
        nearest = _nearest_centres(points, left, fit.centres)
        taken = np.isin(nearest, good)
        n_barren = 0 if taken.any() else n_barren + 1
        labels[left[taken]] = n_clusters + np.searchsorted(good, nearest[taken])
        n_clusters += len(good)
        left = left[~taken]
        on_round(n_clusters, len(left))
    return labels


def _best_fit(points: Points, config: ClusterConfig) -> tuple[KMeansFit, NDArray[np.float64]]:
    """The fit with the highest mean silhouette, and the silhouette of each of its clusters [K]."""
    distances = distances_among(points)
    best, best_values, n_worse = fit_kmeans(points, 1, config.seed), np.zeros(len(points)), 0
    for k in range(max(2, min(config.k_step, len(points) - 1)), len(points), config.k_step):
        fit = fit_kmeans(points, k, config.seed)
        values = silhouettes(distances, fit.labels)
        if values.mean() > best_values.mean():
            best, best_values, n_worse = fit, values, 0
        else:
            n_worse += 1
        if n_worse == config.patience:
            break
    counts = np.bincount(best.labels, minlength=len(best.centres))
    totals = np.bincount(best.labels, weights=best_values, minlength=len(best.centres))
    return best, totals / np.maximum(counts, 1)


def _nearest_centres(points: Points, rows: NDArray[np.int64], centres: Points) -> Labels:
    lengths = (centres.astype(np.float64) ** 2).sum(axis=1)
    found = [
        (lengths - 2 * (points[rows[block]] @ centres.T)).argmin(axis=1).astype(np.int64)
        for block in blocks(len(rows), _BLOCK)
    ]
    return np.concatenate(found)

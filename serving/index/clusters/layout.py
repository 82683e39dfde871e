"""Places of memes on the map, in 0 to 1."""

import numpy as np
from numpy.typing import NDArray

from serving.index.clusters.config import ClusterConfig
from serving.index.clusters.estimators import Points, fit_pca, tsne

_FEWEST_FOR_TSNE = 5


def drawn(n_points: int, config: ClusterConfig) -> NDArray[np.int64]:
    """Which points are drawn: all, or as many as the map takes, at random."""
    rng = np.random.default_rng(config.seed)
    return np.sort(rng.choice(n_points, min(config.points, n_points), replace=False)).astype(np.int64)


def places(points: Points, config: ClusterConfig) -> Points:
    """Places [N, 2] of points, each axis from 0 to 1."""
    if not len(points):
        return np.zeros((0, 2), dtype=np.float32)
    if config.layout == "tsne" and len(points) >= _FEWEST_FOR_TSNE:
        found = tsne(points, config.seed)
    else:
        found = fit_pca(points, 2, config.seed)(points)
    both = np.zeros((len(points), 2), dtype=np.float32)
    both[:, : found.shape[1]] = np.nan_to_num(found)
    low = both.min(axis=0)
    spread = np.maximum(both.max(axis=0) - low, 1e-9)
    scaled: Points = ((both - low) / spread).astype(np.float32)
    return scaled

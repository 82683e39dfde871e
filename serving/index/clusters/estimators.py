"""What is taken from scikit-learn: PCA, k-means, silhouettes, HDBSCAN, t-SNE. No other module of serving imports it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.manifold import TSNE
from sklearn.metrics import pairwise_distances, silhouette_samples

Points = NDArray[np.float32]
Labels = NDArray[np.int64]
_STARTS = 4
_PERPLEXITY = 30.0


@dataclass(frozen=True)
class KMeansFit:
    """``centres`` [K, D], ``labels`` [N] of the points that it was fitted on."""

    centres: Points
    labels: Labels


def fit_pca(points: Points, n_components: int, seed: int) -> Callable[[Points], Points]:
    """The projection onto the first principal components of ``points``."""
    n = max(1, min(n_components, *points.shape))
    with np.errstate(invalid="ignore", divide="ignore"):  # shares of no variance, which nobody asks for
        pca = PCA(n, svd_solver="randomized", random_state=seed).fit(points)

    def project(some: Points) -> Points:
        return np.asarray(pca.transform(some), dtype=np.float32)

    return project


def fit_kmeans(points: Points, k: int, seed: int) -> KMeansFit:
    """K-means++ from several starts; the best of them."""
    with catch_warnings():
        simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than K: some clusters are empty
        fitted = KMeans(k, n_init=_STARTS, random_state=seed).fit(points)
    return KMeansFit(np.asarray(fitted.cluster_centers_, dtype=np.float32), np.asarray(fitted.labels_, dtype=np.int64))


def distances_among(points: Points) -> NDArray[np.float64]:
    """Euclidean distances [N, N], with zeros on the diagonal."""
    found: NDArray[np.float64] = pairwise_distances(points.astype(np.float64))
    np.fill_diagonal(found, 0)
    return found


def silhouettes(distances: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """That of each point; zeros where there is one cluster, or as many as points."""
    if not 1 < len(np.unique(labels)) < len(labels):
        return np.zeros(len(labels))
    found: NDArray[np.float64] = silhouette_samples(distances, labels, metric="precomputed")
    return found


def fit_hdbscan(points: Points, min_cluster_size: int) -> Labels:
    """Clusters from 0; -1 for noise."""
    if len(points) <= min_cluster_size:
        return np.full(len(points), -1, dtype=np.int64)
    fitted = HDBSCAN(min_cluster_size=min_cluster_size, copy=True).fit(points.astype(np.float64))
    return np.asarray(fitted.labels_, dtype=np.int64)


def tsne(points: Points, seed: int) -> Points:
    """Places [N, 2]."""
    perplexity = min(_PERPLEXITY, max(1.0, (len(points) - 1) / 3))
    options: dict[str, Any] = {"init": "pca" if points.shape[1] > 1 else "random", "random_state": seed}
    return np.asarray(TSNE(2, perplexity=perplexity, **options).fit_transform(points), dtype=np.float32)

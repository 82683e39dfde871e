"""Settings of a map."""

from dataclasses import dataclass
from typing import Literal

Layout = Literal["tsne", "pca"]
Method = Literal["kmeans", "hdbscan"]


@dataclass(frozen=True)
class ClusterConfig:
    """``seed`` makes everything that is drawn at random the same again.

    Near-duplicates differ in at most ``pdq_distance`` bits; hashes below ``pdq_quality`` tell nothing.
    K-means: of a sample of ``sample_size``, K goes up by ``k_step`` until the mean silhouette has not improved
    ``patience`` times; clusters above ``silhouette`` are taken, the rest is sampled again until ``left`` memes are left
    or ``barren_rounds`` in a row took nothing.
    HDBSCAN looks at ``density_sample`` memes; clusters have at least ``min_cluster_size``.
    ``components`` of PCA; ``points`` memes are drawn on the map; ``sheet`` memes are shown of each cluster.
    A meme counts as hateful from the score ``hateful_at``.
    """

    seed: int = 0
    pdq_distance: int = 31
    pdq_quality: int = 50
    components: int = 64
    sample_size: int = 1000
    k_step: int = 5
    patience: int = 3
    silhouette: float = 0.04
    left: int = 20
    barren_rounds: int = 3
    density_sample: int = 10_000
    min_cluster_size: int = 10
    layout: Layout = "tsne"
    points: int = 3000
    sheet: int = 12
    hateful_at: float = 0.5
    method: Method = "kmeans"

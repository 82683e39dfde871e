"""Near-duplicates in an index: memes whose PDQ hashes are near, grouped; of each group the first stands for all."""

import numpy as np
from numpy.typing import NDArray

from model.known.near_pairs import near_groups
from serving.index.arrays import HAS_PDQ
from serving.index.clusters.config import ClusterConfig
from serving.index.reader import MemeIndex


def near_duplicate_groups(index: MemeIndex, config: ClusterConfig) -> NDArray[np.int64]:
    """For each row of the index [N] the first row of its group; itself where nothing is near."""
    first = np.arange(index.manifest.n_rows, dtype=np.int64)
    rows = _rows_to_compare(index, config.pdq_quality)
    if len(rows):
        groups = near_groups(np.ascontiguousarray(index.arrays.pdq[rows]), config.pdq_distance)
        first[rows] = rows[groups]
    return first


def _rows_to_compare(index: MemeIndex, least_quality: int) -> NDArray[np.int64]:
    told = np.zeros(index.manifest.n_rows, dtype=bool)
    for row, quality in index.database.qualities():
        told[row] = quality >= least_quality
    rows = index.arrays.rows_with(HAS_PDQ)
    return rows[told[rows]]

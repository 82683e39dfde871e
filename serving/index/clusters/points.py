"""Points that are clustered: features of pictures and words side by side, reduced by PCA, some rows at a time."""

import numpy as np
from numpy.typing import NDArray

from serving.index.arrays import HAS_IMAGE, HAS_TEXT, Arrays
from serving.index.clusters.estimators import Points, fit_pca
from serving.index.errors import MemeIndexError
from serving.index.vectors import blocks

_BLOCK = 1 << 13
#: Rows that the principal components are found on.
_FIT_ROWS = 10_000


def reduced_points(arrays: Arrays, rows: NDArray[np.int64], n_components: int, seed: int) -> Points:
    """Points [R, C] of ``rows``; raises ``MemeIndexError`` for an index without features."""
    if arrays.image is None and arrays.text is None:
        raise MemeIndexError("the index holds no features, so nothing can be clustered")
    if not len(rows):
        return np.zeros((0, 1), dtype=np.float32)
    rng = np.random.default_rng(seed)
    fitted_on = np.sort(rng.choice(rows, min(_FIT_ROWS, len(rows)), replace=False))
    project = fit_pca(_features(arrays, fitted_on), n_components, seed)
    return np.concatenate([project(_features(arrays, rows[block])) for block in blocks(len(rows), _BLOCK)])


def rows_with_features(arrays: Arrays) -> NDArray[np.int64]:
    """Rows that can be clustered."""
    return arrays.rows_with(HAS_IMAGE | HAS_TEXT)


def _features(arrays: Arrays, rows: NDArray[np.int64]) -> Points:
    """Float32 [R, Di + Dt]; zeros for what a meme does not have."""
    found = [np.asarray(one[rows], dtype=np.float32) for one in (arrays.image, arrays.text) if one is not None]
    return np.nan_to_num(np.concatenate(found, axis=1))

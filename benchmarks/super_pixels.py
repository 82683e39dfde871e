"""Super-pixels of a picture: pixels of about one colour that lie together, as LIME's authors hide them.

By k-means on colour and place from a grid of first middles, as SLIC does (Achanta et al. 2012), over a small copy of
the picture, so that all pixels can be held against all middles.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import KMeans

from model.explanation.coalitions import Floats
from model.explanation.game import Region

_SIDE_PX = 64
#: How much place counts beside colour: a step from one first middle to the next is as far as so much of RGB's 255.
_COMPACTNESS = 40.0


def super_pixels(image: Image.Image, per_side: int) -> NDArray[np.int64]:
    """Which of ``per_side`` squared super-pixels each pixel of a small copy of the picture is of, [64, 64]."""
    small = np.asarray(image.convert("RGB").resize((_SIDE_PX, _SIDE_PX)), dtype=np.float64)
    down, across = np.mgrid[:_SIDE_PX, :_SIDE_PX] * (_COMPACTNESS * per_side / _SIDE_PX)
    points = np.dstack([small, down, across])
    places = ((np.arange(per_side) + 0.5) * _SIDE_PX / per_side).astype(int)
    middles = points[np.ix_(places, places)].reshape(-1, points.shape[-1])
    found = KMeans(len(middles), init=middles, n_init=1, max_iter=10).fit_predict(points.reshape(-1, points.shape[-1]))
    return np.asarray(found, dtype=np.int64).reshape(_SIDE_PX, _SIDE_PX)


def covered(image: Image.Image, of_pixels: NDArray[np.int64], shown: NDArray[np.bool_]) -> Image.Image:
    """The picture with the super-pixels that are not ``shown`` [n] covered with its mean colour."""
    pixels = np.array(image.convert("RGB"))
    hidden = Image.fromarray(~shown[of_pixels]).resize(image.size, Image.Resampling.NEAREST)
    pixels[np.asarray(hidden)] = pixels.mean(axis=(0, 1)).round().astype(np.uint8)
    return Image.fromarray(pixels)


def shared_out(effects: Floats, of_pixels: NDArray[np.int64], regions: tuple[Region, ...]) -> Floats:
    """Effects of super-pixels [n] as those of ``regions`` [R]: each has its share of a super-pixel's area."""
    sizes = np.bincount(of_pixels.ravel(), minlength=len(effects))
    of_pixel = (effects / np.maximum(sizes, 1))[of_pixels]
    steps = (np.arange(_SIDE_PX) + 0.5) / _SIDE_PX
    found = []
    for region in regions:
        rows = (steps >= region.top) & (steps < region.bottom)
        columns = (steps >= region.left) & (steps < region.right)
        found.append(of_pixel[np.ix_(rows, columns)].sum())
    return np.array(found)

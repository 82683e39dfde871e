"""Where the pictures of a training set come from: features of a frozen tower, or pixels for a tower that is trained.

Memory: the features of view 0 (the plain pictures) are held, float16, since every epoch and every evaluation reads
them: N x P x Dp x 2 bytes, 1.5 GB for 5,000 pictures of a ViT-B/16. Augmented views stay on disk and are read a batch
at a time. Pixels are decoded a batch at a time and never held.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from model.errors import MemeError
from model.meme import Meme
from model.preprocess import Preprocessor
from model.runtime import ImageFeatures
from training.data.feature_cache import FrozenTower
from training.datasets.base import DatasetError


@dataclass(frozen=True)
class PixelPictures:
    """Pictures as pixels, for an image tower that is trained in the loop; ``augment`` changes training batches."""

    preprocessor: Preprocessor
    augment: Callable[[Image.Image, np.random.Generator], Image.Image] | None = None


#: What ``Examples`` takes its pictures from.
PictureSource = FrozenTower | PixelPictures


@dataclass(frozen=True)
class Shown:
    """The pictures of a batch: ``embeds`` [B, Di] and ``patches`` [B, P, Dp] float32, or ``pixels`` [B, 3, S, S].

    With pixels, and where no picture is shown, the features are placeholders: Di and Dp may be 0, P is 1.
    """

    embeds: Tensor
    patches: Tensor
    pixels: Tensor | None = None


class PictureStore(Protocol):
    """The pictures of one set. ``places`` [B] index them, -1 for a sample without a picture."""

    def show(self, places: NDArray[np.int64], rng: np.random.Generator | None) -> Shown:
        """The pictures at ``places``: augmented by ``rng``, or plain without one. Rows of -1 hold no meaning."""
        ...

    def blank(self, n_rows: int) -> Shown:
        """Placeholders for a batch of which no picture is shown."""
        ...


def open_pictures(source: PictureSource, paths: Sequence[Path]) -> PictureStore:
    """The pictures at ``paths``, from ``source``; features that are not cached yet are computed now."""
    return PixelStore(source, list(paths)) if isinstance(source, PixelPictures) else FeatureStore(source, list(paths))


class FeatureStore:
    """Features of a frozen tower. Augmented views are computed when the first training batch asks for one."""

    def __init__(self, tower: FrozenTower, paths: list[Path]) -> None:
        self._tower = tower
        self._paths = paths
        self._plain: ImageFeatures | None = tower.features(paths) if paths else None
        self._n_views = tower.n_views
        self._views_ready = False
        #: Batches are made in several threads, and one of them computes for all.
        self._lock = Lock()

    def show(self, places: NDArray[np.int64], rng: np.random.Generator | None) -> Shown:
        """See ``PictureStore``; with ``rng`` each picture is shown in one of the tower's views, the plain one too."""
        if self._plain is None:
            return self.blank(len(places))
        rows = np.maximum(places, 0)
        embeds, patches = self._plain.embeds[rows], self._plain.patches[rows]
        views = np.zeros(len(rows), dtype=np.int64)
        if rng is not None and self._n_views > 0:
            self._compute_views()
            views = np.where(places >= 0, rng.integers(self._n_views + 1, size=len(rows)), 0)
        for view in np.unique(views[views > 0]).tolist():
            chosen = np.flatnonzero(views == view)
            found = self._tower.features([self._paths[row] for row in rows[chosen]], view=view)
            embeds[chosen], patches[chosen] = found.embeds, found.patches
        return Shown(torch.from_numpy(embeds), torch.from_numpy(patches.astype(np.float32)))

    def blank(self, n_rows: int) -> Shown:
        """See ``PictureStore``; as wide as the features, with a single patch."""
        spec = self._tower.spec
        return Shown(torch.zeros(n_rows, spec.embed_width), torch.zeros(n_rows, 1, spec.patch_width))

    def _compute_views(self) -> None:
        """Fill the cache at once: a session of the tower a batch would cost more than the features."""
        with self._lock:
            if self._views_ready:
                return
            for view in range(1, self._n_views + 1):
                self._tower.fill(self._paths, view=view)
            self._views_ready = True


class PixelStore:
    """Picture files, decoded and prepared a batch at a time."""

    def __init__(self, source: PixelPictures, paths: list[Path]) -> None:
        self._source = source
        self._paths = paths

    def show(self, places: NDArray[np.int64], rng: np.random.Generator | None) -> Shown:
        """See ``PictureStore``. Raises ``DatasetError`` naming a file that is no picture."""
        side_px = self._source.preprocessor.config.side_px
        pixels = np.zeros((len(places), 3, side_px, side_px), dtype=np.float32)
        for row, index in enumerate(places.tolist()):
            if index >= 0:
                pixels[row] = self._pixels(self._paths[index], rng)
        blank = self.blank(len(places))
        return Shown(blank.embeds, blank.patches, torch.from_numpy(pixels))

    def blank(self, n_rows: int) -> Shown:
        """See ``PictureStore``; the widths are the tower's, which is not known here."""
        return Shown(torch.zeros(n_rows, 0), torch.zeros(n_rows, 1, 0))

    def _pixels(self, path: Path, rng: np.random.Generator | None) -> NDArray[np.float32]:
        try:
            picture = Meme.from_file(path).picture
        except MemeError as error:
            raise DatasetError(f"{path} cannot be trained on: {error}; remove it or its row") from error
        if rng is not None and self._source.augment is not None:
            picture = self._source.augment(picture, rng)
        return self._source.preprocessor.pixels(picture)

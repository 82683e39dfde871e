"""Memory at run time: labelled memes vote beside the network on memes that are like them, without training.

How like two memes are is a Gaussian kernel of the unit features of both towers. Each binary task is fitted by ridge
regression on the remembered memes that have its label, so that many alike share one vote and labels that contradict
each other cancel. A vote is a shift of the calibrated logit, never larger than ``MemorySettings.cap``; memes that are
like none keep their scores to the last bit. Trained memories (``network/memory.py``) are another thing: they lie in the
graph, and their votes are in the network's logits already.

Symbols: Q memes that are asked about, M remembered ones, T tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.known.features import MemeFeatures

Floats = NDArray[np.float32]
#: Memes that are compared with all others at once.
_ROWS_AT_ONCE = 512
#: Of conjugate gradients; a system of ten thousand memes needs some fifty.
_MOST_STEPS = 500
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class MemorySettings:
    """How far a memory reaches. Measured on dev with the towers of the bundle that ships (``docs/memory.md``).

    ``cap``: largest shift of a calibrated logit. ``image_width`` and ``text_width``: of the kernel, as a distance of
    unit features. ``floor``: likeness that counts as none. ``ridge``: how much a label is doubted. ``partial``: share
    of its likeness that a meme keeps of which only the picture or only the words can be compared.
    """

    cap: float = 4.0
    image_width: float = 0.35
    text_width: float = 0.5
    floor: float = 0.03
    ridge: float = 0.3
    partial: float = 0.5


@dataclass(frozen=True)
class RememberedMeme:
    """``labels``: by binary task, whether its positive class holds. ``weight``: how far they are trusted, usually 1."""

    features: MemeFeatures
    labels: Mapping[str, bool]
    weight: float = 1.0


@dataclass(frozen=True)
class MemoryVote:
    """What a memory does to one meme: ``shifts`` of calibrated logits by binary task.

    ``entries`` is the number of remembered memes that it is like.
    """

    entries: int
    shifts: dict[str, float]


class Memory:
    """Remembered memes, fitted once and never changed: a changed memory is another one. Safe under threads.

    All features must be of one bundle. A vote is a product of matrices: 10,000 memes cost a few milliseconds.
    """

    def __init__(
        self, memes: Sequence[RememberedMeme], tasks: Sequence[str], settings: MemorySettings | None = None
    ) -> None:
        """``tasks`` are the binary ones of the bundle; labels of others are not read."""
        self.settings = settings or MemorySettings()
        self._views = _Views.of([meme.features for meme in memes])
        self._tasks = tuple(tasks)
        likeness = _likeness(self._views, self._views, self.settings)
        votes = [_fitted(likeness, memes, task, self.settings.ridge) for task in self._tasks]
        self._weights: Floats = np.stack(votes, axis=1) if votes else np.zeros((len(memes), 0), np.float32)

    def __len__(self) -> int:
        return len(self._views.has_image)

    def votes(self, features: Sequence[MemeFeatures]) -> list[MemoryVote | None]:
        """The vote on each of some memes; None on one that is like no remembered meme."""
        if not len(self) or not features:
            return [None] * len(features)
        likeness = _likeness(_Views.of(features), self._views, self.settings)
        cap = self.settings.cap
        shifts = (cap * (likeness @ self._weights)).clip(-cap, cap)
        counts = (likeness > 0).sum(axis=1)
        return [self._vote(int(count), row) for count, row in zip(counts, shifts, strict=True)]

    def _vote(self, n_entries: int, shifts: Floats) -> MemoryVote | None:
        told = {task: float(shift) for task, shift in zip(self._tasks, shifts, strict=True) if shift != 0}
        return MemoryVote(n_entries, told) if told else None


@dataclass(frozen=True)
class _Views:
    """Unit features of N memes, zeros where there are none: ``image`` [N, Di], ``text`` [N, Dt]."""

    image: Floats
    text: Floats
    has_image: NDArray[np.bool_]
    has_text: NDArray[np.bool_]

    @classmethod
    def of(cls, features: Sequence[MemeFeatures]) -> "_Views":
        image, has_image = _unit_rows([one.image for one in features])
        text, has_text = _unit_rows([one.text for one in features])
        return cls(image, text, has_image, has_text)

    def rows(self, rows: slice) -> "_Views":
        return _Views(self.image[rows], self.text[rows], self.has_image[rows], self.has_text[rows])


def _unit_rows(found: Sequence[Floats | None]) -> tuple[Floats, NDArray[np.bool_]]:
    """[N, D] of length 1 and which of them are there; D is 0 where none is."""
    width = max((len(one) for one in found if one is not None), default=0)
    rows = np.zeros((len(found), width), dtype=np.float32)
    for row, one in zip(rows, found, strict=True):
        if one is not None:
            row[:] = one
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    there = np.isfinite(lengths[:, 0]) & (lengths[:, 0] > 0)  # a feature without length is like nothing
    rows[~there] = 0
    return np.asarray(rows / np.where(there, lengths[:, 0], 1)[:, None], dtype=np.float32), there


def _likeness(asked: _Views, remembered: _Views, settings: MemorySettings) -> Floats:
    """[Q, M] from 0 to 1, by the views that both have."""
    n_asked = len(asked.has_image)
    found = np.zeros((n_asked, len(remembered.has_image)), dtype=np.float32)
    for at in range(0, n_asked, _ROWS_AT_ONCE):
        rows = slice(at, at + _ROWS_AT_ONCE)
        found[rows] = _likeness_of_some(asked.rows(rows), remembered, settings)
    return found


def _likeness_of_some(asked: _Views, remembered: _Views, settings: MemorySettings) -> Floats:
    pictured = asked.has_image[:, None] & remembered.has_image
    worded = asked.has_text[:, None] & remembered.has_text
    distances = np.zeros(pictured.shape, dtype=np.float32)
    for one, other, both, width in (
        (asked.image, remembered.image, pictured, settings.image_width),
        (asked.text, remembered.text, worded, settings.text_width),
    ):
        if both.any():
            distances += np.where(both, (2 - 2 * one @ other.T).clip(0) / width**2, 0)
    n_views = pictured.astype(np.float32) + worded
    kernel = np.where(n_views > 0, np.exp(-distances / (2 * np.maximum(n_views, 1))), 0)
    alike = (asked.has_image[:, None] == remembered.has_image) & (asked.has_text[:, None] == remembered.has_text)
    kernel = np.where(alike, kernel, settings.partial * kernel)
    return np.asarray((kernel - settings.floor).clip(0) / (1 - settings.floor), dtype=np.float32)


def _fitted(likeness: Floats, memes: Sequence[RememberedMeme], task: str, ridge: float) -> Floats:
    """Weights [M] of the votes on one task, zeros for memes without its label."""
    targets = np.array([2.0 * meme.labels[task] - 1 if task in meme.labels else 0 for meme in memes], np.float32)
    trusted = np.array([meme.weight for meme in memes], np.float32)
    known = (targets != 0) & (trusted > 0)
    doubt = np.asarray(ridge / np.where(known, trusted, 1), dtype=np.float32)
    # Where some memes lack a view, likeness need not be positive definite; enough doubt makes it so.
    for factor in (1.0, 2.0, 4.0, 8.0, 16.0):
        weights = _solved(likeness, known, factor * doubt, targets * known)
        if weights is not None:
            return weights
    return np.asarray(targets * known / (likeness.sum(axis=1) + doubt), dtype=np.float32)


def _solved(likeness: Floats, known: NDArray[np.bool_], doubt: Floats, targets: Floats) -> Floats | None:
    """Conjugate gradients for (K + doubt) w = targets among the known; None where that is not positive definite."""
    weights = np.zeros_like(targets)
    residual, direction = targets.copy(), targets.copy()
    size = float(residual @ residual)
    goal = _TOLERANCE**2 * size
    for _ in range(_MOST_STEPS):
        if size <= goal:
            break
        image = known * (likeness @ direction) + doubt * direction
        curvature = float(direction @ image)
        if curvature <= 0:
            return None
        step = size / curvature
        weights += step * direction
        residual -= step * image
        before, size = size, float(residual @ residual)
        direction = residual + size / before * direction
    return weights

"""Categories of one's own: scores of memes by a few examples, or by a description, from features of the towers alone.

**Few-shot**: for pictures and for words apart, ridge regression on unit features tells the examples from a background
of all others: those of the other categories, memes that are in none, and neutral sentences. Scores that each example
gets from a fit without it (in closed form) say where the middle lies and how steep the logit is, so that a view that
tells nothing is flat. Pictures that nothing stands against are held to how alike the examples are among themselves.

**Zero-shot**, where words and pictures share a space: a softmax of cosines, of the description against neutral ones.

Symbols: M examples of all kinds, D features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.known.features import MemeFeatures

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CategorySettings:
    """How categories are fitted.

    ``ridge``: how much a single example is doubted. ``least``: examples without which a view is not fitted.
    ``prior``: so many examples more, as far from their middle as the kinds are from each other. ``picture_scale`` and
    ``words_scale``: steepness of a cosine between a description and a picture, or between two texts.
    """

    ridge: float = 0.3
    least: int = 3
    prior: float = 4.0
    picture_scale: float = 100.0
    words_scale: float = 20.0


@dataclass(frozen=True, eq=False)
class DescribedCategory:
    """``description`` [D]: what the text tower pools of it."""

    name: str
    description: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ExampleCategory:
    """``examples``: memes or sentences that are in it."""

    name: str
    examples: Sequence[MemeFeatures]


class Categories:
    """Fitted once and never changed. Safe under threads. All features must be of one bundle."""

    def __init__(
        self,
        categories: Sequence[DescribedCategory | ExampleCategory],
        background: Sequence[MemeFeatures],
        neutral: Sequence[NDArray[np.float32]] = (),
        *,
        digest: str = "",
        settings: CategorySettings | None = None,
    ) -> None:
        """``background`` are memes and sentences that are in none; ``neutral`` [D] descriptions that fit anything.

        ``digest`` tells one file of categories from another.
        """
        self.names = tuple(one.name for one in categories)
        self.digest = digest
        self._settings = settings or CategorySettings()
        few = [one for one in categories if isinstance(one, ExampleCategory)]
        self._image = _fits(
            {one.name: [f.image for f in one.examples] for one in few}, [f.image for f in background], self._settings
        )
        self._text = _fits(
            {one.name: [f.text for f in one.examples] for one in few}, [f.text for f in background], self._settings
        )
        self._described = {one.name: _unit(one.description) for one in categories if isinstance(one, DescribedCategory)}
        self._neutral = np.array([_unit(one) for one in neutral], dtype=np.float64)
        # What n examples can say: with five no score is beyond 11 to 1, as by the rule of succession.
        self._bounds = {one.name: float(np.log(2 * len(one.examples) + 1)) for one in few}

    def scores(self, features: MemeFeatures | None) -> dict[str, float]:
        """From 0 to 1 by category; those that have nothing to compare the meme with are left out."""
        if features is None:
            return {}
        image, text = _finite_unit(features.image), _finite_unit(features.text)
        found = {name: self._logit(name, image, text) for name in self.names}
        return {name: float(0.5 * (1 + np.tanh(logit / 2))) for name, logit in found.items() if logit is not None}

    def _logit(self, name: str, image: Floats | None, text: Floats | None) -> float | None:
        if name in self._described:
            return self._described_logit(self._described[name], image, text)
        views = ((self._image.get(name), image), (self._text.get(name), text))
        logits = [fit.logit(unit) for fit, unit in views if fit is not None and unit is not None]
        bound = self._bounds[name]
        return float(np.clip(sum(logits), -bound, bound)) if logits else None

    def _described_logit(self, description: Floats, image: Floats | None, text: Floats | None) -> float | None:
        """Of the picture or of the words, whichever the description fits better."""
        views = ((image, self._settings.picture_scale), (text, self._settings.words_scale))
        logits = [
            scale * float(unit @ description) - _log_mean_exp(scale * (self._neutral @ unit))
            for unit, scale in views
            if unit is not None
        ]
        return max(logits, default=None)


@dataclass(frozen=True)
class _Fit:
    """A linear logit of unit features: ``weights`` [D]."""

    weights: Floats
    bias: float

    def logit(self, unit: Floats) -> float:
        return float(self.weights @ unit + self.bias)


def _fits(
    by_name: Mapping[str, Sequence[NDArray[np.float32] | None]],
    background: Sequence[NDArray[np.float32] | None],
    settings: CategorySettings,
) -> dict[str, _Fit]:
    """A fit for each category that has enough examples with this view."""
    groups = {name: _units(found) for name, found in by_name.items()}
    others = _units(background)
    kept = {name: rows for name, rows in groups.items() if len(rows)}
    if not kept:
        return {}
    rows = np.concatenate([*kept.values(), *([others] if len(others) else [])])
    owners = np.repeat(np.arange(len(kept) + 1), [*map(len, kept.values()), len(others)])
    ridge = _Ridge(rows, settings)
    fits = {}
    for at, (name, own) in enumerate(kept.items()):
        if len(own) >= settings.least:
            is_own = owners == at
            enough = np.count_nonzero(~is_own) >= settings.least
            fits[name] = ridge.fit(is_own) if enough else _alone(own, settings)
    return fits


class _Ridge:
    """Ridge regression on the same rows [M, D] for every category: one inverse serves them all."""

    def __init__(self, rows: Floats, settings: CategorySettings) -> None:
        self._middle = rows.mean(axis=0)
        self._rows = rows - self._middle
        inverse = np.linalg.inv(self._rows.T @ self._rows + settings.ridge * np.eye(rows.shape[1]))
        self._solved = self._rows @ inverse  # [M, D]
        self._leverage = (self._solved * self._rows).sum(axis=1)
        self._prior = settings.prior

    def fit(self, is_own: NDArray[np.bool_]) -> _Fit:
        """Examples against all others, either kind with the same weight as a whole."""
        n_own, n_others = np.count_nonzero(is_own), np.count_nonzero(~is_own)
        targets = np.where(is_own, 1 / n_own, -1 / n_others) * min(n_own, n_others)
        found = targets @ self._solved
        # What each row gets of a fit without it.
        without = targets - (targets - self._rows @ found) / (1 - self._leverage)
        slope, middle = _calibrated(without[is_own], without[~is_own], self._prior)
        weights = slope * found
        return _Fit(weights, float(-slope * middle - weights @ self._middle))


def _calibrated(own: Floats, others: Floats, prior: float) -> tuple[float, float]:
    """Slope and middle of the logit that two bells of one width have; flat where the examples are not the higher."""
    gap = float(own.mean() - others.mean())
    n = len(own) + len(others)
    spread = float((len(own) * own.var() + len(others) * others.var() + prior * gap**2) / (n + prior))
    return (max(gap, 0.0) / max(spread, 1e-9)), float(own.mean() + others.mean()) / 2


def _alone(own: Floats, settings: CategorySettings) -> _Fit:
    """How like the examples a meme is, held to how like each is to the others; the middle is one width lower."""
    total = own.sum(axis=0)
    without = ((own @ total) - 1) / (len(own) - 1)
    width = float(np.sqrt((without.var() * len(own) + settings.prior * 0.1**2) / (len(own) + settings.prior)))
    return _Fit(total / len(own) / width, 1.0 - float(without.mean()) / width)


def _units(found: Sequence[NDArray[np.float32] | None]) -> Floats:
    """[N, D] of those that are there."""
    rows = [unit for one in found if (unit := _finite_unit(one)) is not None]
    return np.array(rows, dtype=np.float64)


def _finite_unit(values: NDArray[np.float32] | None) -> Floats | None:
    """Of length 1; None where there is nothing, or nothing of any length."""
    if values is None:
        return None
    length = np.linalg.norm(values.astype(np.float64))
    return _unit(values) if np.isfinite(length) and length > 0 else None


def _unit(values: NDArray[np.float32]) -> Floats:
    wide = values.astype(np.float64)
    return np.asarray(wide / max(float(np.linalg.norm(wide)), 1e-12), dtype=np.float64)


def _log_mean_exp(values: Floats) -> float:
    top = values.max()
    return float(top + np.log(np.exp(values - top).mean()))

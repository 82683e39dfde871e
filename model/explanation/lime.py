"""LIME: the coefficients of a linear surrogate of a game near the whole meme (Ribeiro, Singh and Guestrin 2016).

Players are hidden at random, as many as not; what the game says is fitted by ridge regression, in which a sample counts
the more the less of the meme is hidden. Distance and kernel are those of the authors' package for texts. Of the picture
the players are regions of a grid, not super-pixels: a network that reads a picture in square patches hides squares.
"""

import numpy as np

from model.explanation.coalitions import Floats
from model.explanation.game import Game, Players

#: Samples that an explanation takes.
N_SAMPLES = 256
_KERNEL_WIDTH = 0.25
_RIDGE = 1.0


def surrogate_effects(game: Game, players: Players, *, n_samples: int = N_SAMPLES, seed: int = 0) -> dict[str, Floats]:
    """By task the coefficient of each player, [n], from ``n_samples`` calls, the first of which is the whole meme."""
    rng = np.random.default_rng(seed)
    n_hidden = rng.integers(1, players.count + 1, size=n_samples) if players.count else np.zeros(n_samples, dtype=int)
    n_hidden[0] = 0
    places = rng.permuted(np.tile(np.arange(players.count), (n_samples, 1)), axis=1)
    rows = places >= n_hidden[:, None]
    shown = rows.astype(np.float64)
    distance = 1 - np.sqrt(rows.mean(axis=1)) if players.count else np.zeros(n_samples)
    weights = np.sqrt(np.exp(-((distance / _KERNEL_WIDTH) ** 2)))
    return {task: _ridge(shown, worth, weights) for task, worth in game(rows).items()}


def _ridge(columns: Floats, worth: Floats, weights: Floats) -> Floats:
    """Coefficients of ``columns`` [K, n] beside a constant that costs nothing."""
    centred = columns - weights @ columns / weights.sum()
    off_mean = worth - weights @ worth / weights.sum()
    weighted = centred * weights[:, None]
    return np.asarray(np.linalg.solve(weighted.T @ centred + _RIDGE * np.eye(columns.shape[1]), weighted.T @ off_mean))

"""Ways to explain a score that ``benchmarks.explanations`` compares, and the curves that they are compared by.

Each gives every player of a game (``model.explanation.game``) an effect on the score of one task. Nothing here knows of
networks or memes.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from model.explanation.coalitions import Floats
from model.explanation.game import Game, Players
from model.explanation.interactions import shapley_values
from model.explanation.lime import surrogate_effects
from model.explanation.regions import effects_without_each

LEFT_OUT, SHAPLEY, LIME, RANDOM = "left out", "Shapley", "LIME", "random"
#: Of regions, whose other effects are of pictures that are encoded anew: of the features that are there already.
FROM_FEATURES = "left out of the features"
#: What CLS is mixed from; it tells no score, so of every task the same.
ROLLOUT = "attention rollout"
#: LIME with players that are cut along the picture's colours, whose effects are shared out over the grid.
LIME_SUPER_PIXELS = "LIME, super-pixels"
#: Gives by task the effect of each player, [n].
Method = Callable[[Game, Players, int], Mapping[str, Floats]]


def methods(most_calls: int) -> dict[str, Method]:
    """By name those that ask a game; their last argument is the seed of what is drawn."""
    return {
        LEFT_OUT: lambda game, players, seed: effects_without_each(game, players),
        SHAPLEY: lambda game, players, seed: shapley_values(game, players, most_calls=most_calls, seed=seed),
        LIME: lambda game, players, seed: surrogate_effects(game, players, n_samples=most_calls, seed=seed),
    }


@dataclass(frozen=True)
class Curve:
    """Scores while players are hidden, those of the largest effects first, and while they are shown in that order.

    ``hidden`` [K] rises from 0 to 1, the share of the players that is hidden; both curves are by it.
    """

    hidden: list[float]
    deletion: list[float]
    insertion: list[float]

    @property
    def gap(self) -> float:
        """Area between the curves: the more, the sooner deletion lowers and insertion raises the score."""
        between = np.subtract(self.insertion, self.deletion)
        return float(np.trapezoid(between, self.hidden))


def curve(game: Game, task: str, effects: Floats, shares: Sequence[float]) -> Curve:
    """Of a game whose players have these ``effects`` [n], with these ``shares`` of them hidden (rounded to players)."""
    n_players = len(effects)
    n_hidden = sorted({round(share * n_players) for share in (0.0, *shares, 1.0)})
    place = np.empty(n_players, dtype=np.int64)
    place[np.argsort(-effects, kind="stable")] = np.arange(n_players)
    deleted = [place >= n for n in n_hidden]
    inserted = [place < n_players - n for n in n_hidden]
    scores = game(np.array([*deleted, *inserted]))[task]
    hidden = [n / n_players for n in n_hidden]
    return Curve(hidden, scores[: len(n_hidden)].tolist(), scores[len(n_hidden) :].tolist())


def rank_correlation(one: Floats, other: Floats) -> float | None:
    """Spearman's; None where one of them has no order."""
    if min(np.ptp(one), np.ptp(other)) == 0:
        return None
    return float(spearmanr(one, other).statistic)


class Stopwatch:
    """Seconds of this thread's work since it was made, whatever else runs on the machine."""

    def __init__(self) -> None:
        self._started = time.thread_time()

    @property
    def seconds(self) -> float:
        """So far."""
        return time.thread_time() - self._started

"""Small games with known answers: what explanations of scores are held to."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from model.explanation.game import Game, Players, Region

Floats = NDArray[np.float64]


def players(n_words: int, n_regions: int = 0) -> Players:
    """So many, that stand for nothing."""
    return Players(tuple((at, at + 1) for at in range(n_words)), tuple(Region(0, 0, 1, 1) for _ in range(n_regions)))


def table_game(worths: Sequence[float], n_players: int) -> Game:
    """A game told by its worth of each coalition, in the order of the binary numbers whose bits are the players."""
    table = np.asarray(worths, dtype=np.float64)
    return lambda rows: {"task": table[rows.astype(np.int64) @ (1 << np.arange(n_players, dtype=np.int64))]}


def shapley_by_definition(worths: Sequence[float], n_players: int) -> tuple[Floats, Floats]:
    """Shapley values [n] and interactions [n, n] of ``table_game``, by their sums over all coalitions."""
    values, together = np.zeros(n_players), np.zeros((n_players, n_players))

    def worth(*members: int) -> float:
        return worths[sum(1 << one for one in members)]

    for one in range(n_players):
        rest = [other for other in range(n_players) if other != one]
        for members in _subsets(rest):
            share = math.factorial(len(members)) * math.factorial(len(rest) - len(members)) / math.factorial(n_players)
            values[one] += share * (worth(*members, one) - worth(*members))
    for one, two in combinations(range(n_players), 2):
        rest = [other for other in range(n_players) if other not in (one, two)]
        for members in _subsets(rest):
            n_others = len(rest) - len(members)
            share = math.factorial(len(members)) * math.factorial(n_others) / math.factorial(n_players - 1)
            both = worth(*members, one, two) - worth(*members, one) - worth(*members, two) + worth(*members)
            together[one, two] += share * both
    return values, together + together.T


def _subsets(players_: Sequence[int]) -> list[tuple[int, ...]]:
    return [members for size in range(len(players_) + 1) for members in combinations(players_, size)]

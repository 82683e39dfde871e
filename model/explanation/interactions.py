"""Shapley values of a game's players and Shapley interactions of each two, from a bounded number of calls.

The interaction of two is what showing both does beyond what showing each does, averaged over who else is shown as the
Shapley value averages what one does (Grabisch and Roubens 1999). Sums over all coalitions are estimated in two steps: a
polynomial of first or second degree is fitted to the calls, whose values are its coefficients, and the sums are taken
over what it leaves unexplained alone. A game that is such a polynomial is told exactly from few calls, any other one
from as many calls as it has coalitions, and between them with an error that shrinks with the calls.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.explanation.coalitions import Coalitions, Floats, draw
from model.explanation.game import Game, Players

#: Calls of a game: all coalitions of eight players; four seconds of the head that ships, on one core.
MOST_CALLS = 256
_CALLS_A_TERM = 4
#: Two players act only together when their interaction is this much of a score at least ...
_MIN_TOGETHER = 0.05
#: ... and neither does more than this share of it alone.
_MAX_ALONE = 0.5


@dataclass(frozen=True)
class Interactions:
    """Of one task: what each of n players does to the score ``alone`` [n], and each two beyond it ``together`` [n, n].

    ``together`` is symmetric with zeros on the diagonal. ``alone`` is the Shapley value without half of the player's
    interactions: 0 for a word that is harmless without the picture, whatever both are together.
    """

    alone: Floats
    together: Floats

    @property
    def only_together(self) -> NDArray[np.bool_]:
        """Neither alone, both: [n, n], two whose interaction is large while neither does much by itself."""
        strength = np.abs(self.together)
        louder = np.maximum.outer(np.abs(self.alone), np.abs(self.alone))
        return np.asarray((strength >= _MIN_TOGETHER) & (louder <= _MAX_ALONE * strength))


def most_players(most_calls: int = MOST_CALLS) -> int:
    """Players whose interactions that many calls tell: exactly with all coalitions, else with some error.

    With four calls for each term of second degree it is a fifth of the interactions' own spread; with two it is half.
    """
    n_players = 2
    while 2 ** (n_players + 1) <= most_calls or _CALLS_A_TERM * _n_terms(n_players + 1) <= most_calls:
        n_players += 1
    return n_players


def shapley_values(game: Game, players: Players, *, most_calls: int = MOST_CALLS, seed: int = 0) -> dict[str, Floats]:
    """By task the Shapley value of each player, [n]. They add up to the score of all shown less that of none.

    Raises ``ValueError`` for more players than ``most_calls`` can tell of: two calls for each and two more.
    """
    drawn = draw(players.count, most_calls, seed)
    singles = drawn.rows.astype(np.float64)
    found = {}
    for task, worth in game(drawn.rows).items():
        coefficients, unexplained = _fitted(singles, worth, drawn)
        found[task] = coefficients + _value_sums(drawn, unexplained)
    return found


def shapley_interactions(
    game: Game, players: Players, *, most_calls: int = MOST_CALLS, seed: int = 0
) -> dict[str, Interactions]:
    """By task what players do alone and each two together.

    Raises ``ValueError`` for more players than ``most_players``: choose those that matter, and leave the rest shown.
    """
    if players.count > most_players(most_calls):
        raise ValueError(f"{most_calls} calls tell of {most_players(most_calls)} players, not of {players.count}")
    drawn = draw(players.count, most_calls, seed)
    first, second = np.triu_indices(players.count, k=1)
    terms = np.hstack([drawn.rows, drawn.rows[:, first] & drawn.rows[:, second]]).astype(np.float64)
    found = {}
    for task, worth in game(drawn.rows).items():
        coefficients, unexplained = _fitted(terms, worth, drawn)
        rest = _pair_sums(drawn, unexplained)
        together = np.zeros_like(rest)
        together[first, second] = coefficients[players.count :]
        together += together.T + rest
        alone = coefficients[: players.count] + _value_sums(drawn, unexplained) - rest.sum(axis=1) / 2
        found[task] = Interactions(alone, together)
    return found


def _n_terms(n_players: int) -> int:
    """Of a polynomial of second degree without squares."""
    return 1 + n_players + n_players * (n_players - 1) // 2


def _fitted(terms: Floats, worth: Floats, drawn: Coalitions) -> tuple[Floats, Floats]:
    """Coefficients of ``terms`` [K, T] that come nearest to ``worth`` [K] beside a constant, and what is left of it.

    Coalitions are weighted as the Shapley value weighs them, those of none and all like those of one.
    """
    n_players = drawn.rows.shape[1]
    sizes = np.clip(drawn.sizes, 1, max(1, n_players - 1))
    weights = np.sqrt(1 / (drawn.n_drawn * sizes * np.maximum(n_players - sizes, 1)))[:, None]
    columns = np.hstack([np.ones((len(terms), 1)), terms])
    coefficients = np.linalg.lstsq(columns * weights, worth * weights[:, 0], rcond=None)[0]
    return coefficients[1:], worth - columns @ coefficients


def _value_sums(drawn: Coalitions, worth: Floats) -> Floats:
    """Shapley values [n]: every coalition counts for those in it and against those who are not."""
    members, sizes = drawn.rows.astype(np.float64), drawn.sizes
    n_players = members.shape[1]
    inside = worth / (drawn.n_drawn * np.maximum(sizes, 1))
    outside = worth / (drawn.n_drawn * np.maximum(n_players - sizes, 1))
    return np.asarray(inside @ members - outside @ (1 - members))


def _pair_sums(drawn: Coalitions, worth: Floats) -> Floats:
    """Shapley interactions [n, n]: every coalition counts for two that are both in it or both not, else against."""
    members, sizes = drawn.rows.astype(np.float64), drawn.sizes
    others, n_players = 1 - members, members.shape[1]
    absent = n_players - sizes
    scale = worth * n_players / drawn.n_drawn
    both = scale / np.maximum(sizes * (sizes - 1), 1)
    neither = scale / np.maximum(absent * (absent - 1), 1)
    one = scale / np.maximum(sizes * absent, 1)
    half = (members * one[:, None]).T @ others
    found = (members * both[:, None]).T @ members + (others * neither[:, None]).T @ others - half - half.T
    np.fill_diagonal(found, 0)
    return np.asarray(found)

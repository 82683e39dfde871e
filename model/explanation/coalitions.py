"""Coalitions that a game is asked about: all of every size where the calls suffice, else a drawn few of each size.

A coalition is the players that are shown while the others are hidden. The smallest and largest sizes have few and are
always complete: they tell what each player does alone, and what each is missed for. What the calls leave is shared
among the sizes between. With as many calls as there are coalitions every sum over them is exact.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Coalitions:
    """``rows`` bool [K, n], True for who is shown; ``n_drawn`` [K]: of how many rows of its size each is one."""

    rows: NDArray[np.bool_]
    n_drawn: Floats

    @property
    def sizes(self) -> Floats:
        """Players of each, [K]."""
        return np.asarray(self.rows.sum(axis=1), dtype=np.float64)


def fewest_calls(n_players: int) -> int:
    """Calls below which not even the complete sizes are known: none, one, all but one, all."""
    n_coalitions: int = 1 << n_players
    return min(n_coalitions, 2 * n_players + 2)


def draw(n_players: int, most_calls: int, seed: int = 0) -> Coalitions:
    """At most ``most_calls`` coalitions of ``n_players``, the same ones for the same ``seed``.

    Each comes with its complement, but those of half the players: what one overrates the other underrates.
    Raises ``ValueError`` when there are fewer calls than ``fewest_calls``.
    """
    if most_calls < fewest_calls(n_players):
        raise ValueError(f"{n_players} players take at least {fewest_calls(n_players)} calls, not {most_calls}")
    rng = np.random.default_rng(seed)
    found: list[NDArray[np.bool_]] = []
    left = most_calls
    for size in range(n_players // 2 + 1):
        # Sizes grow towards the middle, so that what one leaves is there for those that need more.
        share = left // (n_players + 1 - 2 * size) if size > 1 else left
        small = _of_size(n_players, size, share, rng)
        some = [small] if 2 * size == n_players else [small, ~small]
        found += some
        left -= sum(map(len, some))
    drawn = [np.full(len(rows), float(len(rows))) for rows in found]
    return Coalitions(np.vstack(found), np.concatenate(drawn))


def _of_size(n_players: int, size: int, most: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """All coalitions of one size, or ``most`` of them at random, none twice."""
    members: set[tuple[int, ...]] | list[tuple[int, ...]]
    if math.comb(n_players, size) <= most:
        members = list(combinations(range(n_players), size))
    else:
        members = set()
        while len(members) < most:
            members.add(tuple(sorted(rng.permutation(n_players)[:size].tolist())))
    rows = np.zeros((len(members), n_players), dtype=bool)
    np.put_along_axis(rows, np.array(sorted(members), dtype=np.int64).reshape(len(members), size), values=True, axis=1)
    return rows

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.games import Floats, players, shapley_by_definition, table_game

from model.explanation.interactions import (
    MOST_CALLS,
    Interactions,
    most_players,
    shapley_interactions,
    shapley_values,
)

_worth = st.floats(-1, 1, allow_nan=False)


@st.composite
def _tables(draw: st.DrawFn) -> tuple[int, list[float]]:
    n_players = draw(st.integers(1, 5))
    return n_players, draw(st.lists(_worth, min_size=1 << n_players, max_size=1 << n_players))


def _quadratic(rows: np.ndarray, singles: Floats, pairs: Floats) -> Floats:
    shown = rows.astype(np.float64)
    return np.asarray(0.3 + shown @ singles + np.einsum("ki,ij,kj->k", shown, np.triu(pairs, 1), shown))


@given(_tables())
def test_with_a_call_for_each_coalition_both_are_those_of_the_definition(game: tuple[int, list[float]]) -> None:
    n_players, worths = game
    values, together = shapley_by_definition(worths, n_players)
    found = shapley_interactions(table_game(worths, n_players), players(n_players))["task"]
    assert found.together == pytest.approx(together, abs=1e-9)
    assert found.alone == pytest.approx(values - together.sum(axis=1) / 2, abs=1e-9)
    assert shapley_values(table_game(worths, n_players), players(n_players))["task"] == pytest.approx(values, abs=1e-9)


@given(st.integers(8, 12), st.integers(0, 2**32 - 1))
def test_a_game_of_pairs_is_told_exactly_from_a_share_of_its_coalitions(n_players: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    singles, pairs = rng.normal(size=n_players), rng.normal(size=(n_players, n_players))
    calls = 4 * (1 + n_players + math.comb(n_players, 2))
    found = shapley_interactions(
        lambda rows: {"task": _quadratic(rows, singles, pairs)}, players(n_players), most_calls=calls, seed=seed
    )["task"]
    assert calls < 1 << n_players
    assert found.alone == pytest.approx(singles, abs=1e-7)
    assert found.together == pytest.approx(np.triu(pairs, 1) + np.triu(pairs, 1).T, abs=1e-7)


@given(st.integers(7, 30), st.integers(0, 2**32 - 1))
def test_shapley_values_add_up_however_few_the_calls(n_players: int, seed: int) -> None:
    weights = np.random.default_rng(seed).normal(size=n_players)
    calls = 2 * n_players + 2

    def game(rows: np.ndarray) -> dict[str, Floats]:
        return {"task": 1 / (1 + np.exp(-(rows @ weights)))}

    values = shapley_values(game, players(n_players), most_calls=calls, seed=seed)["task"]
    ends = game(np.array([[True] * n_players, [False] * n_players]))["task"]
    assert values.sum() == pytest.approx(ends[0] - ends[1], abs=1e-9)


def test_estimates_come_near_the_definition_and_nearer_with_more_calls() -> None:
    rng = np.random.default_rng(0)
    n_players = 10
    weights = 2 * rng.normal(size=n_players)
    bits = (np.arange(1 << n_players)[:, None] >> np.arange(n_players)) & 1
    game = table_game((1 / (1 + np.exp(-(bits @ weights)))).tolist(), n_players)
    exact = shapley_interactions(game, players(n_players), most_calls=1 << n_players)["task"].together
    errors = []
    for calls in (256, 512):
        found = [
            shapley_interactions(game, players(n_players), most_calls=calls, seed=seed)["task"].together
            for seed in range(8)
        ]
        errors.append(float(np.sqrt(np.mean([(one - exact) ** 2 for one in found]))))
    assert errors[1] < errors[0] < 0.5 * exact.std()


def test_calls_are_bounded_and_the_same_for_the_same_seed() -> None:
    asked: list[np.ndarray] = []

    def game(rows: np.ndarray) -> dict[str, Floats]:
        asked.append(rows)
        return {"task": rows.mean(axis=1)}

    for seed in (3, 3, 4):
        shapley_interactions(game, players(5, 5), seed=seed)
    first, again, other = asked
    assert len(first) <= MOST_CALLS
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_word_and_a_region_that_do_nothing_alone_are_told_as_only_together() -> None:
    def game(rows: np.ndarray) -> dict[str, Floats]:
        word, region, other = rows[:, 1], rows[:, 4], rows[:, 2]
        return {"task": 0.1 + 0.6 * (word & region) + 0.2 * other}

    found = shapley_interactions(game, players(3, 3))["task"]
    expected = np.zeros((6, 6), dtype=bool)
    expected[1, 4] = expected[4, 1] = True
    assert np.array_equal(found.only_together, expected)
    assert found.together[1, 4] == pytest.approx(0.6)
    assert found.alone == pytest.approx([0, 0, 0.2, 0, 0, 0], abs=1e-9)


@pytest.mark.parametrize(("alone", "together", "told"), [(0.0, 0.2, True), (0.15, 0.2, False), (0.0, 0.01, False)])
def test_only_together_takes_a_large_interaction_and_small_effects_alone(
    alone: float, together: float, told: bool
) -> None:
    found = Interactions(np.array([alone, 0.0]), np.array([[0, together], [together, 0]]))
    assert found.only_together.tolist() == [[False, told], [told, False]]


def test_more_players_than_the_calls_can_tell_of_are_refused() -> None:
    with pytest.raises(ValueError, match=r"64 calls tell of 6 players, not of 8"):
        shapley_interactions(table_game([0.0] * 256, 8), players(8), most_calls=64)
    with pytest.raises(ValueError, match=r"8 players take at least 18 calls, not 17"):
        shapley_values(table_game([0.0] * 256, 8), players(8), most_calls=17)


def test_the_players_that_calls_tell_of_grow_with_them() -> None:
    assert [most_players(calls) for calls in (4, 64, 256)] == [2, 6, 10]


def test_each_task_is_told_by_its_own_scores() -> None:
    found = shapley_interactions(
        lambda rows: {"one": rows[:, 0].astype(float), "two": (rows[:, 0] & rows[:, 1]).astype(float)}, players(1, 1)
    )
    assert found["one"].together[0, 1] == pytest.approx(0)
    assert found["two"].together[0, 1] == pytest.approx(1)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.games import Floats, players

from model.explanation.lime import surrogate_effects


def _linear(rows: np.ndarray, effects: Floats) -> dict[str, Floats]:
    return {"task": 0.2 + rows @ effects}


@given(st.integers(2, 20), st.integers(0, 2**32 - 1))
def test_a_linear_games_effects_are_found_but_for_the_ridge(n_players: int, seed: int) -> None:
    effects = np.random.default_rng(seed).normal(size=n_players)
    found = surrogate_effects(lambda rows: _linear(rows, effects), players(n_players), n_samples=4000, seed=seed)[
        "task"
    ]
    assert np.corrcoef(found, effects)[0, 1] > 0.98
    assert np.all(np.abs(found) <= np.abs(effects).max() * 1.1)


def test_the_whole_meme_is_among_the_samples_and_each_other_one_hides_some() -> None:
    asked: list[np.ndarray] = []

    def game(rows: np.ndarray) -> dict[str, Floats]:
        asked.append(rows)
        return _linear(rows, np.ones(6))

    surrogate_effects(game, players(4, 2), n_samples=100)
    (rows,) = asked
    assert rows.shape == (100, 6)
    assert rows[0].all()
    assert not rows[1:].all(axis=1).any()


def test_samples_near_the_whole_meme_count_most() -> None:
    """Of a game that is flat but near the whole meme, the surrogate tells what happens there."""

    def game(rows: np.ndarray) -> dict[str, Floats]:
        return {"task": np.where(rows.sum(axis=1) >= 9, 1.0 * rows[:, 0], 0.0)}

    found = surrogate_effects(game, players(10), n_samples=2000)["task"]
    assert found.argmax() == 0


def test_players_that_do_nothing_get_nothing() -> None:
    found = surrogate_effects(lambda rows: {"task": np.full(len(rows), 0.4)}, players(3, 2))["task"]
    assert found == pytest.approx(np.zeros(5), abs=1e-9)


def test_the_same_seed_gives_the_same_effects() -> None:
    effects = np.array([0.1, 0.5, -0.3])
    one, again, other = (
        surrogate_effects(lambda rows: _linear(rows, effects), players(3), seed=seed)["task"] for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_meme_without_players_has_no_effects() -> None:
    assert surrogate_effects(lambda rows: {"task": np.full(len(rows), 0.4)}, players(0))["task"].shape == (0,)

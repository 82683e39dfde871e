import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.explanation.coalitions import draw, fewest_calls


@given(st.integers(0, 12), st.integers(0, 600), st.integers(0, 2**32 - 1))
def test_every_size_is_there_and_calls_are_not_exceeded(n_players: int, more: int, seed: int) -> None:
    calls = fewest_calls(n_players) + more
    drawn = draw(n_players, calls, seed)
    assert len(drawn.rows) <= calls
    assert {0, n_players} <= set(drawn.sizes.astype(int))
    for size in set(drawn.sizes):
        of_size = drawn.sizes == size
        assert np.all(drawn.n_drawn[of_size] == of_size.sum())


@given(st.integers(0, 8))
def test_with_calls_for_all_each_coalition_comes_once(n_players: int) -> None:
    rows = draw(n_players, 1 << n_players).rows
    assert len(rows) == len(np.unique(rows, axis=0)) == 1 << n_players


@given(st.integers(4, 20), st.integers(0, 2**32 - 1))
def test_each_player_is_shown_as_often_as_hidden(n_players: int, seed: int) -> None:
    drawn = draw(n_players, fewest_calls(n_players) + 4 * n_players, seed)
    balance = (np.where(drawn.rows, 1.0, -1.0) / drawn.n_drawn[:, None])[drawn.sizes != n_players / 2].sum(axis=0)
    assert balance == pytest.approx(0, abs=1e-9)


def test_most_calls_are_used() -> None:
    assert len(draw(12, 256).rows) >= 250

"""Permutations that give nobody what is of their own group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.datasets import DatasetError
from training.repurposing.partners import Rows, random_partners, similar_partners


def is_exchange(partners: Rows, groups: Rows) -> bool:
    return sorted(partners.tolist()) == list(range(len(groups))) and not (groups[partners] == groups).any()


groups_of_at_most_half = (
    st.lists(st.integers(0, 6), min_size=2, max_size=40)
    .map(lambda found: np.array(found, dtype=np.int64))
    .filter(lambda found: 2 * np.bincount(found).max() <= len(found))
)


@given(groups_of_at_most_half, st.integers(0, 5))
def test_everybody_gets_one_of_another_group_and_each_is_given_once(groups: Rows, seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert is_exchange(random_partners(groups, rng), groups)
    features = rng.normal(size=(len(groups), 3))
    assert is_exchange(similar_partners(groups, features, rng), groups)


def test_the_most_similar_are_exchanged_where_that_leaves_one_for_each() -> None:
    angles = np.radians([0, 3, 90, 94, 180, 185])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert similar_partners(np.arange(6), features, np.random.default_rng(0)).tolist() == [1, 0, 3, 2, 5, 4]


def test_another_seed_gives_another_exchange_and_the_same_seed_the_same() -> None:
    groups = np.arange(50) // 2
    first, again, other = (random_partners(groups, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_many_rows_are_assigned_in_blocks_that_have_their_share_of_each_group() -> None:
    groups = np.repeat([0, 1, 2, 3], 800)
    features = np.random.default_rng(0).normal(size=(4, 8))[groups]
    assert is_exchange(similar_partners(groups, features, np.random.default_rng(0)), groups)


@pytest.mark.parametrize("groups", [[0, 0, 0, 1, 2], [0]])
def test_where_some_would_have_to_keep_their_own_it_is_refused(groups: list[int]) -> None:
    with pytest.raises(DatasetError, match="use more data"):
        random_partners(np.array(groups), np.random.default_rng(0))
    with pytest.raises(DatasetError, match="use more data"):
        similar_partners(np.array(groups), np.ones((len(groups), 2)), np.random.default_rng(0))

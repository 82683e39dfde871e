import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.known.near_pairs import near_groups, near_pairs
from model.known.packed_hashes import bits_apart, packed

#: Hashes of few different bytes, so that some are near.
HASHES = st.lists(st.lists(st.sampled_from([0, 1, 3, 255]), min_size=32, max_size=32).map(bytes), max_size=12)


def differing_bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def random_hashes(n: int, seed: int = 0, n_bytes: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, n_bytes), dtype=np.uint8)


@given(HASHES, st.binary(min_size=32, max_size=32))
def test_bits_apart_are_those_that_differ(hashes: list[bytes], value: bytes) -> None:
    assert bits_apart(hashes, value).tolist() == [differing_bits(one, value) for one in hashes]


@pytest.mark.parametrize(
    ("hashes", "message"),
    [
        ([bytes(31)], "a hash has 31 bytes; it must have 32"),
        (np.zeros((1, 33), np.uint8), r"they must be uint8 \[N, 32\]"),
        (np.zeros((1, 32), np.int64), r"they must be uint8 \[N, 32\]"),
    ],
)
def test_what_is_no_hash_is_refused(hashes: list[bytes] | NDArray[np.uint8], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        packed(hashes)


@given(HASHES, st.integers(0, 256))
@settings(max_examples=60)
def test_near_pairs_are_all_pairs_within_the_distance(hashes: list[bytes], distance: int) -> None:
    found = [tuple(row) for block in near_pairs(hashes, distance) for row in block.tolist()]
    expected = [
        (one, other, apart)
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if (apart := differing_bits(hashes[one], hashes[other])) <= distance
    ]
    assert sorted(found) == expected


@given(HASHES, st.integers(0, 256))
@settings(max_examples=60)
def test_groups_are_what_chains_of_near_pairs_connect(hashes: list[bytes], distance: int) -> None:
    groups = list(range(len(hashes)))
    for _ in hashes:
        for one, other in ((a, b) for a in range(len(hashes)) for b in range(len(hashes))):
            if differing_bits(hashes[one], hashes[other]) <= distance:
                groups[one] = groups[other] = min(groups[one], groups[other])
    assert near_groups(hashes, distance).tolist() == groups


def test_copies_of_one_among_many_are_one_group() -> None:
    hashes = random_hashes(5000, seed=2)
    hashes[[10, 500, 4999]] = hashes[3]
    groups = near_groups(hashes, 20)
    assert np.flatnonzero(groups == 3).tolist() == [3, 10, 500, 4999]
    assert len(np.unique(groups)) == 4997


def test_no_hashes_have_no_pairs_and_no_groups() -> None:
    assert list(near_pairs([], 31)) == []
    assert near_groups([], 31).tolist() == []
    assert packed([]).shape == (4, 0)

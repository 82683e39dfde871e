import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.known.hash_index import HashIndex, Hit, packed
from model.known.near_pairs import near_groups, near_pairs

#: Hashes of few different bytes, so that some are near.
HASHES = st.lists(st.lists(st.sampled_from([0, 1, 3, 255]), min_size=32, max_size=32).map(bytes), max_size=12)


def differing_bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def random_hashes(n: int, seed: int = 0, n_bytes: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, n_bytes), dtype=np.uint8)


def flipped(value: bytes, n_bits: int) -> bytes:
    return (int.from_bytes(value) ^ ((1 << n_bits) - 1)).to_bytes(len(value))


@given(HASHES, st.lists(st.binary(min_size=32, max_size=32), max_size=3), st.integers(0, 256))
def test_queries_find_what_looking_at_each_finds(kept: list[bytes], others: list[bytes], distance: int) -> None:
    index = HashIndex()
    index.add(range(100, 100 + len(kept)), kept)
    asked = [*others, *kept]
    found = index.query_many(asked, distance)
    for value, hits in zip(asked, found, strict=True):
        apart = [Hit(100 + at, differing_bits(value, one)) for at, one in enumerate(kept)]
        expected = sorted((hit for hit in apart if hit.distance <= distance), key=lambda hit: (hit.distance, hit.key))
        assert hits == expected == index.query(value, distance)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 255)), max_size=30))
def test_an_index_holds_what_was_added_last_and_not_removed(changes: list[tuple[bool, int, int]]) -> None:
    index, model = HashIndex(8), dict[int, bytes]()
    for added, key, byte in changes:
        if added:
            index.add([key], [bytes([byte] * 8)])
            model[key] = bytes([byte] * 8)
        else:
            assert index.remove([key]) == (model.pop(key, None) is not None)
    assert len(index) == len(model)
    assert sorted(hit.key for hit in index.query(bytes(8), 64)) == sorted(model)
    for key, value in model.items():
        assert Hit(key, 0) in index.query(value, 0)


def test_hashes_beyond_one_block_of_the_scan_are_found_by_their_keys() -> None:
    hashes = random_hashes(40_000)
    index = HashIndex()
    for start in range(0, 40_000, 10_000):
        index.add(np.arange(start, start + 10_000) * 7, hashes[start : start + 10_000])
    for row in (0, 16_383, 16_384, 39_999):
        near = flipped(hashes[row].tobytes(), 20)
        assert index.query(near, 20) == [Hit(row * 7, 20)]
        assert index.query(near, 19) == []


def test_a_million_hashes_take_40_bytes_each_and_an_eighth_of_room() -> None:
    index = HashIndex()
    index.add(np.arange(200_000), random_hashes(200_000))
    held = sum(part.nbytes for part in index._table[:2])
    assert held <= 200_000 * 40 * 1.126


@pytest.mark.parametrize(
    ("keys", "hashes", "message"),
    [
        ([1, 2], [bytes(32)], "2 keys were given for 1 hashes"),
        ([1], [bytes(31)], "a hash has 31 bytes; it must have 32"),
        ([1, 1], [bytes(32)] * 2, "a key was given twice"),
        ([1], np.zeros((1, 33), np.uint8), r"they must be uint8 \[N, 32\]"),
        ([1], np.zeros((1, 32), np.int64), r"they must be uint8 \[N, 32\]"),
    ],
)
def test_what_is_no_hash_for_each_key_is_refused_and_changes_nothing(
    keys: list[int], hashes: list[bytes] | NDArray[np.uint8], message: str
) -> None:
    index = HashIndex()
    index.add([1], [bytes(32)])
    with pytest.raises(ValueError, match=message):
        index.add(keys, hashes)
    assert index.query(bytes(32), 0) == [Hit(1, 0)]


@pytest.mark.parametrize("n_bytes", [0, 4, 12])
def test_hashes_are_of_whole_words(n_bytes: int) -> None:
    with pytest.raises(ValueError, match=f"a multiple of 8 bytes, not {n_bytes}"):
        HashIndex(n_bytes)


def test_queries_during_changes_see_an_index_as_it_was_before_or_after() -> None:
    hashes = random_hashes(3000, seed=1)
    index = HashIndex()
    index.add(np.arange(1000), hashes[:1000])
    done = threading.Event()

    def change() -> None:
        for _ in range(40):
            index.add(np.arange(1000, 3000), hashes[1000:])
            index.remove(range(1000, 3000))
        done.set()

    changer = threading.Thread(target=change)
    changer.start()
    sizes = set()
    while not done.is_set():
        hits = index.query(bytes(32), 256)
        sizes.add(len(hits))
        assert len({hit.key for hit in hits}) == len(hits)
    changer.join()
    assert sizes <= {1000, 3000}


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

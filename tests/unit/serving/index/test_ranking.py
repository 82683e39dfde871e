import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.index.ranking import Best, distances, fused, nearest, nearest_hashes
from serving.index.vectors import to_kept, unit


@given(seed=st.integers(0, 50), n=st.integers(1, 60), top=st.integers(1, 70), every=st.integers(1, 3))
def test_a_scan_gives_what_sorting_all_gives(seed: int, n: int, top: int, every: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = np.stack([unit(one) for one in rng.normal(size=(n, 8))]).astype(np.float16)
    query, rows = unit(rng.normal(size=8)), np.arange(0, n, every)
    values = vectors.astype(np.float32) @ query
    expected = sorted(rows.tolist(), key=lambda row: (-float(values[row]), row))[:top]
    found = nearest(vectors, query, rows, top)
    assert [row for row, _ in found] == expected
    assert np.allclose([value for _, value in found], values[expected])


def test_many_blocks_are_one_ranking() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5000, 4)).astype(np.float16)
    query = np.ones(4, dtype=np.float32)
    found = nearest(vectors, query, np.arange(5000), 10)
    best = np.argsort(-(vectors.astype(np.float32) @ query), kind="stable")[:10]
    assert [row for row, _ in found] == best.tolist()


def test_what_is_no_number_is_never_found() -> None:
    best = Best(3)
    best.add(np.arange(4), np.array([np.nan, 0.5, np.nan, 0.7], dtype=np.float32))
    assert best.ranked() == [(3, np.float32(0.7)), (1, 0.5)]


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=20), st.binary(min_size=32, max_size=32))
def test_distances_are_bits_that_differ(hashes: list[bytes], query: bytes) -> None:
    packed = np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(-1, 32)
    bits = {row: (int.from_bytes(one) ^ int.from_bytes(query)).bit_count() for row, one in enumerate(hashes)}
    assert distances(packed, query, list(bits)) == bits
    ranked = nearest_hashes(packed, query, np.arange(len(hashes)), 5)
    assert [-value for _, value in ranked] == sorted(bits.values())[:5]


def test_a_row_that_two_rankings_have_is_before_rows_of_one() -> None:
    assert [row for row, _ in fused([[(1, 9.0), (2, 8.0)], [(2, 0.3), (3, 0.2)]], 3)] == [2, 1, 3]


def test_vectors_without_a_direction_are_zeros() -> None:
    for broken in ([0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]):
        assert unit(np.array(broken, dtype=np.float32)).tolist() == [0, 0]
    assert to_kept(None) is None
    kept = np.frombuffer(to_kept(np.array([3.0, 4.0])) or b"", dtype="<f2")
    assert np.allclose(kept.astype(np.float32), [0.6, 0.8], atol=1e-3)

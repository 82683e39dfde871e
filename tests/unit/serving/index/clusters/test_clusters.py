"""Points around known centres, without an index."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.index.clusters.config import ClusterConfig
from serving.index.clusters.density import density_clusters
from serving.index.clusters.iterative_kmeans import iterative_kmeans
from serving.index.clusters.label_sample import stratified
from serving.index.clusters.labels import Labels, agreement, agreement_within
from serving.index.clusters.layout import drawn, places
from serving.index.clusters.telling_words import common_words, telling_words

CONFIG = ClusterConfig(sample_size=300, density_sample=400)


def _around(
    n_centres: int, n_each: int, spread: float = 0.05, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_centres, 16))
    of = np.repeat(np.arange(n_centres), n_each)
    return (centres[of] + spread * rng.normal(size=(len(of), 16))).astype(np.float32), of


def _purity(found: NDArray[np.int64], of: NDArray[np.int64]) -> float:
    """The share of clustered points that are with the centre that most of their cluster are of."""
    clustered = [np.bincount(of[found == cluster]).max() for cluster in range(int(found.max()) + 1)]
    return float(sum(clustered) / max(1, (found >= 0).sum()))


@pytest.mark.parametrize("n_centres", [5, 10, 15])
def test_iterative_kmeans_finds_the_clusters_that_are_there(n_centres: int) -> None:
    points, of = _around(n_centres, 60)
    found = iterative_kmeans(points, CONFIG)
    assert (found >= 0).mean() > 0.97
    assert _purity(found, of) > 0.99
    assert len(np.unique(found[found >= 0])) >= n_centres


def test_iterative_kmeans_is_told_by_rounds_and_gives_the_same_again() -> None:
    points, _ = _around(7, 50)
    rounds: list[tuple[int, int]] = []
    found = iterative_kmeans(points, CONFIG, lambda n, left: rounds.append((n, left)))
    assert rounds[-1] == (int(found.max()) + 1, int((found == -1).sum()))
    assert np.array_equal(found, iterative_kmeans(points, CONFIG))


def test_no_more_than_what_may_be_left_is_not_clustered_at_all() -> None:
    points, _ = _around(2, 10)
    assert set(iterative_kmeans(points, replace(CONFIG, left=20)).tolist()) == {-1}
    for n in range(4):
        assert len(iterative_kmeans(points[:n], replace(CONFIG, left=0))) == n


def test_where_nothing_holds_together_the_rounds_end() -> None:
    points = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    found = iterative_kmeans(points, replace(CONFIG, silhouette=0.99))
    assert set(found.tolist()) == {-1}


def test_points_that_are_all_the_same_end_too() -> None:
    found = iterative_kmeans(np.ones((60, 4), dtype=np.float32), CONFIG)
    assert set(found.tolist()) == {-1}


def test_hdbscan_finds_clusters_and_others_join_the_nearest() -> None:
    points, of = _around(6, 200)
    found = density_clusters(points, CONFIG)
    assert (found >= 0).mean() > 0.8
    assert _purity(found, of) > 0.99


def test_hdbscan_leaves_out_what_is_far_from_all() -> None:
    points, _ = _around(4, 200)
    far = np.full((20, 16), 50, dtype=np.float32) * np.arange(1, 21, dtype=np.float32)[:, None]
    found = density_clusters(np.concatenate([points, far]), replace(CONFIG, density_sample=500))
    assert set(found[-20:].tolist()) == {-1}


@pytest.mark.parametrize("n", [0, 1, 2, 4, 5, 60])
@pytest.mark.parametrize("layout", ["pca", "tsne"])
def test_places_are_within_the_map_however_few_there_are(n: int, layout: str) -> None:
    points, _ = _around(3, 20)
    config = replace(CONFIG, layout=layout)  # type: ignore[arg-type]  # one of both
    found = places(points[:n], config)
    assert found.shape == (n, 2)
    assert ((found >= 0) & (found <= 1)).all()


def test_as_many_are_drawn_as_the_map_takes() -> None:
    assert drawn(10, replace(CONFIG, points=30)).tolist() == list(range(10))
    assert len(set(drawn(100, replace(CONFIG, points=30)).tolist())) == 30


def test_telling_words_are_those_that_others_do_not_have() -> None:
    texts = [(n % 3, f"everyone says {('apples', 'pears', 'plums')[n % 3]} {n}") for n in range(30)]
    common = common_words(text for _, text in texts)
    found = telling_words(texts, common, 1)
    assert found == {0: ("apples",), 1: ("pears",), 2: ("plums",)}


def test_a_word_that_one_meme_repeats_tells_nothing() -> None:
    texts = [(0, "spam " * 50), *((0, "apples") for _ in range(5)), *((1, "pears") for _ in range(5))]
    assert telling_words(texts, common_words(text for _, text in texts), 3)[0] == ("apples",)


@given(
    strata=st.lists(st.integers(0, 6), min_size=1, max_size=80),
    n_items=st.integers(1, 100),
    seed=st.integers(0, 5),
)
def test_every_stratum_is_drawn_from_while_there_is_room(strata: list[int], n_items: int, seed: int) -> None:
    found = stratified(np.array(strata, dtype=np.int64), n_items, np.random.default_rng(seed))
    assert len(set(found.tolist())) == min(n_items, len(strata))
    of = [strata[at] for at in found.tolist()]
    assert len(set(of)) == min(n_items, len(set(strata)))


def test_strata_are_drawn_from_by_their_share() -> None:
    strata = np.repeat(np.array([0, 1], dtype=np.int64), [900, 100])
    found = strata[stratified(strata, 100, np.random.default_rng(0))]
    assert 5 <= (found == 1).sum() <= 15


def _labels(codes: list[int]) -> Labels:
    return Labels(np.array(codes, dtype=np.int32), ("a", "b"))


def test_pairs_of_one_label_agree_and_pairs_of_two_by_chance() -> None:
    rng = np.random.default_rng(0)
    same = agreement(_labels([0] * 50), np.arange(50), 500, rng)
    both = agreement(_labels([0, 1] * 50), np.arange(100), 500, rng)
    assert same == (1.0, 500)
    assert both is not None
    assert both[0] == pytest.approx(0.5, abs=0.08)
    assert agreement(_labels([0, -1, -1]), np.arange(3), 500, rng) is None


def test_clusters_of_one_label_each_agree_within() -> None:
    codes, clusters = [0, 1] * 50, np.array([0, 1] * 50)
    found = agreement_within(_labels(codes), clusters, 300, np.random.default_rng(0))
    assert found is not None
    assert found[0] == 1
    assert agreement_within(_labels([-1] * 4), np.zeros(4, dtype=np.int64), 300, np.random.default_rng(0)) is None

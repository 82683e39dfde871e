from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.known.categories import Categories, DescribedCategory, ExampleCategory
from model.known.features import MemeFeatures

WIDTH = 12


def around(axis: int, n: int, seed: int) -> list[NDArray[np.float32]]:
    """Vectors of any length around one axis."""
    rng = np.random.default_rng(seed)
    rows = 0.25 * rng.normal(size=(n, WIDTH)) + np.eye(WIDTH)[axis]
    lengths = rng.uniform(0.1, 9, n)
    return [np.asarray(length * row, dtype=np.float32) for row, length in zip(rows, lengths, strict=True)]


def memes(axis: int, n: int, seed: int) -> list[MemeFeatures]:
    pictures, words = around(axis, n, seed), around(axis, n, seed + 1)
    return [MemeFeatures(picture, text) for picture, text in zip(pictures, words, strict=True)]


def sentences(axis: int, n: int, seed: int) -> list[MemeFeatures]:
    return [MemeFeatures(None, text) for text in around(axis, n, seed)]


def pictures(axis: int, n: int, seed: int) -> list[MemeFeatures]:
    return [MemeFeatures(picture, None) for picture in around(axis, n, seed)]


NEUTRAL = sentences(5, 20, 7)


@pytest.mark.parametrize("n", [5, 20, 200])
@pytest.mark.parametrize("kind", [memes, sentences, pictures])
def test_examples_tell_their_own_kind_from_others(kind: Callable[[int, int, int], list[MemeFeatures]], n: int) -> None:
    found = Categories([ExampleCategory("a", kind(0, n, 1)), ExampleCategory("b", kind(1, n, 2))], NEUTRAL)
    for one in kind(0, 10, 30):
        scores = found.scores(one)
        assert scores["a"] > 0.5 > scores["b"]


def test_what_is_in_no_category_scores_low_in_all() -> None:
    found = Categories([ExampleCategory("a", sentences(0, 20, 1)), ExampleCategory("b", sentences(1, 20, 2))], NEUTRAL)
    assert max(score for one in sentences(5, 10, 40) for score in found.scores(one).values()) < 0.5


def test_a_category_on_its_own_is_told_from_the_background() -> None:
    found = Categories([ExampleCategory("a", memes(0, 10, 1))], [*NEUTRAL, *memes(3, 10, 2)])
    assert min(found.scores(one)["a"] for one in memes(0, 10, 30)) > 0.5
    assert max(found.scores(one)["a"] for one in memes(3, 10, 31)) < 0.5


def test_pictures_that_nothing_stands_against_are_held_to_each_other() -> None:
    found = Categories([ExampleCategory("a", pictures(0, 10, 1))], NEUTRAL)
    like, unlike = (np.mean([found.scores(one)["a"] for one in pictures(axis, 10, 30)]) for axis in (0, 4))
    assert like > 0.5 > unlike


def test_few_examples_are_never_sure() -> None:
    for n in (5, 50):
        found = Categories([ExampleCategory("a", memes(0, n, 1)), ExampleCategory("b", memes(1, n, 2))], NEUTRAL)
        assert max(found.scores(one)["a"] for one in memes(0, 50, 30)) <= 1 - 1 / (2 * n + 2) + 1e-9


def test_examples_that_tell_nothing_score_the_middle() -> None:
    same = memes(0, 10, 1)
    found = Categories([ExampleCategory("a", same), ExampleCategory("b", same)], [])
    assert [found.scores(one) for one in memes(2, 5, 3)] == [{"a": 0.5, "b": 0.5}] * 5


def test_a_meme_without_anything_to_compare_has_no_score() -> None:
    found = Categories([ExampleCategory("a", sentences(0, 10, 1))], NEUTRAL)
    assert found.scores(None) == {}
    assert found.scores(MemeFeatures(None, None)) == {}
    assert found.scores(MemeFeatures(np.ones(4, np.float32), None)) == {}
    assert found.scores(MemeFeatures(None, np.zeros(WIDTH, np.float32))) == {}
    assert found.scores(MemeFeatures(None, np.full(WIDTH, np.nan, np.float32))) == {}


def test_a_picture_of_other_words_is_told_by_both_views() -> None:
    found = Categories([ExampleCategory("a", memes(0, 20, 1)), ExampleCategory("b", memes(1, 20, 2))], NEUTRAL)
    whole = memes(0, 1, 30)[0]
    other = replace(whole, text=memes(1, 1, 31)[0].text)
    assert found.scores(whole)["a"] > found.scores(other)["a"]


def test_a_description_finds_its_pictures_and_words() -> None:
    axes = np.eye(WIDTH, dtype=np.float32)
    described = [DescribedCategory("a", axes[0]), DescribedCategory("b", axes[1])]
    found = Categories(described, [], around(5, 8, 9))
    for one in (*pictures(0, 5, 1), *sentences(0, 5, 2)):
        scores = found.scores(one)
        assert scores["a"] > max(0.9, scores["b"])
    assert max(found.scores(pictures(5, 1, 3)[0]).values()) < 0.1


@given(st.integers(0, 2**31), st.integers(5, 30), st.floats(0.01, 100))
def test_scores_are_probabilities_the_same_every_time_and_for_any_length(seed: int, n: int, length: float) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(2 * n + 1, WIDTH)).astype(np.float32)
    few = [MemeFeatures(row, row[::-1].copy()) for row in rows[: 2 * n]]
    categories = [ExampleCategory("a", few[:n]), ExampleCategory("b", few[n:])]
    asked = MemeFeatures(rows[-1], None)
    scores = Categories(categories, NEUTRAL).scores(asked)
    assert scores == Categories(categories, NEUTRAL).scores(asked)
    assert all(0 < score < 1 for score in scores.values())
    assert Categories(categories, NEUTRAL).scores(MemeFeatures(np.float32(length) * rows[-1], None)) == pytest.approx(
        scores, abs=1e-4
    )

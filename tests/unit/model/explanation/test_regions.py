import math

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.preparation import tokenizer_json

from model.explanation.game import Players, Region, text_with
from model.explanation.regions import (
    box_of,
    covered,
    effects_without_each,
    grid,
    hide_in_features,
    hide_in_pixels,
    tokens_of,
)
from model.preprocess import PreprocessConfig, Preprocessor
from model.runtime import ImageFeatures

LEFT, RIGHT = Region(0, 0, 0.5, 1), Region(0.5, 0, 1, 1)
WHOLE = (0, 0, 32, 32)


def _features(n_tokens: int) -> ImageFeatures:
    patches = np.arange(n_tokens, dtype=np.float32).reshape(1, n_tokens, 1)
    return ImageFeatures(np.ones((1, 2), dtype=np.float32), patches)


def _shown(*flags: bool) -> NDArray[np.bool_]:
    return np.array(flags)


def test_a_grid_is_the_whole_picture_row_by_row_and_nothing_twice() -> None:
    boxes = [box_of(region, (0, 0, 101, 53)) for region in grid(4)]
    seen = np.zeros((53, 101), dtype=int)
    for left, top, right, bottom in boxes:
        seen[top:bottom, left:right] += 1
    assert (seen == 1).all()
    assert boxes == sorted(boxes, key=lambda box: (box[1], box[0]))


@pytest.mark.parametrize("n_before", [0, 1])
def test_each_patch_is_of_one_region_and_a_class_token_of_none(n_before: int) -> None:
    tokens = tokens_of(grid(4), 14 * 14 + n_before, (0, 0, 224, 224), 224)
    assert (tokens[:, n_before:].sum(axis=0) == 1).all()
    assert not tokens[:, :n_before].any()
    assert tokens[0, n_before], "the first patch is in the upper left"


def test_patches_beside_a_padded_picture_are_of_no_region() -> None:
    tokens = tokens_of([LEFT, RIGHT], 16, (0, 8, 32, 24), 32)
    assert tokens.reshape(2, 4, 4).any(axis=2).tolist() == [[False, True, True, False]] * 2


def test_tokens_that_are_no_square_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="12 tokens"):
        tokens_of(grid(), 12, WHOLE, 32)


def test_a_hidden_region_has_the_mean_colour_of_the_picture_and_the_rest_stays() -> None:
    pixels = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    found = covered(pixels, [RIGHT], (0, 8, 32, 24))
    colour = pixels[:, 8:24].mean(axis=(1, 2))
    np.testing.assert_allclose(found[:, 8:24, 16:], np.broadcast_to(colour[:, None, None], (3, 16, 16)))
    np.testing.assert_array_equal(found[:, 8:24, :16], pixels[:, 8:24, :16])
    np.testing.assert_array_equal(found[:, :8], pixels[:, :8])


def test_hidden_in_features_its_patches_are_left_out_and_the_class_token_stays() -> None:
    features = _features(5)
    hide = hide_in_features(features, [LEFT, RIGHT], tokens_of([LEFT, RIGHT], 5, WHOLE, 32))
    shown = hide(_shown(True, False))
    assert shown is not None
    assert shown.patches[0, :, 0].tolist() == [0, 1, 3]
    assert hide(_shown(True, True)) is features
    assert hide(_shown(False, False)) is None


def test_hidden_in_pixels_the_picture_is_encoded_with_those_that_are_hidden() -> None:
    encoded: list[frozenset[Region]] = []
    features, covered_ones = _features(5), _features(5)

    def encode(hidden: frozenset[Region]) -> ImageFeatures:
        encoded.append(hidden)
        return covered_ones

    hide = hide_in_pixels(features, [LEFT, RIGHT], encode)
    assert hide(_shown(False, True)) is covered_ones
    assert encoded == [{LEFT}]
    assert hide(_shown(True, True)) is features
    assert hide(_shown(False, False)) is None


def test_of_a_part_of_the_grid_that_is_hidden_the_rest_is_still_shown() -> None:
    hide = hide_in_features(_features(4), [LEFT], tokens_of([LEFT], 4, WHOLE, 32))
    shown = hide(_shown(False))
    assert shown is not None
    assert shown.patches[0, :, 0].tolist() == [1, 3]


def test_an_effect_is_the_score_of_all_less_that_without_one() -> None:
    worth = np.array([0.1, -0.2, 0.3])
    players = Players(words=((0, 1),), regions=(LEFT, RIGHT))
    found = effects_without_each(lambda rows: {"hateful": rows @ worth}, players)
    assert found["hateful"] == pytest.approx(worth)


def test_a_text_without_words_keeps_what_stands_between_them() -> None:
    spans = ((0, 3), (4, 7), (9, 12))
    assert text_with("one two  six.", spans, _shown(True, False, True)) == "one   six."
    assert text_with("one two  six.", spans, _shown(False, False, False)) == "   ."


@pytest.mark.parametrize("size", [(40, 24), (24, 40), (7, 300), (32, 32)])
def test_a_picture_lies_in_the_square_where_preprocessing_puts_it(size: tuple[int, int]) -> None:
    config = PreprocessConfig(side_px=32, resize="pad", mean=(0, 0, 0), std=(1, 1, 1))
    preprocessor = Preprocessor(config, tokenizer_json())
    left, top, right, bottom = preprocessor.place(size)
    white = preprocessor.pixels(Image.new("RGB", size, "white"))[0]
    assert white[top:bottom, left:right].min() == 1
    assert math.isclose(white.sum(), (right - left) * (bottom - top))
    assert Preprocessor(PreprocessConfig(side_px=32), tokenizer_json()).place(size) == WHOLE

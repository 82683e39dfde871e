"""What is measured for comparison alone: attention rolled out, and super-pixels."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.preparation import picture
from support.tiny import TinyBundle

from benchmarks.explanation_attention import AttentionReader, networks_of, region_shares, rolled_out, word_shares
from benchmarks.super_pixels import covered, shared_out, super_pixels
from model.explanation.game import Players
from model.explanation.regions import grid
from model.runtime import Runtime


def test_half_of_each_layer_is_passed_on_and_half_is_mixed() -> None:
    first = np.array([[0.2, 0.8, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    assert rolled_out([np.array([0.0, 1.0, 0.0])]) == pytest.approx([0.5, 0.5, 0.0])
    # CLS keeps a half; the other half is the second token, of which half came from the third in the layer before.
    assert rolled_out([first, np.array([0.0, 1.0, 0.0])]) == pytest.approx([0.3, 0.45, 0.25])


def test_layers_of_several_networks_are_told_apart_by_their_last() -> None:
    whole, row = np.zeros((3, 3)), np.zeros(3)
    assert [len(one) for one in networks_of([whole, whole, row, row, whole, row])] == [3, 1, 2]


def test_what_words_patches_and_cls_are_mixed_from_is_all_there_is(tiny: TinyBundle) -> None:
    bundle, image, text = tiny.bundle, picture(1), "red gre blu"
    features = Runtime(bundle, threads=1).encode_images(bundle.preprocessor.pixels(image)[None])
    found = AttentionReader(bundle)(text, features)
    assert (found.patches.shape, min(found.patches) > 0) == ((16,), True)
    assert 0 < found.patches.sum() + found.tokens.sum() < 1
    words = word_shares(found, Players(words=((0, 3), (4, 7), (8, 11))), text, bundle.preprocessor)
    assert words == pytest.approx([found.tokens[at : at + 3].sum() for at in (1, 4, 7)])  # a token a letter
    regions = region_shares(found, Players(regions=grid(2)), image.size, bundle.preprocessor)
    assert regions.sum() == pytest.approx(found.patches.sum() / 4)


def test_super_pixels_go_along_colours_and_hide_what_is_not_shown() -> None:
    image = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 49, 119), fill="red")
    of_pixels = super_pixels(image, 4)
    assert len(np.unique(of_pixels)) == 16
    red, white = set(of_pixels[:, :16].ravel()), set(of_pixels[:, 16:].ravel())
    assert red.isdisjoint(white)
    shown = ~np.isin(np.arange(16), list(red))
    hidden = np.asarray(covered(image, of_pixels, shown))
    assert (hidden[:, 60:] == 255).all()
    assert (hidden[:, :40] != np.array([255, 0, 0])).any(axis=2).all()
    assert covered(image, of_pixels, np.ones(16, dtype=bool)).tobytes() == image.tobytes()


def test_effects_are_shared_out_by_area() -> None:
    of_pixels = super_pixels(picture(2, 100, 80), 4)
    effects = np.arange(16.0)
    assert shared_out(effects, of_pixels, grid()).sum() == pytest.approx(effects.sum())
    left, right = shared_out(np.ones(16), np.repeat(np.arange(16), 256).reshape(64, 64), grid(2)[:2])
    assert left == pytest.approx(4)
    assert right == pytest.approx(4)

"""Relations that draw: words stay whole, contrast is what it says, and nothing is drawn over the words."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.meme import Meme
from training.stress.relations.base import RELATIONS, Seed, baseline
from training.stress.relations.drawing import DrawnRelation
from training.stress.relations.lettering import (
    BLACK,
    WHITE,
    Lettering,
    contrast_ratio,
    fitted,
    is_drawable,
)
from training.stress.relations.warped import in_perspective

SEED = Seed("1", "Never wake your neighbours before coffee", hateful=False)
SCENE = Image.new("RGB", (400, 240), (90, 140, 190))


def pixels(name: str, strength: str, number: int = 0, scene: Image.Image = SCENE) -> NDArray[np.uint8]:
    item = RELATIONS[name].apply(SEED, scene, strength, np.random.default_rng(number))
    assert item is not None
    assert item.picture is not None
    return np.asarray(Meme.from_bytes(item.picture).picture)


def plain() -> NDArray[np.uint8]:
    return np.asarray(Meme.from_bytes(baseline(SEED, SCENE).picture or b"").picture)


PAGE_PX = plain().shape[0] - SCENE.height


@pytest.mark.parametrize("strength", RELATIONS["crop"].strengths)
def test_a_crop_cuts_the_scene_and_never_the_words(strength: str) -> None:
    kept = pixels("crop", strength)
    assert kept.shape[0] < plain().shape[0]
    words_px = np.flatnonzero((plain()[:PAGE_PX] < 128).any(axis=(1, 2))).max()
    assert (kept[:words_px] == plain()[:words_px]).all()


@pytest.mark.parametrize("number", range(5))
def test_stickers_hide_the_scene_and_never_the_words(number: int) -> None:
    stuck, words = pixels("sticker", "16", number), plain()[:PAGE_PX] < 128
    assert (stuck[:PAGE_PX][words] == plain()[:PAGE_PX][words]).all()
    assert (stuck[PAGE_PX:] != plain()[PAGE_PX:]).any(axis=2).mean() > 0.3


def test_the_scene_is_mirrored_and_its_words_are_not() -> None:
    scene = SCENE.copy()
    scene.paste((200, 30, 30), (0, 0, 100, 240))
    mirrored = pixels("mirror", "left and right", scene=scene)
    assert (mirrored[:PAGE_PX] == plain()[:PAGE_PX]).all()
    assert mirrored[-1, -1].tolist() == [200, 30, 30]
    assert mirrored[-1, 0].tolist() == [90, 140, 190]


@pytest.mark.parametrize("strength", RELATIONS["contrast"].strengths)
@pytest.mark.parametrize("number", range(3))
def test_letters_have_the_contrast_that_the_strength_says(strength: str, number: int) -> None:
    page = pixels("contrast", strength, number)[: -SCENE.height]
    found = contrast_ratio((int(page.max()),) * 3, (int(page.min()),) * 3)
    assert found == pytest.approx(float(strength.removesuffix(":1")), rel=0.05)


def test_contrast_is_as_wcag_defines_it() -> None:
    assert contrast_ratio(WHITE, BLACK) == pytest.approx(21)
    assert contrast_ratio((119, 119, 119), WHITE) == pytest.approx(4.48, abs=0.01)


def test_a_word_is_never_broken_where_smaller_letters_hold_it() -> None:
    font, lines = fitted("an extraordinarily long word", Lettering(size_px=60), (200, 200))
    assert " ".join(lines) == "an extraordinarily long word"
    assert font.size < 60
    assert max(map(font.getlength, lines)) <= 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words", True),
        ("caf\u00e9, na\u00efve!", True),
        ("happy \U0001f600", False),
        ("\u0434\u0430", False),
        (" ", False),
    ],
)
def test_what_fonts_can_draw_is_known_before(text: str, expected: bool) -> None:
    assert is_drawable(text) == expected


def test_corners_go_where_they_are_put() -> None:
    image = Image.new("RGB", (100, 50), (200, 0, 0))
    tilted = np.asarray(in_perspective(image, np.array([(0, 10), (0, 40), (80, 50), (80, 0)]), (100, 50)))
    assert tilted[25, 40].tolist() == [200, 0, 0]
    assert tilted[2, 4].tolist() == tilted[25, 95].tolist() == [255, 255, 255]


def test_huge_letters_fill_the_picture_and_tiny_ones_hardly_any_of_it() -> None:
    scene = Image.new("RGB", (400, 240), (90, 140, 190))
    covered = [
        (pixels(name, strength, scene=scene) != (90, 140, 190)).any(axis=2).mean()
        for name, strength in (("tiny", "10 px"), ("huge", "a third"), ("huge", "all"))
    ]
    assert covered[0] < 0.1 < covered[1] < 0.25 < covered[2]


def test_a_sentence_of_fewer_words_than_panels_is_not_split() -> None:
    short, rng = Seed("1", "good morning neighbours", hateful=False), np.random.default_rng(0)
    assert RELATIONS["panels"].apply(short, SCENE, "2", rng) is not None
    assert RELATIONS["panels"].apply(short, SCENE, "4", rng) is None
    assert isinstance(RELATIONS["panels"], DrawnRelation)

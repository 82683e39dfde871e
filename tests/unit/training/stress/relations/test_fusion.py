"""Relations of fusion: halves complete each other, and signs stand for words of the table alone."""

import numpy as np
import pytest
from PIL import Image

from training.stress.relations import split
from training.stress.relations.base import RELATIONS, Seed, baseline, encoded, plain_meme
from training.stress.relations.lettering import font_of

SCENE = Image.new("RGB", (400, 240), (90, 140, 190))
SEED = Seed("1", "we drink tea with extraordinary neighbours", hateful=False)


@pytest.mark.parametrize(
    ("strength", "drawn", "post"),
    [
        ("ends in the post", "we drink tea ...", "... with extraordinary neighbours"),
        ("begins in the post", "... with extraordinary neighbours", "we drink tea ..."),
        ("longest word in the picture", "extraordinary", "we drink tea with ... neighbours"),
    ],
)
def test_picture_and_post_complete_each_other(strength: str, drawn: str, post: str) -> None:
    item = RELATIONS["half_and_half"].apply(SEED, SCENE, strength, np.random.default_rng(0))
    assert item is not None
    assert item.text == post
    assert item.picture == encoded(plain_meme(Seed("1", drawn, hateful=False), SCENE).image)


@pytest.mark.parametrize("word", ["man-made", "cat5", "mouse's", "tea/juice", "(teas)-"])
def test_a_sign_stands_for_a_whole_word(word: str) -> None:
    relation, rng = RELATIONS["picture_for_word"], np.random.default_rng(0)
    is_made = relation.apply(Seed("1", f"we like {word} here", hateful=False), SCENE, "every word", rng) is not None
    assert is_made == (word == "(teas)-")


@pytest.mark.parametrize(
    ("strength", "drawn"),
    [
        ("ends in the post", "we drink tea"),
        ("begins in the post", "with extraordinary neighbours"),
        ("longest word in the picture", "extraordinary"),
    ],
)
def test_the_post_is_no_proof_of_what_the_picture_must_say(strength: str, drawn: str) -> None:
    relation = RELATIONS["half_and_half"]
    item = relation.apply(SEED, SCENE, strength, np.random.default_rng(0))
    assert item is not None
    assert relation.drawn_words(SEED, item) == drawn
    assert relation.drawn_words(Seed("1", "they eat rice at some colleagues", hateful=False), item) == ""


def test_three_words_are_not_parted() -> None:
    short = Seed("1", "we drink tea", hateful=False)
    assert RELATIONS["half_and_half"].apply(short, SCENE, "ends in the post", np.random.default_rng(0)) is None


def test_every_sign_is_in_the_font_that_draws_it() -> None:
    font = font_of("DejaVuSans.ttf", 24)
    missing = bytes(font.getmask("\uffff"))
    assert [
        word for word, sign in split.SYMBOLS.items() if any(bytes(font.getmask(char)) == missing for char in sign)
    ] == []


def test_a_sign_replaces_words_of_the_table_alone() -> None:
    relation, rng = RELATIONS["picture_for_word"], np.random.default_rng(0)
    assert relation.apply(Seed("1", "we drink juice", hateful=False), SCENE, "every word", rng) is None
    one, every = (
        relation.apply(Seed("1", "cats, tea and stars", hateful=False), SCENE, strength, rng)
        for strength in relation.strengths
    )
    assert one is not None
    assert every is not None
    assert len({one, every, baseline(Seed("1", "cats, tea and stars", hateful=False), SCENE)}) == 3

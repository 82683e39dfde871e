"""Relations of the file: what a viewer shows has the words, what a careless reader sees has not."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from model.meme import Meme
from training.stress.relations.base import RELATIONS, Relation, Seed, StressItem, encoded, relations_named

SEED = Seed("1", "Never wake your neighbours before coffee", hateful=False)
SCENE = Image.new("RGB", (400, 240), (90, 140, 190))
CASES = [
    pytest.param(relation, strength, id=f"{relation.name}, {strength}")
    for relation in relations_named("container")
    for strength in relation.strengths
]


def packed(relation: Relation, strength: str, seed: Seed = SEED) -> StressItem:
    item = relation.apply(seed, SCENE, strength, np.random.default_rng(0))
    assert item is not None
    return item


@pytest.mark.parametrize(("relation", "strength"), CASES)
def test_a_viewer_is_shown_the_words_of_the_seed_and_of_no_other(relation: Relation, strength: str) -> None:
    item = packed(relation, strength)
    assert relation.rule(SEED, item) is not None
    assert relation.rule(replace(SEED, text="Never wake your neighbours after coffee"), item) is None


def test_a_careless_reader_of_the_first_frame_of_hidden_letters_or_stored_levels_sees_no_words() -> None:
    careless = [
        packed(RELATIONS["animation"], "last of 3"),
        packed(RELATIONS["transparency"], "black beneath"),
    ]
    for item in careless:
        page = np.asarray(Image.open(io.BytesIO(item.picture or b"")).convert("RGB"))[:50]
        assert page.std() == 0
    squeezed = packed(RELATIONS["colour_profile"], "16 levels")
    assert np.ptp(np.asarray(Image.open(io.BytesIO(squeezed.picture or b"")))) == 15


def test_our_own_door_shows_what_a_viewer_does() -> None:
    frames = Meme.from_bytes(packed(RELATIONS["frame_order"], "3 frames").picture or b"")
    assert frames.n_frames == 3
    profiled = Meme.from_bytes(packed(RELATIONS["colour_profile"], "16 levels").picture or b"")
    assert np.ptp(np.asarray(profiled.picture)) > 240


def test_frames_that_come_in_another_order_are_not_proved() -> None:
    relation = RELATIONS["frame_order"]
    gif = Image.open(io.BytesIO(packed(relation, "2 frames").picture or b""))
    frames = []
    for at in (1, 0):
        gif.seek(at)
        frames.append(gif.convert("RGB"))
    swapped = StressItem(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), None)
    assert relation.rule(SEED, swapped) is None


def test_a_sentence_of_one_word_has_no_order_of_frames() -> None:
    word = replace(SEED, text="Coffee")
    relation = RELATIONS["frame_order"]
    assert [relation.apply(word, SCENE, strength, np.random.default_rng(0)) for strength in relation.strengths] == [
        None
    ] * 3

"""Proof by OCR: words that can be read are proved, other words and unreadable ones are not."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from model.ocr import OcrEngine
from model.ocr.engines import make_engine
from training.stress.relations.base import RELATIONS, Seed, StressItem, encoded
from training.stress.relations.proof import ReadingProof, word_f1
from training.stress.scenes import drawn_scene

SEED = Seed("1", "Never wake your neighbours before coffee", hateful=False)


@pytest.fixture(scope="module")
def engine() -> OcrEngine:
    return make_engine("rapidocr", threads=1)


@pytest.mark.parametrize(
    ("read", "added", "expected"),
    [
        ("we like tea", "", 1.0),
        ("TEA like, we!", "", 1.0),
        ("we like", "", 0.8),
        ("Sam we like tea 9:41", "", 0.667),
        ("Sam we like tea 9:41", "Sam 9:41", 1.0),
        ("like like we tea", "like", 1.0),
        ("", "", 0.0),
    ],
)
def test_word_f1_counts_words_in_any_order_but_not_those_that_a_relation_adds(
    read: str, added: str, expected: float
) -> None:
    assert word_f1("we like tea", read, added) == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize(
    ("name", "strength"), [("chat", "among others"), ("half_and_half", "ends in the post"), ("rotation", "30")]
)
def test_ocr_proves_words_beside_others_beside_the_picture_and_turned(
    name: str, strength: str, engine: OcrEngine
) -> None:
    rng = np.random.default_rng(1)
    relation = RELATIONS[name]
    item = relation.apply(SEED, drawn_scene(rng), strength, rng)
    assert item is not None
    assert (ReadingProof(engine)(relation, SEED, item) or "").startswith("ocr: word F1 ")


def test_ocr_does_not_prove_other_words(engine: OcrEngine) -> None:
    rng = np.random.default_rng(1)
    relation, other = RELATIONS["caption"], replace(SEED, text="All of the trains stop here")
    item = relation.apply(SEED, drawn_scene(rng), "above", rng)
    assert item is not None
    assert ReadingProof(engine)(relation, other, item) is None


def test_words_of_the_post_prove_nothing_of_the_picture(engine: OcrEngine) -> None:
    relation, rng = RELATIONS["half_and_half"], np.random.default_rng(1)
    item = relation.apply(SEED, drawn_scene(rng), "longest word in the picture", rng)
    assert item is not None
    proof = ReadingProof(engine)
    assert (proof(relation, SEED, item) or "").startswith("ocr: word F1 ")
    assert proof(relation, SEED, replace(item, picture=encoded(drawn_scene(rng)))) is None


@pytest.mark.parametrize("picture", [encoded(Image.new("RGB", (64, 64))), b"no picture"], ids=["blank", "damaged"])
def test_what_cannot_be_read_or_opened_is_not_proved(picture: bytes, engine: OcrEngine) -> None:
    assert ReadingProof(engine)(RELATIONS["font"], SEED, StressItem(picture, None)) is None

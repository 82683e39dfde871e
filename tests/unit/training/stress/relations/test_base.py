"""What holds of every relation, and how they are named and made."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from model.meme import Meme
from training.stress.relations.base import (
    FAMILIES,
    RELATIONS,
    Relation,
    Seed,
    StressItem,
    UnknownRelationError,
    baseline,
    registered,
    relations_named,
    vary,
)
from training.stress.relations.proof import ReadingProof

SEED = Seed("s1", 'My old cat and her "best" friends like tea', hateful=False)
SCENE = Image.merge("RGB", [Image.linear_gradient("L").rotate(angle).resize((160, 100)) for angle in (20, 80, 130)])
UNDRAWN = ("\u0414\u043e\u0431\u0440\u043e\u0435 \u0443\u0442\u0440\u043e", "all my cats smile \U0001f600")
EVERY = [pytest.param(relation, id=name) for name, relation in RELATIONS.items()]


def trusting(relation: Relation, seed: Seed, item: StressItem) -> str:
    return "rule: trusted"


def changed(relation: Relation, strength: str, number: int = 0) -> StressItem | None:
    return relation.apply(SEED, SCENE, strength, np.random.default_rng(number))


@pytest.mark.parametrize("relation", EVERY)
def test_a_relation_changes_a_seed_at_every_strength_as_chance_alone_decides(relation: Relation) -> None:
    plain = baseline(SEED, None if relation.family == "words" else SCENE)
    first, *others = [changed(relation, strength) for strength in relation.strengths]
    assert len({plain, None, first, *others}) == 2 + len(relation.strengths)
    assert changed(relation, relation.strengths[0]) == first
    assert first is not None
    assert (first.picture is None) == (relation.family == "words")
    opened = Meme.from_text(first.text or "") if first.picture is None else Meme.from_bytes(first.picture)
    assert opened.shown or opened.text


@pytest.mark.parametrize("relation", EVERY)
def test_a_relation_says_what_it_does_and_where_it_is_from(relation: Relation) -> None:
    assert relation.source
    assert len(relation.__doc__ or "") > 30


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_several_relations_and_names_them_all(family: str) -> None:
    named = relations_named(family)
    assert len(named) > 3
    assert {relation.family for relation in named} == {family}


def test_relations_are_named_singly_or_by_family_and_come_once_family_by_family() -> None:
    assert [relation.name for relation in relations_named("jpeg, leet, homoglyph,leet")] == [
        "homoglyph",
        "leet",
        "jpeg",
    ]
    everything = relations_named("all,leet")
    assert len(everything) == len(RELATIONS)
    assert list(dict.fromkeys(relation.family for relation in everything)) == list(FAMILIES)


@pytest.mark.parametrize("names", ["leat", "words,leat", "", " , "])
def test_an_unknown_relation_is_refused_with_the_names_that_there_are(names: str) -> None:
    with pytest.raises(UnknownRelationError, match=r"words, drawing, .*homoglyph, leet"):
        relations_named(names)


def test_two_relations_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="'leet'"):
        registered(type(RELATIONS["leet"]))


def test_a_variant_keeps_the_label_of_its_seed_whichever_it_is() -> None:
    for hateful in (True, False):
        seed = replace(SEED, hateful=hateful)
        made = vary(RELATIONS["leet"], seed, SCENE, "30%", np.random.default_rng(0), trusting)
        assert made is not None
        assert (made.hateful, made.seed_id, made.proof) == (hateful, "s1", "rule: trusted")


def test_what_nothing_proves_is_no_variant() -> None:
    drawn = RELATIONS["font"]
    assert vary(drawn, SEED, SCENE, "serif", np.random.default_rng(0), ReadingProof(None)) is None
    assert vary(drawn, SEED, SCENE, "serif", np.random.default_rng(0), trusting) is not None


@pytest.mark.parametrize(
    "text", ["\u0414\u043e\u0431\u0440\u043e\u0435 \u0443\u0442\u0440\u043e", "all my cats smile \U0001f600"]
)
@pytest.mark.parametrize("name", ["font", "jpeg", "animation", "half_and_half", "picture_for_word", "handwriting"])
def test_what_our_fonts_cannot_draw_whole_is_not_drawn(name: str, text: str) -> None:
    relation = RELATIONS[name]
    made = relation.apply(replace(SEED, text=text), SCENE, relation.strengths[0], np.random.default_rng(0))
    assert made is None

"""Relations of words: each change is undone by its rule, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from training.stress.relations.base import RELATIONS, Relation, Seed, StressItem, relations_named
from training.stress.relations.proof import ReadingProof

SCENE = Image.new("RGB", (8, 8))
CASES = [
    pytest.param(relation, strength, id=f"{relation.name}, {strength}")
    for relation in relations_named("words")
    for strength in relation.strengths
]
TEXT = 'people of "this" house like dogs, tea and long walks'


def written(name: str, text: str, strength: str, *, hateful: bool = True) -> str | None:
    item = RELATIONS[name].apply(Seed("1", text, hateful), SCENE, strength, np.random.default_rng(4))
    return None if item is None else item.text


@pytest.mark.parametrize(("relation", "strength"), CASES)
def test_a_change_of_words_is_proved_by_its_rule_and_not_once_another_word_stands_there(
    relation: Relation, strength: str
) -> None:
    seed = Seed("1", TEXT, hateful=True)
    item = relation.apply(seed, SCENE, strength, np.random.default_rng(0))
    assert item is not None
    assert (ReadingProof(None)(relation, seed, item) or "").startswith("rule: ")
    assert relation.rule(Seed("1", TEXT.replace("walks", "kicks"), hateful=True), item) is None
    assert relation.rule(Seed("1", TEXT + " not", hateful=True), item) is None


SOME_WORDS = st.lists(
    st.sampled_from(["we", "like", "them", "houses", "don't", "Anna's", "of"]), min_size=1, max_size=9
)


@given(SOME_WORDS, st.integers(0, 99))
def test_whatever_words_are_changed_the_rule_undoes_it(words: list[str], number: int) -> None:
    seed = Seed("1", " ".join(words), hateful=True)
    made = [
        (relation, relation.apply(seed, SCENE, strength, np.random.default_rng(number)))
        for relation in relations_named("words")
        for strength in relation.strengths
    ]
    assert [relation.name for relation, item in made if item is not None and not relation.rule(seed, item)] == []


@pytest.mark.parametrize(
    ("name", "strength", "expected"),
    [
        ("spacing", "words joined", "catsaretea"),
        ("spacing", "longest word apart", "c a t s are tea"),
        ("hashtag", "one tag", "#CatsAreTea"),
        ("hashtag", "every word", "#cats #are #tea"),
        ("emoji", "for words", "\U0001f408\U0001f408 are tea"),
        ("emoji", "between all", "cats \U0001f44f are \U0001f44f tea"),
        ("benign_words", "love", "cats are tea love"),
        ("reversed", "every word", "stac era aet"),
        ("reversed", "whole text", "aet era stac"),
        ("reversed", "shown forwards", "\u202eaet era stac\u202c"),
        ("misspelling", "100%", "ctas are tea"),
    ],
)
def test_words_are_written_as_the_relation_says(name: str, strength: str, expected: str) -> None:
    assert written(name, "cats are tea", strength) == expected


@pytest.mark.parametrize(("name", "table"), [("homoglyph", "\u0430\u0435\u043e\u0456"), ("leet", "4301!")])
def test_a_share_of_the_letters_is_replaced_and_one_at_least(name: str, table: str) -> None:
    counts = [
        sum(new != old for new, old in zip(written(name, "aeio" * 5, strength) or "", "aeio" * 5, strict=True))
        for strength in ("10%", "30%", "100%")
    ]
    assert counts == [2, 6, 20]
    assert written(name, "a", "10%") != "a"
    assert set(written(name, "aeio", "100%") or "") <= {*table, "\u03b9", "\u03bf", "@"}


def test_a_text_without_anything_to_change_is_left_out() -> None:
    assert written("leet", "why", "100%") is None
    assert written("emoji", "we like them", "for words") is None
    assert written("quotation_marks", "we like them", "removed") is None


def test_a_misspelling_is_no_other_word() -> None:
    assert written("misspelling", "from", "100%") is None
    assert written("misspelling", "trail", "100%") == "taril"  # not "trial"
    rule = RELATIONS["misspelling"].rule
    assert rule(Seed("1", "they came from there", hateful=True), StressItem(None, "they came form there")) is None
    assert rule(Seed("1", "they came from there", hateful=True), StressItem(None, "tehy came from tehre")) is not None


@pytest.mark.parametrize("text", ["we watch and judge", "Rose saw a bear", "the Tiger team", "they link to it"])
def test_an_emoji_is_put_for_a_word_that_means_it_and_for_no_name(text: str) -> None:
    assert written("emoji", text, "for words") is None


@pytest.mark.parametrize("text", ["we like \U0001f408 and tea", "that was \U0001f595 of them"])
def test_one_tag_that_would_lose_an_emoji_is_not_proved(text: str) -> None:
    relation, seed = RELATIONS["hashtag"], Seed("1", text, hateful=True)
    assert relation.rule(seed, StressItem(None, written("hashtag", text, "one tag"))) is None
    assert relation.rule(seed, StressItem(None, written("hashtag", text, "every word"))) is not None


@pytest.mark.parametrize("sign", ["\U0001f1ea\U0001f1fa", "\U0001f44d\U0001f3fd", "caf\u0065\u0301"])
@pytest.mark.parametrize(("name", "strength"), [("spacing", "all letters apart"), ("reversed", "whole text")])
def test_signs_of_several_characters_are_not_taken_apart(name: str, strength: str, sign: str) -> None:
    assert written(name, f"they wave {sign} here", strength) is None
    assert written(name, "they wave \U0001f408 here", strength) is not None


@pytest.mark.parametrize(
    ("text", "hateful", "is_kept"),
    [
        ('those "people" are Martians', True, True),
        ('nobody should say "women cannot drive"', False, False),
        ('we watched "The Kettle" twice', False, True),
    ],
)
def test_quotation_marks_go_only_where_the_label_surely_stays(text: str, hateful: bool, is_kept: bool) -> None:
    relation, seed = RELATIONS["quotation_marks"], Seed("1", text, hateful)
    item = relation.apply(seed, SCENE, "removed", np.random.default_rng(0))
    assert item == StressItem(None, text.replace('"', ""))
    assert (relation.rule(seed, item) is not None) == is_kept

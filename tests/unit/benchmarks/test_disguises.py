import random
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.disguised_words import DISGUISES
from benchmarks.disguises import SENTENCES, WORDS, plainly_read, share_found, share_kept, weighty
from model import Scorer
from model.policy.word_lists import WordFinder, WordList
from model.preprocess import normalise_text

LETTERS_FOLDED_FOR_THE_NETWORK = [
    name
    for name in DISGUISES
    if name
    not in (
        # Only lists of words read these: accents and strokes are those of languages, the rest is guessing.
        "an accent on each letter",
        "letters with a stroke",
        "backwards",
        "a sign in the word",
        "all letters that digits have",
        "a digit for a letter inside",
        "a letter four times",
        # "basket" is the flags of three countries, and the only letter of "noodle" that must be a turned one is its e.
        "regional indicators",
        "upside down",
        # One of the marks of this kind makes a letter of an alphabet.
        "a combining mark on each letter",
    )
]


def test_word_lists_find_every_word_in_every_disguise() -> None:
    assert {name: share_found(disguise, WORDS[:8]) for name, disguise in DISGUISES.items()} == dict.fromkeys(
        DISGUISES, 1.0
    )


#: No letter twice in a row, since "oo" may be a stretched "o"; and not the same backwards.
#: One letter at least that is no letter of English when the page is turned, and that no digit stands for: a word of
#: digits alone is a number.
ANY_WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=5, max_size=10).filter(
    lambda word: (
        all(len(list(run)) == 1 for _, run in groupby(word)) and word != word[::-1] and set(word) & set("fhmrvwy")
    )
)


@pytest.mark.parametrize("name", DISGUISES)
@settings(max_examples=25)
@given(word=ANY_WORD, seed=st.integers(0, 1000))
def test_any_word_is_found_in_disguise_where_it_was_written(name: str, word: str, seed: int) -> None:
    written = DISGUISES[name](word, random.Random(seed))
    (match,) = WordFinder([WordList("words", "review", (word,))]).find(f"well, {written} it is")
    assert 6 <= match.start < match.end <= 6 + len(written)
    assert written[match.start - 6 : match.end - 6].strip("\u202c\u202e\u2067\u2069") == written.strip(
        "\u202c\u202e\u2067\u2069"
    )


@pytest.mark.parametrize("name", LETTERS_FOLDED_FOR_THE_NETWORK)
def test_the_network_reads_the_plain_word(name: str) -> None:
    for seed, word in enumerate(WORDS):
        written = DISGUISES[name](word, random.Random(seed))
        assert normalise_text(f"well, {written} it is").casefold() == f"well, {word} it is"


def test_scores_are_kept_where_the_network_reads_the_plain_word(scorer: Scorer) -> None:
    sentences = weighty(SENTENCES, scorer, 2)
    assert len(sentences) == 2
    assert share_kept(DISGUISES["small capitals"], sentences, scorer) == 1
    assert share_kept(lambda word, _: "", sentences, scorer) == 0


@pytest.mark.parametrize("text", ["Plain words, 100%.", "rat \U0001f400!", "caf\u00e9 \u2764\ufe0f"])
def test_the_yardstick_reads_ordinary_text_as_the_network_does(text: str) -> None:
    assert plainly_read(text) == normalise_text(text)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.known.words import (
    SKETCH_BITS,
    SKETCH_BYTES,
    bits_of_distance,
    distance_of_bits,
    folded_letters,
    is_words_key,
    n_letters,
    sketch_of,
    words_distance,
    words_key,
)

PLAIN = "When you realize it is Monday again and nobody laughs"


def distance(one: str, other: str) -> float:
    """Distance of two texts that have words."""
    keys = [words_key(text) for text in (one, other)]
    assert None not in keys
    return words_distance(*[key for key in keys if key is not None])


@pytest.mark.parametrize(
    "written",
    [
        "WHEN YOU REALIZE IT IS MONDAY AGAIN AND NOBODY LAUGHS",
        "when you realize\nit is Monday, again -- and nobody laughs!!!",
        "  When  you realize it is\tMonday again (and nobody laughs)",
        "wh3n y0u r3alize it is m0nday again and nobody laughs",
        "When y\u043eu realize it is M\u043enday \u0430gain and nobody laughs",
        "W h e n  y o u  realize it is Monday again and nobody laughs",
        "Wh\u00e9n you re\u00e4lize it is Monday again and nob\u00f6dy laughs",
        "Wheeeeen you realize it is Mondaaay again and nobody laughs",
        "When you real\u00adize it is Mon\u200bday again and nobody laughs",
        "When you rea*lize it is Mon.day again and nobody laughs",
        "\uff37hen you realize it is Monday again and nobody laughs",
        "When you reaIize it is Monday again and nobody laughs",
        PLAIN[::-1],
    ],
)
def test_disguises_and_layout_make_no_other_key_of_the_same_words(written: str) -> None:
    assert distance(PLAIN, written) == 0


@pytest.mark.parametrize(
    ("other", "least"),
    [
        ("and nobody laughs When you realize it is Monday again", 0.001),
        ("When you realize it is Sunday again and nobody laughs", 0.01),
        ("you love going to church with grandmother every single week", 0.5),
    ],
)
def test_other_words_or_another_order_make_another_key(other: str, least: float) -> None:
    assert distance(PLAIN, other) >= least


def test_words_that_were_read_a_letter_wrong_are_nearer_than_other_words() -> None:
    misread = distance(PLAIN, "When you realize it is Honday again and nobodv laughs")
    continued = distance(PLAIN, "When you realize it is Friday tomorrow and everybody cheers")
    assert 0 < misread < 0.2 < continued


@pytest.mark.parametrize("text", [None, "", "   ", "?!...", "\u200b\u200b", "-\n-"])
def test_where_there_are_no_words_there_is_no_key(text: str | None) -> None:
    assert words_key(text) is None


def test_emoji_and_words_of_other_scripts_are_words() -> None:
    keys = {words_key(text) for text in ("👌👌", "🔥", "доброе утро", "早上好", "صباح الخير", "42")}
    assert len(keys) == 6
    assert None not in keys


def test_a_key_tells_how_many_letters_there_were_up_to_255() -> None:
    keys = {text: words_key(text) for text in ("lol", "abc" * 200)}
    assert {text: n_letters(key) for text, key in keys.items() if key is not None} == {"lol": 3, "abc" * 200: 255}


@given(st.text(min_size=1, max_size=40))
def test_a_key_has_50_digits_and_is_known_as_one(text: str) -> None:
    key = words_key(f"word {text}")
    assert key is not None
    assert is_words_key(key)
    assert len(sketch_of(key)) == SKETCH_BYTES
    assert not any(map(is_words_key, (key.upper(), key[:-1], key + "0", f"{key}\n")))


@given(st.text("abcdef", min_size=3), st.text("abcdef", min_size=3))
def test_distances_are_symmetric_within_0_and_1_and_0_for_the_same_letters_alone(one: str, other: str) -> None:
    apart = distance(one, other)
    assert apart == distance(other, one)
    assert 0 <= apart <= 1
    same = folded_letters(one) in (folded_letters(other), folded_letters(other)[::-1])
    assert (apart == 0) == (same and (len(folded_letters(one)) >= 5 or folded_letters(one) == folded_letters(other)))


@given(st.integers(0, SKETCH_BITS), st.floats(0, 1))
@settings(max_examples=300)
def test_bits_of_a_distance_are_the_most_that_are_within_it(bits: int, limit: float) -> None:
    within = bits_of_distance(limit)
    assert bits <= within or distance_of_bits(bits) > limit
    assert bits > within or distance_of_bits(bits) <= limit or bits == 0
    assert bits_of_distance(1.0) == SKETCH_BITS

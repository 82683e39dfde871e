import random
import unicodedata
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cpu_time import least_cpu_s

from model.policy.aho_corasick import Automaton
from model.policy.word_lists import MAX_MATCHES_TOLD, WordFinder, WordList
from model.preprocess import normalise_text
from model.text.confusables import look_alike
from model.text.leet import LEET
from model.text.readings import fold
from model.text.turned import IS_TURNED

ENTRIES = ("grumble", "turnip soup", "good", "h8", "c++", "👌", "ss", "tom")


def found(text: str, *entries: str, whole_words: bool = True) -> list[str]:
    """What of ``text`` is matched."""
    finder = WordFinder([WordList("mild", "review", entries or ENTRIES, whole_words)])
    return [text[match.start : match.end] for match in finder.find(text)]


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("we GRUMBLE a lot", "GRUMBLE"),
        ("the grumble's end", "grumble"),
        ("gr\u200bum\u00adble!", "gr\u200bum\u00adble"),
        ("gr\u03c5mble", "gr\u03c5mble"),
        ("ｇｒｕｍｂｌｅ", "ｇｒｕｍｂｌｅ"),
        ("9rumb1e", "9rumb1e"),
        ("TURNIP\n  soup", "TURNIP\n  soup"),
        ("turnip - soup", "turnip - soup"),
        ("such grrrrumblllle", "grrrrumblllle"),
        ("now g r u m b l e", "g r u m b l e"),
        ("g.r.u.m.b.1.e", "g.r.u.m.b.1.e"),
        ("t-o-m", "t-o-m"),
        ("I like c++", "c++"),
        ("fine 👌🏽", "👌"),
        ("h8 it", "h8"),
    ],
)
def test_a_disguised_word_is_found_where_it_was_written(text: str, matched: str) -> None:
    assert found(text) == [matched]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "grumbling",
        "agrumble",
        "god",
        "gruumble",
        "my iPhone 5s",
        "hb",
        "b@ss",
        "a t o m s",
        "ok hand sign",
        "c",
        "turnip. soup",
        "gr um ble",
        "$$ !! 11",
    ],
)
def test_what_only_looks_like_an_entry_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_without_whole_words_an_entry_is_found_within_others_and_only_its_own_letters_are_told() -> None:
    assert found("grumblings and foooot", "umbl", "oo", whole_words=False) == ["umbl", "oo"]
    assert found("xfoooox", "foo", whole_words=False) == ["foooo"]


def test_a_word_wholly_of_cyrillic_look_alikes_is_found_but_not_in_cyrillic_text() -> None:
    disguised = "\u0441\u043e\u0440"
    assert found(f"the {disguised} comes", "cop") == [disguised]
    assert found(f"\u044d\u0442\u043e {disguised}", "cop") == []
    assert found(f"\u044d\u0442\u043e {disguised}", disguised) == [disguised]


def test_matches_come_in_the_order_of_the_text_with_list_and_action() -> None:
    finder = WordFinder([WordList("b", "block", ("two",)), WordList("a", "review", ("one", "one two"))])
    matches = [(match.word_list, match.action, match.start, match.end) for match in finder.find("one two")]
    assert matches == [("a", "review", 0, 3), ("a", "review", 0, 7), ("b", "block", 4, 7)]


def test_a_list_tells_a_bounded_number_of_matches_and_hides_no_other_list() -> None:
    finder = WordFinder([WordList("many", "review", ("ha",)), WordList("last", "block", ("end",))])
    matches = finder.find("ha " * 500 + "end")
    assert [match.word_list for match in matches] == ["many"] * MAX_MATCHES_TOLD + ["last"]


#: Of every kind that folding treats in a way of its own, besides whatever else there is in Unicode.
ANY_TEXT = st.text(
    st.one_of(st.sampled_from("aB \n-_\u0301\u0430\u0456\u200b\u1100\u1161\u11a8ßﬁİ½👌🏽ｶﾞ"), st.characters()),
    max_size=40,
)


@given(ANY_TEXT)
def test_folding_says_what_normalising_says(text: str) -> None:
    expected = normalise_text(text, emoji=None).casefold()
    gaps = "".join(" " if unicodedata.category(char) in ("Pd", "Pc", "Cc") else char for char in expected)
    assert fold(text).chars.split() == gaps.split()


@given(ANY_TEXT)
def test_every_folded_character_knows_where_it_was_written(text: str) -> None:
    folded = fold(text)
    assert len(folded.chars) == len(folded.starts) == len(folded.ends) == len(folded.shape)
    assert all(0 <= start < end <= len(text) for start, end in zip(folded.starts, folded.ends, strict=True))


@given(ANY_TEXT.filter(lambda text: "\u202e" not in text and IS_TURNED.search(text) is None))
def test_folded_characters_stand_in_the_order_of_writing_unless_they_are_read_in_another(text: str) -> None:
    folded = fold(text)
    assert list(folded.starts) == sorted(folded.starts)


def is_normal_letter(char: str) -> bool:
    return char.isalpha() and (unicodedata.normalize("NFKC", char) == char or char == "\u03f2")


#: Letters of other scripts that look like small Latin ones: all of Unicode's first plane.
HOMOGLYPHS = {
    latin: tuple(char for char, seen in SEEN.items() if seen == latin)
    for SEEN in [{char: look_alike(char) for char in map(chr, range(0x80, 0xD800)) if is_normal_letter(char)}]
    for latin in "abcdefghijklmnopqrstuvwxyz"
}
ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\u00ad", "\u034f", "\U000e0101", "\u3164")
SEEN_AS = {sign: letter.lower() for table in (LEET, HOMOGLYPHS) for letter, signs in table.items() for sign in signs}
SPELLINGS = {
    letter: [letter, letter.upper(), letter * 4, *HOMOGLYPHS.get(letter, ()), *(letter + mark for mark in ZERO_WIDTH)]
    for letter in "abcdefghijklmnopqrstuvwxyz"
}
WORDS = st.text("abcdefgnorstu", min_size=4, max_size=9).filter(
    lambda word: all(len(list(run)) < 2 for _, run in groupby(word))
)


@st.composite
def disguises(draw: st.DrawFn) -> tuple[str, str]:
    """A word, and the same word written differently."""
    word = draw(WORDS)
    spelt = [draw(st.sampled_from(SPELLINGS[letter])) for letter in word]
    spelt[0], spelt[-1] = word[0], word[-1].upper()  # so that it stays a word of Latin letters
    return word, "".join(spelt)


@given(disguises(), st.sampled_from(["", "well, ", "Ça va? ", "👌 ", "é" * 30 + " "]))
def test_the_span_of_a_disguised_word_is_exactly_the_word(disguise: tuple[str, str], before: str) -> None:
    word, written = disguise
    (match,) = WordFinder([WordList("l", "review", (word,))]).find(f"{before}{written} there")
    assert (match.start, match.end) == (len(before), len(before) + len(written))


def plain(text: str) -> str:
    """Another way to undo disguises, that knows no places: no gaps, and every run of a letter is one letter."""
    letters = (SEEN_AS.get(char, char) for char in normalise_text(text, emoji=None).casefold())
    return "".join(char for char, _ in groupby(char for char in letters if char not in " .-"))


FRAGMENTS = st.sampled_from([*"abo48@$0 .-", "\u200b", "\u0430", "\u043e", "abba", "4BBa", "b0a", "b o a", "OB - ab"])


@settings(max_examples=300)
@given(st.lists(FRAGMENTS, max_size=12))
def test_whatever_is_found_normalises_to_an_entry(fragments: list[str]) -> None:
    entries = ("abba", "boa", "ob ab", "baob")
    matched = found("".join([*fragments, " boa"]), *entries)
    assert matched
    assert {plain(one) for one in matched} <= {plain(entry) for entry in entries}


@given(st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=6), st.text("abc", max_size=30))
def test_the_automaton_finds_what_a_search_for_each_key_finds(keys: list[str], text: str) -> None:
    expected = {
        (index + len(key), number)
        for number, key in enumerate(keys)
        for index in range(len(text))
        if text.startswith(key, index)
    }
    assert set(Automaton(keys).ends(text)) == expected


def _cost_s(finder: WordFinder, text: str) -> float:
    return least_cpu_s(lambda: finder.find(text))


RNG = random.Random(0)
FIVE_THOUSAND = tuple({"".join(RNG.choices("abcdefghijklmnop", k=RNG.randint(4, 12))) for _ in range(5100)})[:5000]
PLAIN = " ".join("".join(RNG.choices("abcdefghijklmnop", k=6)) for _ in range(1500))


@pytest.fixture(scope="module")
def five_thousand() -> WordFinder:
    return WordFinder([WordList("l", "review", FIVE_THOUSAND)])


@pytest.mark.parametrize(
    "pattern",
    [PLAIN, "!" * 10_000, "a1" * 5000, "a" + "\u0301" * 9_999, "a " * 5000, "$a" * 5000, "\u1100\u1161" * 5000],
    ids=["words", "calls", "leet", "accents", "spaced", "signs", "hangul"],
)
def test_time_grows_with_the_text_and_no_faster(pattern: str, five_thousand: WordFinder) -> None:
    # Ten times the text; were the time quadratic, it would be a hundred times as much.
    assert _cost_s(five_thousand, pattern[:10_000]) < 30 * _cost_s(five_thousand, pattern[:1000]) + 0.02


def test_time_hardly_grows_with_the_number_of_entries(five_thousand: WordFinder) -> None:
    fifty = WordFinder([WordList("l", "review", FIVE_THOUSAND[:50])])
    assert _cost_s(five_thousand, PLAIN) < 5 * _cost_s(fifty, PLAIN)

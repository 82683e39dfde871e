import re
from functools import partial
from itertools import groupby

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.cpu_time import least_cpu_s

from model.preprocess import normalise_text
from model.text.folding import folded
from model.text.turned import IS_TURNED

RLO, LRO, PDF, RLI, PDI = "\u202e", "\u202d", "\u202c", "\u2067", "\u2069"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        # Look-alikes: in words with Latin letters, of several scripts, or alone amid English.
        ("w\u043erds", "words"),
        ("\u0397\u0410\u0422 you", "HAT you"),
        ("the \u0441\u0443\u0440\u0440\u0430 is", "the cyppa is"),
        ("the \u0441\u0443\u0440\u0440\u0430 \u0436 is", "the \u0441\u0443\u0440\u0440\u0430 \u0436 is"),
        ("\u0441\u043e\u0440", "\u0441\u043e\u0440"),
        ("the \u03c1 of \u03b1", "the \u03c1 of \u03b1"),
        ("\u1d21\u1d0f\u0280\u1d05", "word"),
        ("\u20acuro for 5\u20ac, Brand\u00ae", "Euro for 5\u20ac, Brand\u00ae"),
        # Marks: heaps, strokes and frames go, what an alphabet has stays.
        ("w\u0336o\u0336r\u0336d\u0336", "word"),
        ("w\u20ddo\u20e3rd", "word"),
        ("o\u0301\u0302\u0303\u0335h", "oh"),
        ("caf\u00e9 na\u00efve \u0141\u00f3d\u017a ti\u1ebfng", "caf\u00e9 na\u00efve \u0141\u00f3d\u017a ti\u1ebfng"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u0645\u064f\u062d", "\u0645\u064f\u062d"),
        ("1\ufe0f\u20e3 step", "1\u20e3 step"),
        ("w0\ufe0f\u20e3rd", "word"),
        # Letters as emoji, and flags.
        ("\U0001f171eans", "Beans"),
        ("\U0001f152\U0001f170\u24e3\u24de", "CAto"),
        ("\u24a3\u24a4", "hi"),
        ("\U0001f1f9\U0001f1f7\U0001f1e6\U0001f1ee\U0001f1f3", "TRAIN"),
        ("\U0001f1e8\u200b\U0001f1e6\u200b\U0001f1f3\u200b\U0001f1ea", "CANE"),
        # Direction.
        (f"a {RLO}drow{PDF} b", "a word b"),
        (f"{RLI}{RLO}drow{PDF}{PDI}", "word"),
        (f"{RLO}olleh {LRO}word{PDF}", "word hello"),
        (f"{RLO}drow\nword", "word word"),
        (f"{RLI}word{PDI}", "word"),
        (f"{RLO}\u05d0\u05d1 ba{PDF}", "ab \u05d0\u05d1"),
        (f"{RLO}e\u0301b{PDF}", "b\u00e9"),
        # Upside down.
        ("no\u028e \u01dd\u0287\u0250\u0265 \u0131", "i hate you"),
        ("w\u0250rd", "ward"),
        # Letters apart.
        ("w o r d", "word"),
        ("w.o.r.d", "word"),
        ("w*o*r*d t*w*o", "word two"),
        ("o n e  w o r d", "one word"),
        ("w\no\nr\nd", "word"),
        ("w\u2800o\u2800r\u2800d", "word"),
        ("w\U0001f44fo\U0001f44fr\U0001f44fd", "word"),
        ("w . o . r . d", "word"),
        ("(w)(o)(r)(d)", "(word)"),
        ("I l i k e it", "I like it"),
        ("some-\nthing", "something"),
        # Digits in words.
        ("w0rd", "word"),
        ("b1ack b1tch k1ll he11o", "black bitch kill hello"),
        ("B4N4N4", "BANANA"),
        ("b4n4n4s w0rd5", "bananas words"),
    ],
)  # fmt: skip
def test_text_is_read_as_people_see_it(written: str, read: str) -> None:
    assert normalise_text(written) == read


@pytest.mark.parametrize(
    "text",
    [
        "the U.S.A. at 3.5 p.m., e.g. in the U.K.",
        "A) one B) two C) three D) four",
        "1 2 3 4 5 6",
        "a, b, c, d (e) (f)",
        "a 1 b 2 c 3",
        "I'm a U.S. citizen",
        "n-n-n-no",
        "C4, mp3s, H1N1, 4ever, covid19, 2nd, WH40K",
        "march4marriage stand4life",
        "me@example.com and #b1g and x/y1z",
        "well-known co-op",
        "\u043c\u0438\u0440 \u0442\u0435\u0431\u0435",
        "\u6211 \u7231 \u4f60 \u4eec",
        "\u05e9\u05dc\u05d5\u05dd",
        "\u00e9t\u00e9 \u00e0 la plage",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert normalise_text(text) == text


def test_a_flag_is_still_a_flag() -> None:
    france = "regional indicator symbol letter f regional indicator symbol letter r"
    assert normalise_text("\U0001f1eb\U0001f1f7 \U0001f1eb\U0001f1f7") == f"{france} {france}"
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert normalise_text(scotland) == "waving black flag"


PLAIN_WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12), max_size=12)


@given(PLAIN_WORDS, st.sampled_from([" ", ", ", ". ", "\n", " - "]))
def test_text_without_any_special_character_is_unchanged(words: list[str], between: str) -> None:
    text = between.join(words)
    assert folded(text) == [(char, at, at + 1) for at, char in enumerate(text)]


MARKS = "\u0301\u0336\u20e3\u2800\u1100\u1161"
LETTERS = "ab I1@. -*\n\u0430\u03b7\u0131\u0250\u0287\u00e9\U0001f1e9\U0001f1ea\U0001f171\U0001f44f\u2764"
SPECIAL = st.sampled_from(LETTERS + MARKS + RLO + LRO + PDF + RLI + PDI)
TEXTS = st.text(st.one_of(SPECIAL, st.characters()), max_size=30)


@settings(max_examples=400)
@given(TEXTS)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    once = normalise_text(text)
    # Wide gaps part letters that stand apart, and the first folding makes them narrow.
    assume(not re.search(r"(?<!\w)\w(?!\w)", once))
    assert normalise_text(once) == once


@given(TEXTS)
def test_every_character_knows_where_it_was_written(text: str) -> None:
    assert all(0 <= start < end <= len(text) for _, start, end in folded(text))


@given(TEXTS.filter(lambda text: RLO not in text and IS_TURNED.search(text) is None))
def test_without_an_override_or_turned_letters_the_order_is_that_of_writing(text: str) -> None:
    starts = [start for _, start, _ in folded(text)]
    assert [place for place, _ in groupby(starts)] == sorted(set(starts))


HOSTILE = {
    "marks": "a" + "\u0301" * 9_999,
    "zalgo": "a\u0336\u0301\u0335" * 2500,
    "syllables": "\u1100" + "\u1161" * 9_999,
    "overrides": f"{RLO}a{LRO}a" * 2500,
    "open overrides": RLO * 5000 + PDI * 5000,
    "apart": "a " * 5000,
    "apart by marks": "a.b.c  " * 1400,
    "masked": "\u0430" * 10_000,
    "masked words": "\u0430bc " * 2500,
    "turned": "\u01dd " * 5000,
    "indicators": "\U0001f1ed\U0001f1e6" * 5000,
    "expanding": "\ufdfa\u0430" * 5000,
    "digits": "1a" * 5000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_time_grows_with_the_text_and_no_faster(text: str) -> None:
    # Ten times the text; were the time quadratic, it would be a hundred times as much.
    short_s, long_s = (least_cpu_s(partial(normalise_text, text[:n])) for n in (1000, 10_000))
    assert long_s < 30 * short_s + 0.1

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.text.confusables import is_latin, look_alike, without_accent


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0458\u0455", "aeopcxyijs"),
        ("\u0412\u0415\u041d\u0422\u0406", "BEHTI"),
        ("\u043a\u0442\u043c\u0432", "ktmb"),
        ("\u03b1\u03bf\u03bd\u03c1\u0392\u0397\u03a5", "aovpBHY"),
        ("\u0585\u0578\u057d\u0570", "onuh"),
        ("\u13aa\u13f4\u13df\u13a0", "ABCD"),
        ("\u0261\u0131\u0237\u0251", "gija"),
        ("\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c", "abcdefgh"),
        ("\u0250\u01dd\u0265\u0279\u0287", "aehrt"),
        ("\u0451", "\u00eb"),
    ],
)
def test_a_letter_of_another_script_looks_like_the_latin_one(written: str, seen: str) -> None:
    assert "".join(map(look_alike, written)) == seen


@given(st.characters(max_codepoint=0x7F))
def test_no_character_of_ascii_looks_like_another(char: str) -> None:
    assert look_alike(char) == ""
    assert without_accent(char) == char


@pytest.mark.parametrize(
    "char",
    "\u00e9\u00f1\u00fc\u0142\u00f8\u0111\u00e6\u00df\u015f\u1ebf\u01a1\u0439\u0436\u03bb\u05d0\u0905\u4e2d\u2122\u00d7\u221e",
)
def test_a_letter_that_is_itself_looks_like_no_other(char: str) -> None:
    assert look_alike(char) == ""


@given(st.characters())
def test_what_a_character_looks_like_is_latin_letters(char: str) -> None:
    assert all(seen.isalpha() and is_latin(unicodedata.normalize("NFD", seen)[0]) for seen in look_alike(char))


@pytest.mark.parametrize(
    ("written", "plain"),
    [("\u00e9\u0142\u0111\u00f8\u0127", "eldoh"), ("\u00e6", "ae"), ("\u0439\u03ac", "\u0439\u03ac")],
)
def test_only_latin_letters_lose_their_accents_and_strokes(written: str, plain: str) -> None:
    assert "".join(map(without_accent, written)) == plain

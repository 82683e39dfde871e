import sys
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from model.text.characters import BLANK, is_default_ignorable, is_visible

IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")


def test_default_ignorable_is_what_unicode_says() -> None:
    everything = [chr(code) for code in range(sys.maxunicode + 1)]
    told = [char for char in everything if IGNORABLE.match(char)]
    assert [char for char in everything if is_default_ignorable(char)] == told


@pytest.mark.parametrize("char", ["\ufe0e", "\U000e0100", "\u3164", "\uffa0", "\u17b4", "\u180b", "\u034f", "\u2800"])
def test_what_shows_nothing_is_not_visible(char: str) -> None:
    assert not is_visible(char)


@given(st.characters(categories=["L", "N", "P", "S", "M", "Co"]))
def test_letters_digits_signs_and_marks_are_visible_unless_they_are_ignorable_or_blank(char: str) -> None:
    assert is_visible(char) is not (is_default_ignorable(char) or char in BLANK)


@given(st.characters(categories=["Z", "Cc", "Cf"]))
def test_white_space_and_controls_are_not_visible(char: str) -> None:
    assert unicodedata.category(char)[0] in "ZC"
    assert not is_visible(char)

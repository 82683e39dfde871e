"""Windows of long texts: nothing between them is left out, none is longer than the network reads."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.preparation import PREPROCESS, tokenizer_json

from model.parts.windows import windows_of
from model.preprocess import Preprocessor

PREPROCESSOR = Preprocessor(PREPROCESS, tokenizer_json())
ROOM = PREPROCESS.max_text_tokens - 2


def _words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def test_a_text_that_fits_is_one_window() -> None:
    text = " ".join("abcdefgh")
    assert windows_of(text, _words, 8).spans == ((0, len(text)),)
    assert windows_of("", _words, 8).spans == ((0, 0),)


def test_windows_overlap_by_a_quarter() -> None:
    text = " ".join("abcdefghijklmnop")
    found = windows_of(text, _words, 8)
    assert [text[start:end].replace(" ", "") for start, end in found.spans] == ["abcdefgh", "ghijklmn", "mnop"]
    assert found.judged_chars == len(text)


def test_a_text_beyond_the_most_windows_is_judged_up_to_there() -> None:
    text = " ".join("abcdefghijklmnop")
    found = windows_of(text, _words, 8, max_windows=2)
    assert len(found.spans) == 2
    assert found.judged_chars == found.spans[-1][1] < len(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\u202e"), max_size=200))
@example("🏳️‍🌈" * 30)
@example("\ufdfa" * 5)
@example("a" * 199)
def test_every_word_is_in_a_window_that_is_read_whole(text: str) -> None:
    found = PREPROCESSOR.windows(text, 1000)
    assert found.judged_chars == len(text)
    read = {at for start, end in found.spans for at in range(start, end)}
    assert {at for at, char in enumerate(text) if not char.isspace()} <= read
    for start, end in found.spans:
        ids = PREPROCESSOR.text_inputs([text[start:end]], [()]).input_ids
        assert end - start <= 1 or ids.shape[1] <= PREPROCESS.max_text_tokens
    for (first, _), (second, _) in pairwise(found.spans):
        assert first < second


@pytest.mark.parametrize("n_chars", [60, 500])
def test_what_is_said_last_in_letters_without_a_gap_changes_what_is_read(n_chars: int) -> None:
    texts = [n_chars * "ab" + end for end in ("cd", "ef")]
    inputs = []
    for text in texts:
        spans = PREPROCESSOR.windows(text, 1000).spans
        inputs.append(PREPROCESSOR.text_inputs([text[start:end] for start, end in spans], [()] * len(spans)))
    assert inputs[0].input_ids.tolist() != inputs[1].input_ids.tolist()


def test_a_long_text_is_judged_up_to_an_override_of_its_direction() -> None:
    text = "ab cd ef gh \u202e" + "zy xw " * 10
    found = PREPROCESSOR.windows(text)
    assert len(found.spans) > 1
    assert found.judged_chars == text.index("\u202e")

import numpy as np
import pytest
from numpy.typing import NDArray

from model.ocr.ctc import decode_line, split_words, word_extents

CHARACTERS = ["blank", "A", "B", " "]


def _frames(*rows: tuple[float, float, float, float]) -> NDArray[np.float64]:
    return np.array(rows)


BLANK = (0.97, 0.01, 0.01, 0.01)
GAP = (0.90, 0.00, 0.00, 0.10)  # as PP-OCR sees the space between outlined capitals
INSIDE = (1.0, 0.0, 0.0, 1e-6)  # as it sees the space between two letters of a word
A = (0.1, 0.9, 0.0, 0.0)
B = (0.2, 0.0, 0.8, 0.0)


def _text(frames: NDArray[np.float64]) -> str:
    return "".join(char.char for char in decode_line(frames, CHARACTERS))


def test_repeated_frames_are_one_letter_and_a_blank_between_makes_two() -> None:
    assert _text(_frames(A, A, INSIDE, A, B)) == "AAB"


def test_a_space_that_the_blank_outweighs_a_little_is_recovered() -> None:
    assert _text(_frames(A, GAP, B)) == "A B"
    assert _text(_frames(A, INSIDE, B)) == "AB"


def test_a_letter_is_never_given_up_for_a_space() -> None:
    doubtful = (0.2, 0.5, 0.0, 0.3)
    assert _text(_frames(INSIDE, doubtful, INSIDE)) == "A"


def test_only_blanks_are_no_text() -> None:
    assert decode_line(_frames(INSIDE, INSIDE), CHARACTERS) == ()


def test_how_much_a_space_is_helped_is_the_callers_to_say() -> None:
    frames = _frames(A, (0.98, 0.0, 0.0, 0.015), B)
    read = {prior: "".join(c.char for c in decode_line(frames, CHARACTERS, space_prior=prior)) for prior in (50, 100)}
    assert read == {50: "AB", 100: "A B"}


def test_positions_are_shares_of_the_line_without_its_padding() -> None:
    line = decode_line(_frames(A, INSIDE, B, INSIDE), CHARACTERS)
    padded = decode_line(_frames(A, INSIDE, B, INSIDE, INSIDE, INSIDE, INSIDE, INSIDE), CHARACTERS, used_share=0.5)
    assert [char.position for char in line] == pytest.approx([0.125, 0.625])
    assert [char.position for char in padded] == pytest.approx([0.125, 0.625])
    assert [char.confidence for char in line] == pytest.approx([0.9, 0.8])


def test_words_are_cut_at_spaces_and_reach_half_a_letter_beyond_their_centres() -> None:
    line = decode_line(_frames(INSIDE, A, B, GAP, A, B, INSIDE, INSIDE), CHARACTERS)
    words = split_words(line)
    assert ["".join(char.char for char in word) for word in words] == ["AB", "AB"]
    assert word_extents(words) == [pytest.approx((1 / 8, 3 / 8)), pytest.approx((4 / 8, 6 / 8))]

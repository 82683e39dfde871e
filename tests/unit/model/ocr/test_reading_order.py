from random import Random

from hypothesis import given
from hypothesis import strategies as st

from model.ocr.boxes import clipped, containment
from model.ocr.reading_order import group_words, order_lines
from model.ocr.types import Box, OcrWord


def _word(text: str, left: int, top: int, width: int = 60, height: int = 20) -> OcrWord:
    return OcrWord(text, (left, top, left + width, top + height), 0.9)


def _read(words: list[OcrWord]) -> list[str]:
    return [" ".join(word.text for word in line) for line in order_lines(group_words(words))]


_BOXES = st.builds(
    lambda left, top, width, height: (left, top, left + width, top + height),
    st.integers(0, 400),
    st.integers(0, 400),
    st.integers(1, 200),
    st.integers(1, 60),
)
_WORDS = st.lists(_BOXES, max_size=12, unique=True).map(
    lambda boxes: [OcrWord(f"w{index}", box, 0.9) for index, box in enumerate(boxes)]
)


def test_a_caption_is_read_top_to_bottom_and_left_to_right() -> None:
    words = [_word("fox", 70, 32), _word("the", 0, 0), _word("brown", 0, 30), _word("quick", 70, 2)]
    assert _read(words) == ["the quick", "brown fox"]


def test_two_columns_of_text_are_read_one_after_the_other() -> None:
    left = [_word(f"a{row}", 0, 30 * row) for row in range(3)]
    right = [_word(f"b{row}", 300, 30 * row) for row in range(3)]
    assert _read([*right, *left]) == ["a0", "a1", "a2", "b0", "b1", "b2"]


def test_a_title_over_two_columns_is_read_before_both() -> None:
    title = _word("title", 0, 0, width=360)
    columns = [_word(f"{name}{row}", left, 30 + 30 * row) for name, left in (("a", 0), ("b", 300)) for row in range(2)]
    assert _read([*columns, title]) == ["title", "a0", "a1", "b0", "b1"]


def test_four_panels_are_read_row_by_row() -> None:
    panels = [_word("nw", 0, 0), _word("ne", 300, 4), _word("sw", 0, 300), _word("se", 300, 296)]
    assert _read(panels[::-1]) == ["nw", "ne", "sw", "se"]


def test_words_far_apart_on_one_height_are_separate_lines() -> None:
    assert group_words([_word("left", 0, 0), _word("right", 300, 0)]) == [
        [_word("left", 0, 0)],
        [_word("right", 300, 0)],
    ]


def test_a_slanted_line_stays_one_line() -> None:
    words = [_word(f"w{index}", 70 * index, 8 * index) for index in range(6)]
    assert _read(words[::-1]) == ["w0 w1 w2 w3 w4 w5"]


@given(_WORDS)
def test_no_word_is_lost_or_repeated(words: list[OcrWord]) -> None:
    ordered = [word for line in order_lines(group_words(words)) for word in line]
    assert sorted(word.text for word in ordered) == sorted(word.text for word in words)


@given(_WORDS, st.randoms(use_true_random=False))
def test_the_order_words_come_in_does_not_matter(words: list[OcrWord], random: Random) -> None:
    shuffled = random.sample(words, len(words))
    assert _read(shuffled) == _read(words)


@given(_WORDS, st.integers(0, 500), st.integers(0, 500))
def test_moving_the_whole_text_changes_nothing(words: list[OcrWord], right: int, down: int) -> None:
    moved = [
        OcrWord(w.text, (w.box[0] + right, w.box[1] + down, w.box[2] + right, w.box[3] + down), w.confidence)
        for w in words
    ]
    assert _read(moved) == _read(words)


@given(_WORDS)
def test_words_of_a_line_go_from_left_to_right(words: list[OcrWord]) -> None:
    for line in group_words(words):
        assert [word.box[0] for word in line] == sorted(word.box[0] for word in line)


@given(_BOXES, st.integers(61, 300))
def test_of_two_words_the_upper_is_read_first_whatever_is_left(box: Box, down: int) -> None:
    upper = OcrWord("upper", box, 0.9)
    lower = OcrWord("lower", (0, box[1] + down, 50, box[3] + down), 0.9)
    assert _read([lower, upper]) == ["upper", "lower"]


@given(_BOXES, _BOXES)
def test_containment_is_symmetric_and_one_for_a_box_in_itself(first: Box, second: Box) -> None:
    assert containment(first, second) == containment(second, first)
    assert 0.0 <= containment(first, second) <= 1.0
    assert containment(first, first) == 1.0


@given(_BOXES, st.integers(1, 300), st.integers(1, 300))
def test_a_clipped_box_lies_in_the_picture(box: Box, width_px: int, height_px: int) -> None:
    left, top, right, bottom = clipped(box, width_px, height_px)
    assert 0 <= left <= right <= width_px
    assert 0 <= top <= bottom <= height_px

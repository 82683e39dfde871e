from hypothesis import given
from hypothesis import strategies as st

from model.ocr.boxes import containment
from model.ocr.merge import SAME_PLACE, merge_by_place
from model.ocr.types import OcrWord

_WORDS = st.lists(
    st.builds(
        lambda left, top, width, height, confidence: OcrWord(
            "w", (left, top, left + width, top + height), confidence / 10
        ),
        st.integers(0, 100),
        st.integers(0, 100),
        st.integers(1, 80),
        st.integers(1, 30),
        st.integers(0, 10),
    ),
    max_size=10,
)


def test_of_two_overlapping_words_the_more_confident_is_kept() -> None:
    doubtful = OcrWord("HELL0", (10, 10, 60, 30), 0.7)
    sure = OcrWord("HELLO", (12, 9, 61, 30), 0.9)
    assert merge_by_place([[doubtful], [sure]]) == [sure]
    assert merge_by_place([[sure], [doubtful]]) == [sure]


def test_a_piece_of_a_word_counts_as_the_same_place() -> None:
    word = OcrWord("HELLO", (0, 0, 100, 20), 0.9)
    piece = OcrWord("LO", (60, 0, 100, 20), 0.8)
    assert merge_by_place([[piece], [word]]) == [word]


def test_words_that_one_reading_alone_found_are_all_kept() -> None:
    left, right = OcrWord("a", (0, 0, 20, 20), 0.8), OcrWord("b", (40, 0, 60, 20), 0.7)
    assert merge_by_place([[left], [right]]) == [left, right]


@given(_WORDS, _WORDS)
def test_no_two_words_share_a_place_and_every_dropped_one_lost_to_a_surer_one(
    first: list[OcrWord], second: list[OcrWord]
) -> None:
    kept = merge_by_place([first, second])
    for index, word in enumerate(kept):
        assert all(containment(word.box, other.box) < SAME_PLACE for other in kept[index + 1 :])
    for word in [*first, *second]:
        rivals = [other for other in kept if other is word or containment(word.box, other.box) >= SAME_PLACE]
        assert max(rival.confidence for rival in rivals) >= word.confidence


@given(_WORDS)
def test_merging_again_changes_nothing(words: list[OcrWord]) -> None:
    once = merge_by_place([words])
    assert merge_by_place([once]) == once

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.metrics.reading import edit_distance, pooled, score_reading, tokens


def test_tokens_rejoin_treebank_contractions_and_ignore_case_and_punctuation() -> None:
    words = tokens("She DID n't say it 's Obama\u2019s, gon na go_there!")
    assert words == ["she", "didnt", "say", "its", "obamas", "gonna", "go", "there"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("flaw", "lawn", 2), ("same", "same", 0)],
)
def test_edit_distance_matches_known_values(first: str, second: str, expected: int) -> None:
    assert edit_distance(first, second) == expected


def test_scores_match_a_hand_computed_example() -> None:
    # Reference 4 tokens, read 3 tokens; "the" (once: it was read once) and "cat" match.
    score = score_reading("the cat the dog", "THE cat bog")
    assert (score.n_matched, score.n_reference_words, score.n_read_words) == (2, 4, 3)
    assert score.word_f1 == pytest.approx(4 / 7)
    assert (score.precision, score.recall) == pytest.approx((2 / 3, 2 / 4))
    # "the cat the dog" -> "the cat bog": drop "the " (4) and turn d into b (1); 15 reference characters.
    assert score.character_error == pytest.approx(5 / 15)


def test_a_glued_word_costs_one_edit_and_both_words() -> None:
    score = score_reading("before it", "BEFOREIT")
    assert score.n_matched == 0
    assert score.n_edits == 1


def test_pooling_weighs_pictures_by_their_words() -> None:
    score = pooled([score_reading("a b c", "a b c"), score_reading("d", "e")])
    assert score.word_f1 == pytest.approx(3 / 4)
    assert score.character_error == pytest.approx(1 / 6)


def test_nothing_read_from_a_picture_without_words_is_perfect_and_invented_words_are_not() -> None:
    assert score_reading("", "").word_f1 == 1.0
    assert score_reading("", "").character_error == 0.0
    assert score_reading("", "ghost").word_f1 == 0.0
    assert score_reading("", "ghost").character_error == 1.0


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_edit_distance_is_a_metric(first: str, second: str, third: str) -> None:
    assert edit_distance(first, second) == edit_distance(second, first)
    assert (edit_distance(first, second) == 0) == (first == second)
    assert edit_distance(first, third) <= edit_distance(first, second) + edit_distance(second, third)
